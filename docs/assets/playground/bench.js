// An editor, the buttons around it, and what a run says: what the playground and a figure that is edited in place have in
// common. Nothing runs before the reader asks for it.
import { curvesIn, plot } from "./curves.js";
import { editorHint } from "./hint.js";
import { python } from "./python.js";
import { lineOf, outcome, phaseText, remarks } from "./report.js";

const EDITOR = new URL("../vendor/editor.js", import.meta.url).href;
const TOO_SOON = 400; // ms: the second click of a double click on Run is not meant to be a Stop

export class Bench {
  editor = null;
  #root;
  #session;
  #signal;
  #hooks;
  #began = 0;
  #again = false; // a number was changed while the program ran
  #plotting = 0;
  #tellsPhase = true; // the status line is about Python's start, and not something else that a reader may not have read yet

  /**
   * Works on `session`, with the elements in `root` that have the names run, reset, status, program, remarks, printed and
   * curves in data-part, until `signal` is aborted. The hooks, of which only the first two are needed:
   * player() gives the player that shows the runs; showGraph(result) puts a run into it; showNothing() says that there is
   * no result; onEdit() hears of edits; before() is waited for before a run; mayRun() says whether a changed number may
   * run the program without being asked.
   */
  constructor(root, session, signal, hooks) {
    this.#root = root;
    this.#session = session;
    this.#signal = signal;
    this.#hooks = hooks;
  }

  part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  /** Makes the editor, and shows what there is. */
  async open(label) {
    const { makeEditor } = await import(EDITOR);
    if (this.#signal.aborted) return;
    const hint = editorHint();
    this.editor = makeEditor(this.part("program"), {
      doc: this.#session.source,
      label,
      describedBy: hint.id,
      onRun: () => this.run(),
      onChange: (text) => this.#onEdit(text),
      onNumber: () => this.#onNumber(),
    });
    this.part("program").append(hint);
    this.part("program").querySelector(".cm-content").tabIndex = 0; // it is reached without, but not everyone who looks knows
    this.#signal.addEventListener("abort", () => {
      this.editor.destroy();
      hint.remove();
    });
    this.#listen();
    this.show();
  }

  /** Puts the session's program into the editor, where undo still brings the one before back. */
  showProgram() {
    this.#session.clear();
    this.editor.text = this.#session.source;
    this.show();
  }

  say(text) {
    this.#tellsPhase = false;
    this.part("status").textContent = text;
  }

  // --- what the reader does ------------------------------------------------------------------------------------------

  #listen() {
    const signal = this.#signal;
    const session = this.#session;
    const on = (part, type, action) => this.part(part).addEventListener(type, action, { signal });
    on("run", "click", () => (session.running ? this.#stop() : this.run()));
    // Whoever comes this close is about to run something: Python may start now. Who saves data decides by the click.
    const warm = () => navigator.connection?.saveData || python.warm();
    on("run", "pointerenter", warm);
    on("run", "focus", warm);
    on("program", "focusin", warm);
    this.#root.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    python.addEventListener("phase", () => this.#showPhase(), { signal });
    session.addEventListener("begin", () => this.show(), { signal });
    session.addEventListener("output", ({ detail }) => this.#print(detail), { signal });
    session.addEventListener("end", () => this.#onEnd(), { signal });
  }

  #onKey(event) {
    if (event.defaultPrevented || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.run();
  }

  #onEdit(text) {
    const session = this.#session;
    session.edit(text);
    this.editor.setErrorLine(null);
    this.#hooks.onEdit?.();
    if (session.result && !session.running) this.say("Edited since the last run.");
  }

  /** A number was dragged, or changed by a key: whoever does that wants to see what it does. */
  #onNumber() {
    if (!(this.#hooks.mayRun?.() ?? true)) return;
    if (this.#session.running) this.#again = true;
    else this.run();
  }

  async run() {
    this.#began = performance.now();
    await this.#hooks.before?.();
    if (python.busy && !this.#session.running) this.say("Python is busy with another program of this site. Stop that one first.");
    this.#session.run();
  }

  #stop() {
    this.#again = false;
    if (performance.now() - this.#began > TOO_SOON) this.#session.stop();
  }

  #onEnd() {
    this.show();
    if (!this.#again) return;
    this.#again = false;
    this.run();
  }

  // --- what is shown -------------------------------------------------------------------------------------------------

  #print(text) {
    const printed = this.part("printed");
    printed.append(text);
    printed.parentElement.hidden = printed.textContent === "";
    if (text.includes("\n")) this.#plotting ||= requestAnimationFrame(() => this.#plot());
  }

  #plot() {
    this.#plotting = 0;
    const curves = curvesIn(this.#session.output).map(plot);
    this.part("curves").replaceChildren(...curves);
    this.part("curves").hidden = curves.length === 0;
  }

  #showPhase() {
    const { running, result } = this.#session;
    if (running && python.phase === "ready") return; // on its way: the next event says so
    if (!running && (result || !this.#tellsPhase)) return;
    this.say(phaseText(python.phase));
    this.#tellsPhase = true;
  }

  /** Everything about the current run: after a return to the page, or when one begins, ends or is forgotten. */
  show() {
    const { running, result, output } = this.#session;
    this.#root.toggleAttribute("running", running);
    this.part("run").querySelector("span").textContent = running ? "Stop" : "Run";
    this.part("printed").replaceChildren();
    this.#print(output);
    this.#plot();
    this.editor.setErrorLine(null);
    this.part("remarks").replaceChildren();
    this.#tellsPhase = true;
    this.#showPhase();
    if (result) this.#showResult(result);
    else this.#hooks.showNothing?.();
  }

  async #showResult(result) {
    const { trace } = result;
    const session = this.#session;
    this.say(outcome(result));
    this.part("remarks").replaceChildren(...remarks(result, (step) => this.#hooks.player().go(step)));
    if (!trace) return;
    if (trace.error && result.source === session.source) this.editor.setErrorLine(lineOf(trace, trace.error.place));
    await customElements.whenDefined("vg-player");
    if (session.result !== result) return;
    this.#hooks.showGraph(result);
    const player = this.#hooks.player();
    if (session.step !== null) player.go(session.step);
    if (session.node) player.figure?.choose(session.node);
    Object.assign(session, { step: null, node: null });
  }
}
