// A link to a heading lands on it, and who reloads a page or comes back to it is where they were. The page stays there while
// it starts and what is above takes its place: figures, editors, pieces that are laid out late. Until the reader does
// something: from then on the page is the reader's.
(() => {
  const ACTIONS = ["wheel", "touchstart", "pointerdown", "keydown", "focusin"];
  let opened = false;
  let stay = null;

  function land() {
    const left = opened ? history.state : window.leftAt; // { x, y }
    opened = true;
    const target = document.getElementById(location.hash.slice(1));
    stay = left ? () => scrollTo(left.x, left.y) : () => target?.scrollIntoView();
  }

  for (const action of ACTIONS) addEventListener(action, () => (stay = null), { capture: true, passive: true });
  addEventListener("hashchange", land);
  document$.subscribe(land);
  new ResizeObserver(() => stay?.()).observe(document.body);
})();
