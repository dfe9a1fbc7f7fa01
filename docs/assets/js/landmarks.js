// The theme puts the copy button of each code block into a landmark without a name: to a screen reader, a list of
// nameless places. It does so when a block comes near the screen, so a watch is kept.
new MutationObserver(() => {
  document.querySelectorAll("nav.md-code__nav:not([role])").forEach((nav) => nav.setAttribute("role", "none"));
}).observe(document.body, { childList: true, subtree: true });
