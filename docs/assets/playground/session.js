// What the reader is working on: the program, and what its last run gave. It outlives the page, which comes and goes
// when the theme swaps pages, and while a program runs; the text also outlives a reload.
import { python } from "./python.js";

const KEY = "vizgrad-playground";

class Session extends EventTarget {
  source = null; // the text in the editor; null until something is there
  start = ""; // what Reset brings back
  chosen = ""; // the name of the start program; empty for one from a link
  link = ""; // the fragment that it came from
  output = "";
  result = null; // of the last run, as python.run() gives it, with its `source`
  step = null; // the step to open the next result at; null: what fits
  running = false;

  constructor() {
    super();
    Object.assign(this, restored());
  }

  /** Takes over another program to begin with. */
  open({ source, chosen, link = this.link, step = null }) {
    Object.assign(this, { source, start: source, chosen, link, step });
    this.#keep();
  }

  edit(source) {
    this.source = source;
    this.#keep();
  }

  async run() {
    if (this.running) return;
    const { source } = this;
    Object.assign(this, { running: true, output: "", result: null });
    this.#tell("begin");
    const onOutput = (text) => {
      this.output += text;
      this.dispatchEvent(new CustomEvent("output", { detail: text }));
    };
    const result = await python.run(source, { onOutput });
    Object.assign(this, { running: false, result: { ...result, source } });
    this.#tell("end");
  }

  stop() {
    if (this.running) python.stop();
  }

  /** Forgets what the last run gave. */
  clear() {
    Object.assign(this, { output: "", result: null, step: null });
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }

  #keep() {
    const { source, start, chosen, link } = this;
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ source, start, chosen, link }));
    } catch {
      // Storage may be full or forbidden: then a reload loses the text, as on most pages.
    }
  }
}

function restored() {
  try {
    const { source, start, chosen, link } = JSON.parse(sessionStorage.getItem(KEY));
    const kept = { source, start, chosen, link };
    return Object.values(kept).every((text) => typeof text === "string") ? kept : {};
  } catch {
    return {};
  }
}

export const session = new Session();
