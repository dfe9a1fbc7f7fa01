// <vg-exercise>: an editor, a button that has the answer graded, hints one at a time, and the solution after a try.
// The page comes with task, starter code, hints and solution in plain HTML; this builds on them. Python starts when
// the reader goes into the editor or presses Check, never before.
import { editorHint } from "../playground/hint.js";
import { python } from "../playground/python.js";
import { phaseText } from "../playground/report.js";
import { button, made, statusLine } from "./dom.js";
import { progress } from "./progress.js";
import { explained } from "./verdict.js";

const EDITOR = new URL("../vendor/editor.js", import.meta.url).href;
const NEAR = "300px"; // to the screen: then the editor is made
const PAUSE = 400; // ms after a key, before the text is kept; and in which a second click is no Stop
const ENDED = {
  limit: "Stopped after 10 seconds, the most that a check may take. Does a loop never end?",
  asked: "Stopped. Your text is as it was.",
};

class Exercise extends HTMLElement {
  #leaving = null;
  #editor = null; // CodeMirror, or the textarea as if it were one
  #checking = false;
  #checked = null; // the text that the verdict on the screen is about
  #began = 0;
  #keeping = 0;
  #parts = {};

  connectedCallback() {
    if (this.#leaving) return;
    this.#leaving = new AbortController();
    this.#build();
    this.#showHelp();
    this.#watch();
    this.toggleAttribute("ready", true);
  }

  disconnectedCallback() {
    if (!this.isConnected) this.#leave();
  }

  #leave() {
    if (this.#checking) python.stop();
    this.#keepText();
    this.#leaving.abort();
    this.#editor.destroy();
  }

  get #uid() {
    return this.dataset.uid;
  }

