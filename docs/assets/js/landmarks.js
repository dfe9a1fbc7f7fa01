// The theme puts the copy button of each code block into a landmark without a name: to a screen reader, a list of
// nameless places. And a table that is wider than its place scrolls out of reach of the keyboard. The theme does both
// when a block comes near the screen, so a watch is kept.
(() => {
  const resized = new ResizeObserver((entries) => {
    for (const wrap of new Set(entries.map(({ target }) => target.closest(".md-typeset__scrollwrap")))) {
      wrap.toggleAttribute("tabindex", false);
      if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0;
    }
  });
  new MutationObserver(() => {
    document.querySelectorAll("nav.md-code__nav:not([role])").forEach((nav) => nav.setAttribute("role", "none"));
    for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap:not([data-watched])")) {
      wrap.dataset.watched = "";
      resized.observe(wrap);
      for (const inner of wrap.children) resized.observe(inner); // it grows when its formulas are typeset
    }
  }).observe(document.body, { childList: true, subtree: true });
})();
