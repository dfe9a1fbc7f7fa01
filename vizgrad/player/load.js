// On every page of a site, so it is small: fetches the player when a page has a figure. A theme that swaps pages in place
// says so by document$.
const fetchPlayer = ({ body }) => body.querySelector("vg-player, vg-compare") && import("./vg-player.js");
if (window.document$) document$.subscribe(fetchPlayer);
else fetchPlayer(document);
