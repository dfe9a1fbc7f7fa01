// Renders formulas with KaTeX, where they are marked as such: a $ in a program's output is no formula.
// Pages swap in and out without a reload, so it runs for each; what is rendered is marked, and left alone after.
// KaTeX is as large as everything else of a page: it is fetched where there is a formula.
(() => {
  const BREATH = 30; // ms; then the browser may do something else, if there is more to render
  const FOLDER = new URL("../vendor/katex/", document.currentScript.src);
  const TEX = [
    { left: "\\(", right: "\\)", display: false },
    { left: "\\[", right: "\\]", display: true },
  ];
  const NOTEBOOK = [{ left: "$$", right: "$$", display: true }, { left: "$", right: "$", display: false }, ...TEX];
  const PLACES = [[".arithmatex", TEX], [".jp-RenderedMarkdown, .jp-RenderedLatex", NOTEBOOK]];

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
    for (const [selector, delimiters] of PLACES) {
      const found = [...root.querySelectorAll(`:is(${selector}):not([data-math])`)].filter(
        ({ textContent }) => delimiters.some(({ left }) => textContent.includes(left)),
      );
      for (const element of found) element.dataset.math = "done";
      if (found.length) await katex();
      let since = performance.now();
      for (const element of found) {
        renderMathInElement(element, { delimiters, throwOnError: false });
        if (performance.now() - since < BREATH) continue;
        await new Promise((goOn) => setTimeout(goOn));
        since = performance.now();
      }
    }
  }

  // A formula that is wider than its place scrolls, and what scrolls must be within reach of the keyboard.
  function makeReachable(formula) {
    formula.toggleAttribute("tabindex", false);
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
  }
  const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => makeReachable(target)));
  document.fonts.addEventListener("loadingdone", () => {
    document.querySelectorAll(".katex-display").forEach(makeReachable);
  });

  document$.subscribe(async ({ body }) => {
    await render(body);
    resized.disconnect();
    body.querySelectorAll(".katex-display").forEach((formula) => resized.observe(formula));
  });
})();
