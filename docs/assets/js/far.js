// On a page that opens at its top, what is far down is not laid out at first (site.css). When the page stands and the
// browser has nothing to do, this has it laid out too, a few pieces at a time, so that the length of the page and the places
// of things are true. A page that opens further down, or that the theme swaps in, is laid out as a whole from the start.
(() => {
  const PIECES = ":is(.md-content__inner, .doc-contents, .doc-children) > *, .jp-Cell";
  const AT_ONCE = 8;
  const { classList } = document.documentElement;
  const whenIdle = window.requestIdleCallback ?? ((next) => setTimeout(next, 50));
  const isFar = (piece) => getComputedStyle(piece).contentVisibility === "auto";
  let opened = false;

  function layOut(pieces) {
    for (const piece of pieces.slice(0, AT_ONCE)) piece.style.contentVisibility = "visible";
    const rest = pieces.slice(AT_ONCE);
    if (rest.length && classList.contains("site-at-top")) whenIdle(() => layOut(rest));
    else classList.remove("site-at-top");
  }

  document$.subscribe(({ body }) => {
    if (opened) classList.remove("site-at-top");
    else whenIdle(() => layOut([...body.querySelectorAll(PIECES)].filter(isFar)));
    opened = true;
  });
})();
