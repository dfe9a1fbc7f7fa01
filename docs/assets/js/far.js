// On a page that opens at its top, what is far down is not laid out at first (site.css). When the page stands and the
// browser has nothing to do, this has it laid out too, a few pieces at a time, so that the length of the page and the places
// of things are true. A page that opens further down, or that the theme swaps in, is laid out as a whole from the start.
(() => {
  const PIECES = ":is(.md-content__inner, .doc-contents) > *, .jp-CodeCell, .md-sidebar__scrollwrap";
  const AT_ONCE = 500; // elements
  const root = document.documentElement;
  const whenIdle = window.requestIdleCallback ?? ((next) => setTimeout(next, 50));
  const isFar = (piece) => getComputedStyle(piece).contentVisibility === "auto";
  const far = () => [...document.querySelectorAll(PIECES)].filter(isFar);
  let opened = false;

  function layOut(pieces) {
    let count = 0;
    while (pieces.length && count < AT_ONCE) {
      const piece = pieces.shift();
      piece.style.contentVisibility = "visible";
      count += piece.getElementsByTagName("*").length;
    }
    const rest = pieces.length ? pieces : far(); // the theme may have put others in their places meanwhile
    if (rest.length) whenIdle(() => layOut(rest));
    else root.dataset.laidOut = ""; // and no class: another class has all styles worked out again
  }

  document$.subscribe(() => {
    if (opened) root.classList.remove("site-at-top");
    else whenIdle(() => layOut(far()));
    opened = true;
  });
})();
