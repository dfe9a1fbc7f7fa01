// A program that a reader works on, and what its last run gave. It outlives its page, which comes and goes when the theme
// swaps pages, and while a program runs.
import { python } from "./python.js";

export class Session extends EventTarget {
  source = null; // the text in the editor; null until something is there
  start = ""; // what Reset brings back
  output = "";
  result = null; // of the last run, as python.run() gives it, with its `source`
  step = null; // the step to open the next result at; null: what fits
  node = null; // the tensor or op to choose then
  running = false;

  /** Takes over another program to begin with. */
  open({ source, step = null, node = null }) {
    Object.assign(this, { source, start: source, step, node });
  }

  edit(source) {
    this.source = source;
  }

  async run() {
    if (this.running || python.busy) return;
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
    Object.assign(this, { output: "", result: null });
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
