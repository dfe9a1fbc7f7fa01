// Renders the formulas of notebooks with KaTeX, in their text only: a $ in a program's output is no formula. Those of other
// pages are drawn when the site is built (docs/_hooks/tex.py).
// Pages swap in and out without a reload, so it runs for each; what is rendered is marked, and left alone after.
// KaTeX is as large as everything else of a page: it is fetched where there is such a formula.
(() => {
  const FOLDER = new URL("../vendor/katex/", document.currentScript.src);
  const PLACES = ":is(.jp-RenderedMarkdown, .jp-RenderedLatex):not([data-math])";
  const DELIMITERS = [
    { left: "$$", right: "$$", display: true },
    { left: "$", right: "$", display: false },
    { left: "\\(", right: "\\)", display: false },
    { left: "\\[", right: "\\]", display: true },
  ];

  let fetched = null;
  const katex = () => (fetched ??= Promise.all(["katex.min.js", "auto-render.min.js"].map(script)));

  function script(name) {
    return new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement("script"), { onload: resolve, onerror: reject });
      element.async = false; // fetched together, run in this order
      element.src = new URL(name, FOLDER);
      document.head.append(element);
    });
  }

  async function render(root) {
    const found = [...root.querySelectorAll(PLACES)].filter(({ textContent }) =>
      DELIMITERS.some(({ left }) => textContent.includes(left)),
    );
    for (const element of found) element.dataset.math = "done";
    if (found.length) await katex();
    for (const element of found) renderMathInElement(element, { delimiters: DELIMITERS, throwOnError: false });
  }

  // A formula that is wider than its place scrolls, and what scrolls must be within reach of the keyboard.
  function makeReachable(formulas) {
    const wide = formulas.map(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth);
    formulas.forEach((formula, index) => {
      if (wide[index]) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    });
  }
  const resized = new ResizeObserver((entries) => makeReachable(entries.map(({ target }) => target)));
  document.fonts.addEventListener("loadingdone", () => {
    const drawn = [...document.querySelectorAll(".katex-display")].filter((formula) => formula.checkVisibility({ contentVisibilityAuto: true }));
    makeReachable(drawn);
  });

  document$.subscribe(async ({ body }) => {
    await render(body);
    resized.disconnect();
    body.querySelectorAll(".katex-display").forEach((formula) => resized.observe(formula));
  });
})();
