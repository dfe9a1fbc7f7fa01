// What is far down a page is not laid out until the reader comes near (site.css). When the page stands and the browser has
// nothing to do, this has the rest laid out too, a few pieces at a time, so that the length of the page and the places of
// things are true. Pieces above the reader are left: to lay them out would move what is being read.
(() => {
  const PIECES = ":is(.md-content__inner, .doc-contents, .doc-children) > *, .jp-Cell";
  const AT_ONCE = 8;
  const whenIdle = window.requestIdleCallback ?? ((next) => setTimeout(next, 50));
  const isFar = (piece) => getComputedStyle(piece).contentVisibility === "auto";

  function layOut(pieces) {
    const below = pieces.slice(0, AT_ONCE).filter((piece) => piece.getBoundingClientRect().top > 0);
    for (const piece of below) piece.style.contentVisibility = "visible";
    const rest = pieces.slice(AT_ONCE).filter(({ isConnected }) => isConnected);
    if (rest.length) whenIdle(() => layOut(rest));
    else document.body.dataset.laidOut = "";
  }

  document$.subscribe(({ body }) => {
    delete body.dataset.laidOut;
    whenIdle(() => layOut([...body.querySelectorAll(PIECES)].filter(isFar)));
  });
})();
