// What stands in the place of a figure's program while the reader edits it: the editor, its buttons, what a run says.
import { made } from "../exercise/dom.js";
import { Bench } from "../playground/bench.js";
import { Session } from "../playground/session.js";

const sessions = new Map(); // by page and figure: what a reader has written is there again when they return

export class Desk {
  #player;
  #session;
  #bench;
  #element = markup();
  #closing = new AbortController();

  /** For a figure of some page, until `signal` is aborted; `onEdit` is called after each edit. */
  constructor(name, player, signal, onEdit) {
    this.#player = player;
    if (!sessions.has(name)) sessions.set(name, new Session());
    this.#session = sessions.get(name);
    const until = AbortSignal.any([signal, this.#closing.signal]);
    this.#bench = new Bench(this.#element, this.#session, until, {
      player: () => player,
      showGraph: (result) => this.#showGraph(result),
      showNothing: () => player.classList.toggle("pg-old", this.#session.running),
      onEdit,
    });
    const program = player.figure.trace.files[0].source.trimEnd();
    if (this.#session.source === null) this.#session.open({ source: program });
    this.#bench.part("reset").addEventListener("click", () => this.#reset());
  }

  get source() {
    return this.#session.source;
  }

  async open() {
    const title = this.#player.querySelector(".vg-title")?.textContent;
    await this.#bench.open(title ? `Program of the figure: ${title}` : "Program of the figure");
    this.#player.program = this.#element;
    this.markStep();
  }

  /** Takes the reader there, unless that would bring a keyboard onto a small screen. */
  enter() {
    this.#element.scrollIntoView({ block: "nearest" });
    if (!matchMedia("(pointer: coarse)").matches) this.#bench.editor.focus();
  }

  run(source) {
    this.#session.stop();
    this.#bench.editor.text = source;
    this.#bench.run();
  }

  close() {
    this.#session.stop();
    this.#player.program = null;
    this.#player.classList.remove("pg-old");
    this.#closing.abort();
  }

  leave() {
    this.#session.stop();
    if (this.#session.result) this.#session.step = this.#player.step;
  }

  /** Marks the line of the step that is shown, while the text is that of the program that was recorded. */
  markStep() {
    const { trace } = this.#player.figure;
    const place = trace.steps[this.#player.step]?.place;
    const isShown = place?.[0] === 0 && trace.files[0].source.trimEnd() === this.source.trimEnd();
    this.#bench.editor?.setStepLine(isShown ? place[1] : null);
  }

  #reset() {
    const { start, result } = this.#session;
    this.#bench.editor.text = start;
    if (result) this.#bench.run();
  }

  /** What stops before anything is recorded leaves the graph of before where it is. */
  #showGraph({ trace, svg }) {
    const player = this.#player;
    player.classList.toggle("pg-old", trace.ops.length === 0);
    if (trace.ops.length === 0) return;
    player.dataset.step = "end";
    player.load(trace, svg);
  }
}

/** The parts that a bench works with. */
function markup() {
  const part = (tag, name, attributes = {}) => made(tag, "", { "data-part": name, ...attributes });
  const run = part("button", "run", { type: "button", class: "pg-run" });
  run.append(made("span", "Run"));
  const reset = part("button", "reset", { type: "button" });
  reset.textContent = "Reset";
  const bar = made("div", "", { class: "pg-tools" });
  bar.append(run, reset, part("p", "status", { class: "pg-status", role: "status" }));
  const printed = made("div", "", { class: "pg-printed", hidden: "" });
  printed.append(made("p", "Printed"), part("pre", "printed", { tabindex: "0", role: "group", "aria-label": "Printed" }));
  const element = made("div", "", { class: "vg-desk" });
  element.append(
    part("div", "program", { class: "pg-program" }),
    bar,
    part("div", "remarks", { class: "pg-remarks", role: "group", "aria-label": "Errors and notes" }),
    part("div", "curves", { class: "pg-curves", hidden: "" }),
    printed,
  );
  return element;
}
