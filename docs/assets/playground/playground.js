// <vg-playground>: an editor, the buttons around it, and what a run says. The graph is shown by the page's <vg-player>,
// which begins with a recording made when the site was built. Nothing runs before the reader asks for it.
import { LinkError, fromFragment, toFragment } from "./link.js";
import { python } from "./python.js";
import { lineOf, outcome, phaseText, remarks } from "./report.js";
import { session } from "./session.js";

const EDITOR = new URL("../vendor/editor.js", import.meta.url).href;
const programAddress = (name) => new URL(`programs/${name}.py`, import.meta.url);
const TOO_SOON = 400; // ms: the second click of a double click on Run is not meant to be a Stop

class Playground extends HTMLElement {
  #leaving = null;
  #editor = null;
  #recorded = null; // the page's player, with a recording of the first start program
  #player = null; // a player for what is run here, which takes the place of the other
  #shown = null; // the trace that it shows
  #opening = Promise.resolve(); // of a start program: Run waits for it
  #began = 0;

  async connectedCallback() {
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    try {
      this.#recorded = document.querySelector("vg-player");
      this.#player = document.createElement("vg-player");
      this.#player.className = this.#recorded.className;
      await this.#open(signal);
    } catch (error) {
      this.#say(`The playground could not be loaded: ${error.message}`);
    }
    this.toggleAttribute("ready", true);
  }

