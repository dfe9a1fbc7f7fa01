// On every page, so it is small: fetches what live figures need when a page has one. Elements that come later, when the
// theme swaps pages, are taken care of by the browser.
document$.subscribe(({ body }) => {
  if (body.querySelector("vg-live")) import("./live.js");
});
