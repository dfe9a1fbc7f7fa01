// Where programs run: a worker that can reach Python's own files, and nothing else on the network.
//
// A worker made from an address knows nothing of a page's content security policy; one made from a blob inherits the
// policy of the document that made the blob. So a hidden, empty frame with a strict policy of its own makes it. Code in
// that worker can neither send anything anywhere nor turn text into JavaScript.

const ASSETS = new URL("../", import.meta.url).href;
const POLICY = [
  "default-src 'none'",
  `script-src ${ASSETS}playground/ ${ASSETS}vendor/ 'wasm-unsafe-eval' blob:`,
  `connect-src ${ASSETS}vendor/pyodide/`,
  "worker-src blob:",
].join("; ");

let frame = null; // a promise of the frame: one is enough for all workers

function openFrame() {
  const element = document.createElement("iframe");
  element.hidden = true;
  element.title = "Where Python runs";
  element.srcdoc = `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`;
  return new Promise((resolve) => {
    element.addEventListener("load", () => resolve(element.contentWindow), { once: true });
    document.body.append(element); // the theme swaps parts of the body, never the body: the frame stays
  });
}

/** A worker that calls `boot(data)` of the module beside this file called `name`. */
export async function startWorker(name, data) {
  const { Blob, URL: FrameURL, Worker } = await (frame ??= openFrame());
  // Loading that fails is told like any other failure; `import(...)` answers to script-src, a plain `import` does not.
  const source = `import(${JSON.stringify(new URL(name, import.meta.url).href)})
    .then(({ boot }) => boot(${JSON.stringify(data)}))
    .catch((error) => postMessage({ fatal: String(error) }));`;
  const address = FrameURL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Worker(address, { type: "module", name: "python" });
}