  get #start() {
    return this.dataset.start;
  }

  // --- building --------------------------------------------------------------------------------------------------------

  #build() {
    const parts = (this.#parts = {
      program: made("div", "", { class: "vg-ex-program" }),
      keys: editorHint(),
      check: button("Check", () => (this.#checking ? this.#stop() : this.#check())),
      hint: button("Hint", () => this.#giveHint()),
      reset: button("Start again", () => this.#reset()),
      status: statusLine(),
      said: made("div", "", { class: "vg-ex-said", role: "region", "aria-label": "What the check says" }),
      printed: made("pre", "", { tabindex: "0", role: "region", "aria-label": "Printed", class: "vg-ex-printed" }),
      done: made("span", "", { class: "vg-ex-done" }),
    });
    parts.check.className = "vg-ex-check";
    parts.printed.hidden = true;
    const bar = made("div", "", { class: "vg-ex-bar" });
    bar.append(parts.check, parts.hint, parts.reset, parts.status);
    this.querySelector(".vg-ex-title").append(" ", parts.done);
    this.querySelector(".vg-ex-start").replaceWith(parts.program, bar, parts.said, parts.printed);
    parts.program.append(parts.keys);
    this.#editor = this.#makeTextarea();
    const { signal } = this.#leaving;
    parts.program.addEventListener("focusin", () => navigator.connection?.saveData || python.warm(), { signal });
    this.#solution.addEventListener("toggle", () => this.#onSolution(), { signal });
    python.addEventListener("phase", () => this.#showPhase(), { signal });
    progress.addEventListener("reset", () => this.#onForeign(), { signal });
  }

  get #hints() {
    return [...this.querySelectorAll(".vg-ex-hint")];
  }

  get #solution() {
    return this.querySelector(".vg-ex-solution");
  }

  get #label() {
    return `Your answer: ${this.dataset.title}`;
  }

  /** The editor until there is a better one: a plain field of the same size, with the same handles. */
  #makeTextarea() {
    const field = made("textarea", "", { "aria-label": this.#label, spellcheck: "false", autocapitalize: "off", wrap: "off" });
    field.value = progress.of(this.#uid).text ?? this.#start;
    field.rows = field.value.split("\n").length;
    field.addEventListener("input", () => this.#onEdit());
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
      event.preventDefault();
      this.#check();
    });
    this.#parts.program.prepend(field);
    return {
      get text() {
        return field.value;
      },
      set text(text) {
        field.value = text;
      },
      setErrorLine() {},
      focus: () => field.focus(),
      destroy: () => field.remove(),
    };
  }

  #watch() {
    const watcher = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watcher.disconnect();
        this.#makeEditor().catch(() => {}); // the plain field stays
      },
      { rootMargin: NEAR },
    );
    watcher.observe(this.#parts.program);
    this.#leaving.signal.addEventListener("abort", () => watcher.disconnect());
  }

  async #makeEditor() {
    const { makeEditor } = await import(EDITOR);
    if (this.#leaving.signal.aborted) return;
    const { program, keys } = this.#parts;
    const [before, hadFocus] = [this.#editor, program.contains(document.activeElement)];
    const place = document.createElement("div");
    this.#editor = makeEditor(place, {
      doc: before.text,
      label: this.#label,
      describedBy: keys.id,
      onRun: () => this.#check(),
      onChange: () => this.#onEdit(),
    });
    before.destroy();
    program.prepend(place);
    program.querySelector(".cm-content").tabIndex = 0;
    if (hadFocus) this.#editor.focus();
  }

  // --- what the reader does --------------------------------------------------------------------------------------------

  #onEdit() {
    this.#editor.setErrorLine(null);
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#keepText(), PAUSE);
    if (this.#checked !== null && !this.#checking) this.#say("Edited since the last check.");
  }

  #keepText() {
    clearTimeout(this.#keeping);
    const { text } = this.#editor;
    const kept = text === this.#start ? null : text;
    if (progress.of(this.#uid).text !== kept) progress.update(this.#uid, { text: kept });
  }

  async #check() {
    if (this.#checking) return;
    if (python.busy) return this.#say("Python is busy with something else. Wait for it, or stop it there.");
    const answer = this.#editor.text;
    this.#begin();
    const onOutput = (text) => this.#print(text);
    const result = await python.check(this.dataset.source, answer, { onOutput });
    this.#checking = false;
    if (this.#leaving.signal.aborted) return;
    this.#end(answer, result);
  }

  #begin() {
    this.#checking = true;
    this.#began = performance.now();
    this.#editor.setErrorLine(null);
    this.#parts.said.replaceChildren();
    this.#parts.printed.replaceChildren();
    this.#parts.printed.hidden = true;
    this.#showRunning();
    this.#showPhase();
  }

  #end(answer, result) {
    this.#showRunning();
    this.#checked = answer;
    const { verdict } = result;
    this.#keepText();
    if (verdict) this.#showVerdict(verdict, answer);
    else this.#say(failure(result));
    const isTry = answer.trim() !== this.#start.trim() && (verdict ? verdict.kind !== "unfinished" : result.stopped);
    if (isTry) progress.note(this.#uid, this.dataset.title, verdict?.kind === "right");
    this.#showHelp();
  }

  #stop() {
    if (performance.now() - this.#began > PAUSE) python.stop();
  }

  #giveHint() {
    const { hints } = progress.of(this.#uid);
    const all = this.#hints;
    const next = Math.min(hints + 1, all.length);
    progress.update(this.#uid, { hints: next, title: this.dataset.title });
    this.#showHelp();
    all.forEach((hint, index) => (hint.open = index === next - 1));
    this.#say(`Hint ${next} of ${all.length} is below.`);
  }

  #onSolution() {
    const seenEarly = this.#solution.open && !this.#mayNotSee() && !progress.isDone(this.#uid);
    if (seenEarly) progress.update(this.#uid, { solution: true });
  }

  #reset() {
    if (this.#checking) python.stop();
    this.#editor.text = this.#start;
    this.#checked = null;
    this.#parts.said.replaceChildren();
    this.#print(null);
    this.#keepText();
    this.#say("The answer is as it was at the start. Undo brings yours back.");
    this.#editor.focus();
  }

  /** Another file was taken in, or everything was forgotten. */
  #onForeign() {
    this.#editor.text = progress.of(this.#uid).text ?? this.#start;
    this.#showHelp();
  }

  // --- what is shown ---------------------------------------------------------------------------------------------------

  #say(text) {
    this.#parts.status.textContent = text;
  }

  #print(text) {
    const { printed } = this.#parts;
    if (text === null) printed.replaceChildren();
    else printed.append(text);
    printed.hidden = printed.textContent === "";
  }

  #showRunning() {
    this.toggleAttribute("running", this.#checking);
    this.#parts.check.textContent = this.#checking ? "Stop" : "Check";
  }

  #showPhase() {
    if (this.#checking && python.phase !== "ready") {
      this.#say(python.phase === "running" ? "Checking …" : phaseText(python.phase));
    }
  }

  #showVerdict(verdict, answer) {
    this.#say(verdict.headline);
    this.#parts.said.replaceChildren(...explained(verdict));
    this.#parts.said.dataset.kind = verdict.kind;
    const line = verdict.faults.find((fault) => fault.line)?.line;
    if (line && this.#editor.text === answer) this.#editor.setErrorLine(line);
  }

  #mayNotSee() {
    const { tries, done } = progress.of(this.#uid);
    return tries === 0 && !done;
  }

  /** Hints that were asked for, the solution once it may be seen, and whether the exercise is done. */
  #showHelp() {
    const { hints, done, tries } = progress.of(this.#uid);
    const all = this.#hints;
    all.forEach((hint, index) => (hint.hidden = index >= hints));
    const { hint } = this.#parts;
    hint.hidden = all.length === 0 || hints >= all.length;
    hint.textContent = `Hint ${Math.min(hints + 1, all.length)} of ${all.length}`;
    this.#solution.hidden = this.#mayNotSee();
    this.#solution.querySelector("summary").textContent = done ? "A solution, to compare with yours" : "Solution";
    this.#parts.done.textContent = done ? `✓ done, ${tries} ${tries === 1 ? "try" : "tries"}` : "";
    this.toggleAttribute("done", Boolean(done));
  }
}

/** Why there is no verdict. */
function failure({ stopped, failed, started }) {
  if (stopped) return ENDED[stopped];
  const reason = String(failed).slice(0, 200);
  if (started) return `Python itself broke down and was started anew. It said: ${reason}`;
  return `Python did not start: ${reason}. Press Check to try again.`;
}

if (!customElements.get("vg-exercise")) customElements.define("vg-exercise", Exercise);