  async #open(signal) {
    const { makeEditor } = await import(EDITOR);
    const problem = await this.#findProgram();
    if (signal.aborted) return;
    this.#editor = makeEditor(this.#part("program"), {
      doc: session.source,
      label: "Your program",
      onRun: () => this.#run(),
      onChange: (text) => this.#onEdit(text),
    });
    this.querySelector(".cm-content").tabIndex = 0; // it is reached without, but not everyone who looks knows that
    this.#listen(signal);
    this.#showOrigin();
    this.#showRun();
    if (problem) this.#say(problem);
  }

  disconnectedCallback() {
    this.#leaving.abort();
    this.#editor?.destroy();
    if (this.#shown) session.step = this.#player.step;
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  // --- the program ---------------------------------------------------------------------------------------------------

  /** A link's program, else what the reader had here, else the start program. Answers what is wrong with the link. */
  async #findProgram() {
    const problem = await this.#openLink();
    if (session.source === null) await this.#openStart(this.#part("start").value);
    return problem;
  }

  async #openLink() {
    try {
      const link = location.hash;
      // Once is enough: on a return to the page, it would go over whatever was written since.
      const linked = link === session.link ? null : await fromFragment(link);
      if (linked) {
        session.stop();
        session.clear();
        session.open({ ...linked, chosen: "", link });
      }
      return "";
    } catch (error) {
      if (error instanceof LinkError) return error.message;
      throw error;
    }
  }

  async #openStart(chosen) {
    const answer = await fetch(programAddress(chosen));
    if (!answer.ok) throw new Error(`the start program could not be loaded: ${answer.status}`);
    session.open({ source: (await answer.text()).trimEnd(), chosen });
  }

  #onEdit(text) {
    session.edit(text);
    this.#editor.setErrorLine(null);
    this.#part("address").parentElement.hidden = true;
    if (session.result && !session.running) this.#say("Edited since the last run.");
  }

  /** Puts the session's program into the editor, where undo still brings the one before back. */
  #showProgram() {
    session.clear();
    this.#editor.text = session.source;
    this.#showOrigin();
    this.#showRun();
  }

  #showOrigin() {
    const linked = session.chosen === "";
    this.#part("origin").hidden = !linked;
    const select = this.#part("start");
    select.querySelector('option[value=""]').hidden = !linked;
    select.value = session.chosen;
  }

  // --- what the reader does ------------------------------------------------------------------------------------------

  #listen(signal) {
    const on = (part, type, action) => this.#part(part).addEventListener(type, action, { signal });
    on("run", "click", () => (session.running ? this.#stop() : this.#run()));
    on("reset", "click", () => this.#reset());
    on("link", "click", () => this.#copyLink());
    on("start", "change", (event) => this.#choose(event.target.value));
    // Whoever comes this close is about to run something: Python may start now. Who saves data decides by the click.
    const warm = () => navigator.connection?.saveData || python.warm();
    on("run", "pointerenter", warm);
    on("run", "focus", warm);
    on("program", "focusin", warm);
    this.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    window.addEventListener("hashchange", () => this.#onHash(), { signal });
    window.addEventListener("vg-run", (event) => this.#onAsked(event), { signal });
    python.addEventListener("phase", () => this.#showPhase(), { signal });
    session.addEventListener("begin", () => this.#showRun(), { signal });
    session.addEventListener("output", ({ detail }) => this.#print(detail), { signal });
    session.addEventListener("end", () => this.#showRun(), { signal });
  }

  #onKey(event) {
    if (event.defaultPrevented || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#run();
  }

  /** The figure asks for another run of its program, with a number that the reader has changed in it. */
  #onAsked(event) {
    event.preventDefault();
    session.stop();
    session.edit(event.detail.source);
    this.#showProgram();
    this.#run();
  }

  async #run() {
    this.#began = performance.now();
    await this.#opening;
    session.run();
  }

  #stop() {
    if (performance.now() - this.#began > TOO_SOON) session.stop();
  }

  #choose(name) {
    session.stop();
    this.#opening = this.#openStart(name).then(
      () => this.#showProgram(),
      (error) => this.#say(`Nothing was changed: ${error.message}`),
    );
  }

  #reset() {
    session.stop();
    session.edit(session.start);
    this.#showProgram();
  }

  async #onHash() {
    const before = session.link;
    const problem = await this.#openLink();
    if (session.link !== before) this.#showProgram();
    if (problem) this.#say(problem);
  }

  async #copyLink() {
    try {
      const fragment = await toFragment({ source: session.source, step: this.#stepOfProgram() });
      await this.#copy(new URL(fragment, location.href).href);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#say(error.message);
    }
  }

  /** The step that is shown, if what is shown is the program as it stands. */
  #stepOfProgram() {
    const { result, source } = session;
    if (result) return result.source === source ? this.#player.step : null;
    return this.#showsRecording() ? this.#recorded.step : null;
  }

  async #copy(link) {
    const field = this.#part("address");
    try {
      await navigator.clipboard.writeText(link);
      field.parentElement.hidden = true;
      this.#say("Link copied. It holds the program and the step that is shown.");
    } catch {
      // Not allowed to, or not over https: the reader can still do it by hand.
      field.value = link;
      field.parentElement.hidden = false;
      field.select();
      this.#say("The browser does not let this page copy. Here is the link, to copy by hand.");
    }
  }

  // --- what is shown -------------------------------------------------------------------------------------------------

  #say(text) {
    this.#part("status").textContent = text;
  }

  #print(text) {
    const printed = this.#part("printed");
    printed.append(text);
    printed.parentElement.hidden = printed.textContent === "";
  }

  #showPhase() {
    const { running, result } = session;
    if (running && python.phase === "ready") return; // on its way: the next event says so
    if (running || !result) this.#say(phaseText(python.phase));
  }

  /** Everything about the current run: after a return to the page, or when one begins, ends or is forgotten. */
  #showRun() {
    const { running, result } = session;
    this.toggleAttribute("running", running);
    const run = this.#part("run");
    run.querySelector("span").textContent = running ? "Stop" : "Run";
    this.#part("printed").replaceChildren();
    this.#print(session.output);
    this.#editor.setErrorLine(null);
    this.#part("remarks").replaceChildren();
    this.#showPhase();
    if (result) this.#showResult(result);
    else this.#showNoResult();
  }

  #showNoResult() {
    for (const figure of [this.#player, this.#recorded]) figure.classList.toggle("pg-old", session.running);
    if (session.running) return;
    this.#player.replaceWith(this.#recorded);
    this.#recorded.hidden = !this.#showsRecording();
  }

  /** Whether the program is the one that the page's own recording shows. */
  #showsRecording() {
    return session.chosen === this.#part("start").options[0].value && session.source === session.start;
  }

  async #showResult(result) {
    const { trace } = result;
    this.#say(outcome(result));
    this.#part("remarks").replaceChildren(...remarks(result, (step) => this.#player.go(step)));
    if (!trace) return;
    if (trace.error && result.source === session.source) this.#editor.setErrorLine(lineOf(trace, trace.error.place));
    await customElements.whenDefined("vg-player");
    if (session.result === result) this.#showGraph(result);
  }

  #showGraph({ trace, svg }) {
    const player = this.#player;
    this.#recorded.replaceWith(player);
    player.hidden = trace.ops.length === 0;
    player.classList.remove("pg-old");
    player.dataset.step = session.step ?? (sameSteps(this.#shown, trace) ? player.step : "end");
    session.step = null;
    this.#shown = trace;
    player.load(trace, svg);
  }
}

/** Whether two runs did the same things, perhaps with other numbers: then a reader wants to stay where they are. */
function sameSteps(before, after) {
  const shape = (trace) => JSON.stringify(trace?.steps.map(({ kind, op, tensor }) => [kind, op, tensor]));
  return shape(before) === shape(after);
}

if (!customElements.get("vg-playground")) customElements.define("vg-playground", Playground);
