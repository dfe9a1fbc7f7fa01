// Stands where the theme's search worker would, and brings that in when the reader first searches.
// See docs/_hooks/search.py.

const [SETUP, READY, QUERY, RESULT] = [0, 1, 2, 3]; // the theme's kinds of messages
const NOTHING = { type: RESULT, data: { items: [] } };

let setup;
let query; // of several typed meanwhile, the last counts
let loading = false;

addEventListener("message", hold);

function hold({ data: message }) {
  if (message.type === SETUP) {
    setup = message;
    postMessage({ type: READY });
    return;
  }
  query = message.type === QUERY ? message : undefined;
  if (!query?.data.trim()) postMessage(NOTHING);
  else if (!loading) load();
}

async function load() {
  loading = true;
  try {
    const answer = await fetch(new URL("../../../search/documents.json", location.href));
    setup.data.docs = (await answer.json()).docs;
    removeEventListener("message", hold);
    importScripts("search.theme.js");
  } catch {
    addEventListener("message", hold); // offline, say: the next letter tries again
    postMessage(NOTHING);
    loading = false;
    return;
  }
  pass(setup);
  addEventListener("message", () => (query = undefined), { once: true }); // typed meanwhile: the theme answers that
  setTimeout(() => query && pass(query)); // in a later task, because the theme sets up asynchronously
}

function pass(message) {
  dispatchEvent(new MessageEvent("message", { data: message }));
}
