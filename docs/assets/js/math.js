// Renders formulas with KaTeX, where they are marked as such: a $ in a program's output is no formula.
// Pages swap in and out without a reload, so it runs for each; what is rendered is marked, and left alone after.
(() => {
  const TEX = [
    { left: "\\(", right: "\\)", display: false },
    { left: "\\[", right: "\\]", display: true },
  ];
  const NOTEBOOK = [{ left: "$$", right: "$$", display: true }, { left: "$", right: "$", display: false }, ...TEX];

  function render(root, selector, delimiters) {
    for (const element of root.querySelectorAll(`:is(${selector}):not([data-math])`)) {
      element.dataset.math = "done";
      renderMathInElement(element, { delimiters, throwOnError: false });
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

  document$.subscribe(({ body }) => {
    render(body, ".arithmatex", TEX);
    render(body, ".jp-RenderedMarkdown, .jp-RenderedLatex", NOTEBOOK);
    resized.disconnect();
    body.querySelectorAll(".katex-display").forEach((formula) => resized.observe(formula));
  });
})();
