// The theme puts the copy button of each code block into a landmark without a name: to a screen reader, a list of
// nameless places. And a table, a program or a rule that is wider than its place scrolls out of reach of the keyboard.
// The theme makes tables and buttons when they come near the screen, so a watch is kept.
(() => {
  const SCROLLERS = ":is(.md-typeset__scrollwrap, .op-rule, pre > code)";
  const resized = new ResizeObserver((entries) => {
    const scrollers = [...new Set(entries.map(({ target }) => target.closest(SCROLLERS)))];
    const wide = scrollers.map(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth); // all, before any is changed
    scrollers.forEach((scroller, index) => {
      if (wide[index]) scroller.tabIndex = 0;
      else scroller.removeAttribute("tabindex");
    });
  });
  const lookInto = (place) => {
    const found = (selector) => [...place.querySelectorAll(selector), ...(place.matches(selector) ? [place] : [])];
    for (const nav of found("nav.md-code__nav:not([role])")) nav.setAttribute("role", "none");
    for (const scroller of found(`${SCROLLERS}:not([data-watched])`)) {
      scroller.dataset.watched = "";
      resized.observe(scroller);
      if (scroller.matches("div")) for (const inner of scroller.children) resized.observe(inner); // formulas make it grow
    }
  };
  lookInto(document.body);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof Element) lookInto(node);
  }).observe(document.body, { childList: true, subtree: true });
})();
