// On every page, so it is small: fetches what a page has an element for. Elements that come later, when the theme swaps
// pages, are taken care of by the browser, or by the script itself.
const WANTED = {
  "[data-calculator]": () => import("./calculators.js"),
  "[data-descent]": () => import("./descent.js"),
  "vg-exercise": () => import("../exercise/exercise.js"),
  "vg-mistake": () => import("../exercise/mistake.js"),
  "vg-question": () => import("../exercise/question.js"),
  "vg-progress": () => import("../exercise/summary.js"),
  "vg-frames": () => import("./frames.js"),
  "vg-live": () => import("../live/live.js"),
};

document$.subscribe(({ body }) => {
  for (const [element, fetched] of Object.entries(WANTED)) if (body.querySelector(element)) fetched();
});
