// On every page, so it is small: fetches what exercises need when a page has one. Elements that come later, when the
// theme swaps pages, are taken care of by the browser.
document$.subscribe(({ body }) => {
  if (body.querySelector("vg-exercise")) import("./exercise.js");
  if (body.querySelector("vg-mistake")) import("./mistake.js");
  if (body.querySelector("vg-question")) import("./question.js");
  if (body.querySelector("vg-frames")) import("../js/frames.js");
  if (body.querySelector("vg-progress")) import("./summary.js");
});
