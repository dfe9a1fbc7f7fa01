// <vg-player>: a reader's way through a Trace, forward and backward, one step at a time.
//
// On a page it begins with content that reads without JavaScript: the title, the drawing, the program and the final
// values. It takes the drawing and the title over, and makes everything else from the trace, which it finds in a
// <template class="vg-trace"> or at the address in data-src. A page can also hand it one: player.load(trace, svgText).
import { detailsOf } from "./details.js";
import { cardOf, failure, say } from "./card.js";
import { CodePane } from "./code.js";
import { Controls } from "./controls.js";
import { html, scroller, setScroller } from "./dom.js";
import { Graph } from "./graph.js";
import { safeDrawing } from "./sanitise.js";
import { Timeline } from "./timeline.js";
import { Trace, TraceProblem } from "./trace.js";

const PACE = 1400; // ms for a step at speed 1
const KEYS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** The element. Attributes: data-src, data-step. Events: vg-step. */
class VgPlayer extends HTMLElement {
  #trace = null;
  #timeline = null;
  #parts = {};
  #files = new Map(); // CodePane of each file that has been shown
  #file = null; // which of them
  #step = 0;
  #chosen = null; // the data attributes of what the reader has clicked
  #sourceOpen = false;
  #timer = 0;
  #listening = null;

  /** The step that is shown; 0 is the first. */
  get step() {
    return this.#step;
  }

  get playing() {
    return this.#timer !== 0;
  }

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (type, action) => this.addEventListener(type, action, { signal });
    on("keydown", (event) => this.press(event));
    on("click", (event) => this.#onClick(event));
    on("pointerover", (event) => this.#link(event.target));
    on("focusin", (event) => this.#link(event.target));
    on("pointerleave", () => this.#link(null));
    if (!this.#trace) this.#begin(signal);
  }

  disconnectedCallback() {
    this.pause();
    this.#listening?.abort();
  }

  /** Shows another trace with its drawing; both may come from a stranger. */
  load(record, svgText) {
    const drawing = svgText ? safeDrawing(svgText) : null;
    this.#open(record, drawing, svgText && !drawing ? "The drawing cannot be shown." : "");
  }

  /** Goes to a step. */
  go(k) {
    if (!this.#timeline) return;
    const last = Math.max(this.#timeline.length - 1, 0);
    this.#step = Math.min(Math.max(Math.round(Number(k)) || 0, 0), last);
    this.#attempt(() => this.#show());
    this.dispatchEvent(new CustomEvent("vg-step", { bubbles: true, detail: { step: this.#step } }));
  }

  /** Steps on by itself until the end, or until pause(). */
  play() {
    if (!this.#timeline || this.playing) return;
    if (this.#step >= this.#timeline.length - 1) this.go(0);
    this.#wait();
    this.#parts.controls.showPlaying(true);
  }

  pause() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#parts.controls?.showPlaying(false);
  }

  // --- beginning -------------------------------------------------------------------------------------------------------

  async #begin(signal) {
    const drawing = this.querySelector("svg.vg-graph");
    const inline = this.querySelector("template.vg-trace");
    if (!inline && !this.dataset.src) return; // it will be given one
    try {
      const text = inline ? inline.content.textContent : await fetched(this.dataset.src, signal);
      if (this.isConnected && !this.#trace) this.#open(text, drawing); // what load() was given meanwhile stays
    } catch (error) {
      if (!signal.aborted) this.#complain(`The recording of this figure could not be loaded: ${error.message}`);
    }
  }

  #open(record, drawing, problem = "") {
    this.pause();
    this.#close();
    this.#attempt(() => {
      this.#trace = new Trace(record);
      this.#timeline = new Timeline(this.#trace);
      this.#build(this.#trace.tensors.length ? drawing : null, problem);
      this.setAttribute("ready", "");
      this.go(this.#timeline.resolve(this.dataset.step ?? "start"));
    });
  }

  #close() {
    [this.#trace, this.#timeline, this.#chosen, this.#file] = [null, null, null, null];
    this.#files.clear();
  }

  /** Whatever is wrong with a trace becomes a sentence: it may come from anywhere. */
  #attempt(action) {
    try {
      action();
    } catch (error) {
      this.pause();
      this.#close();
      this.#complain(error instanceof TraceProblem ? error.message : `The trace is damaged: ${error.message}`);
    }
  }

  #complain(message) {
    this.removeAttribute("ready");
    const problem = html("p.vg-problem", { role: "alert" }, message);
    // Content that reads without the player stays; what an earlier trace has left does not.
    if (this.querySelector(".vg-bar")) this.replaceChildren(problem);
    else this.prepend(problem);
  }

  // --- building --------------------------------------------------------------------------------------------------------

  #build(drawing, problem) {
    const timeline = this.#timeline;
    const act = {
      go: (k) => this.#by(() => this.go(k)),
      move: (by) => this.#by(() => this.go(this.#step + by)),
      toggle: () => (this.playing ? this.pause() : this.play()),
    };
    const parts = {
      title: this.querySelector(".vg-title"),
      graph: drawing && new Graph(drawing, this.#trace, timeline),
      controls: new Controls(timeline, act),
      sentence: html("p.vg-sentence", { role: "status", "aria-live": "polite" }),
      code: setScroller(html("div.vg-code"), "Program"),
      card: html("div.vg-card"),
      chosen: html("div.vg-chosen", { hidden: true }),
      steps: this.#stepsFold(),
    };
    const nothing = !timeline.length && !drawing && !problem;
    parts.stage = nothing ? null : html("div.vg-stage", drawing ?? say(problem || "There is no drawing of this graph."));
    if (drawing) drawing.style.setProperty("--vg-width", `${drawing.getAttribute("width") || 600}px`);
    const panes = html("div.vg-panes", parts.code, html("div.vg-side", parts.card, parts.chosen));
    this.classList.toggle("vg-idle", timeline.length === 0);
    const extra = [notesOf(this.#trace), outputOf(this.#trace), parts.steps];
    this.#parts = parts;
    this.replaceChildren(
      ...[parts.title, parts.stage, parts.controls.element, parts.sentence, panes, ...extra].filter(Boolean),
    );
  }

  #stepsFold() {
    const fold = html("details.vg-fold.vg-steps", html("summary", "All steps"));
    // A long table is only made for those who ask for it.
    fold.addEventListener("toggle", () => fold.open && !fold.querySelector("table") && this.#fillSteps(fold));
    return fold;
  }

  #fillSteps(fold) {
    const head = ["step", "phase", "line", "what happens"].map((name) => html("th", { scope: "col" }, name));
    const rows = this.#trace.steps.map((step, k) => {
      const button = html("button", { type: "button", "aria-label": `Go to step ${k}` }, String(k));
      const line = step.place ? String(step.place[1]) : "";
      const cells = [button, this.#timeline.phase(k), line, step.text].map((cell) => html("td", cell));
      return html("tr", { "data-step": k }, cells);
    });
    const table = html("table", html("thead", html("tr", head)), html("tbody", rows));
    fold.append(scroller("All steps", table));
    this.#markRow();
  }

  // --- showing a step --------------------------------------------------------------------------------------------------

  #show() {
    const { graph, controls, sentence } = this.#parts;
    const step = this.#trace.steps[this.#step];
    graph?.show(this.#step);
    controls.show(this.#step);
    sentence.textContent = step?.text ?? "";
    this.#showCode(step);
    this.#showCard(step);
    this.#showChosen();
    this.#markRow();
    if (graph) this.#follow();
  }

  #showCode(step) {
    const { code } = this.#parts;
    const file = step?.place && this.#trace.files[step.place[0]] ? step.place[0] : (this.#file ?? 0);
    if (!this.#trace.files[file]) return;
    if (!this.#files.has(file)) this.#files.set(file, new CodePane(this.#trace, file));
    const pane = this.#files.get(file);
    if (this.#file !== file || pane.list.parentNode !== code) {
      const name = this.#trace.files.length > 1 ? html("p.vg-file", this.#trace.files[file].name) : null;
      code.replaceChildren(...[name, pane.list].filter(Boolean));
      this.#file = file;
    }
    pane.show(step?.place, step?.op, code);
  }

  #showCard(step) {
    const { card } = this.#parts;
    if (!step) return;
    const { title, parts } = cardOf(this.#trace, this.#timeline, this.#step);
    const fill = html("div", html("p.vg-card-title", title), parts);
    card.dataset.phase = this.#timeline.phase(this.#step);
    card.replaceChildren(...fill.childNodes);
    this.#reachWide();
    document.fonts.ready.then(() => this.#reachWide()); // a font that comes late changes what fits
    const source = card.querySelector(".vg-source");
    if (!source) return;
    source.open = this.#sourceOpen; // who reads along in the library wants to go on with that
    source.addEventListener("toggle", () => (this.#sourceOpen = source.open));
  }

  /** A derivation that is wider than the card scrolls, and what scrolls must be within reach of the keyboard. */
  #reachWide() {
    for (const wide of this.#parts.card?.querySelectorAll(".vg-chain") ?? []) {
      if (wide.scrollWidth > wide.clientWidth) setScroller(wide, "Derivation");
    }
  }

  #showChosen() {
    const { chosen } = this.#parts;
    chosen.hidden = !this.#chosen;
    if (!this.#chosen) return;
    const { title, parts } = detailsOf(this.#trace, this.#timeline, this.#chosen, this.#step, (k) => this.#by(() => this.go(k)));
    const focused = chosen.contains(document.activeElement) ? document.activeElement.textContent : null;
    const close = html("button.vg-close", { type: "button", "aria-label": "Close details", title: "Close (Esc)" }, "×");
    close.addEventListener("click", () => this.#choose(null));
    const head = html("p.vg-card-title", title);
    chosen.replaceChildren(...html("div", head, close, parts).childNodes);
    if (focused) [...chosen.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  }

  #markRow() {
    const { steps } = this.#parts;
    steps.querySelector("[aria-current]")?.removeAttribute("aria-current");
    steps.querySelector(`tr[data-step="${this.#step}"]`)?.setAttribute("aria-current", "step");
  }

  /** Scrolls the graph inside its own pane, so that what is active can be seen. */
  #follow() {
    const { stage } = this.#parts;
    const node = stage.querySelector(".vg-op.vg-active") ?? stage.querySelector(".vg-tensor.vg-active");
    if (!node || (stage.scrollWidth <= stage.clientWidth && stage.scrollHeight <= stage.clientHeight)) return;
    const [box, view] = [node.getBoundingClientRect(), stage.getBoundingClientRect()];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const hidden = box.left < view.left + 24 || box.right > view.right - 24 || box.top < view.top || box.bottom > view.bottom;
    if (!hidden) return;
    stage.scrollBy({
      left: (box.left + box.right - view.left - view.right) / 2,
      top: (box.top + box.bottom - view.top - view.bottom) / 2,
      behavior: still ? "auto" : "smooth",
    });
  }

  // --- what the reader does --------------------------------------------------------------------------------------------

  /** Whoever takes a step by hand does not want to be carried on. */
  #by(action) {
    this.pause();
    action();
  }

  #wait() {
    this.#timer = setTimeout(() => {
      this.go(this.#step + 1);
      if (this.#step < this.#timeline.length - 1) this.#wait();
      else this.pause();
    }, PACE / this.#parts.controls.speed);
  }

  /** Does what a key means here. */
  press(event) {
    const { target, key } = event;
    if (!this.#timeline || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (target.closest("select, textarea, [contenteditable], input:not([type=range])")) return;
    const node = target.closest(".vg-tensor, .vg-op");
    if (key in KEYS) this.#by(() => this.go(Math.min(Math.max(this.#step + KEYS[key], 0), this.#timeline.length - 1)));
    else if (key === " " && !target.closest("button, summary, a")) this.playing ? this.pause() : this.play();
    else if (node && (key === "ArrowDown" || key === "ArrowUp")) this.#parts.graph.focusNext(node, key === "ArrowDown" ? 1 : -1);
    else if (node && key === "Enter") this.#choose(node);
    else if (key === "Escape" && this.#chosen) this.#choose(null);
    else return;
    event.preventDefault();
  }

  #onClick({ target }) {
    if (!this.#timeline) return;
    const row = target.closest("tr[data-step]");
    if (row) this.#by(() => this.go(Number(row.dataset.step)));
    const place = target.closest("[data-tensor], [data-op]");
    if (place && this.contains(place)) this.#choose(place);
  }

  /** Shows the details of a node, an edge, or whatever names one. */
  #choose(element) {
    const { tensor, op, port } = this.#named(element);
    this.#chosen = tensor || op ? { tensor, op, port } : null;
    const edge = element?.closest(".vg-edge");
    this.#parts.graph?.select(edge ?? this.#parts.graph.node(tensor ?? op));
    this.#attempt(() => this.#showChosen());
  }

  /** What an element stands for, if the trace knows it: a tensor, an op, or an edge between them. */
  #named(element) {
    const { tensor, op, port } = element?.dataset ?? {};
    const known = (id) => (id && this.#trace && (this.#trace.tensor(id) ?? this.#trace.op(id))?.id === id ? id : undefined);
    return { tensor: known(tensor), op: known(op), port };
  }

  /** Lights up everything that stands for the same tensor or op. */
  #link(target) {
    for (const linked of this.querySelectorAll(".vg-linked")) linked.classList.remove("vg-linked");
    const { tensor, op } = this.#named(target?.closest?.("[data-tensor], [data-op]"));
    if (!(tensor || op)) return;
    const source = tensor && this.#trace.tensor(tensor).source;
    const alike = [tensor && `[data-tensor="${tensor}"]:not(.vg-edge)`, op && `[data-op="${op}"]:not(.vg-edge)`];
    for (const element of this.querySelectorAll(alike.filter(Boolean).join())) element.classList.add("vg-linked");
    for (const piece of this.#files.get(this.#file)?.pieces(op ?? source) ?? []) piece.classList.add("vg-linked");
    target.closest(".vg-edge")?.classList.add("vg-linked");
  }
}

async function fetched(address, signal) {
  const answer = await fetch(new URL(address, document.baseURI), { signal });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.text();
}

function notesOf(trace) {
  const notes = trace.notes.map((note) => html("p.vg-note", note.text));
  const inCard = trace.steps.some((step) => step.kind === "failed");
  return notes.length || trace.error ? html("div.vg-notes", failure(trace, inCard), notes) : null;
}

function outputOf(trace) {
  if (!trace.output) return null;
  return html("details.vg-fold", { open: trace.output.length < 400 }, html("summary", "Output"), html("pre", { tabindex: "0" }, trace.output));
}

/** Arrow keys that are pressed while nothing has the focus go to the figure that the reader looks at. */
function pressFigureInView(event) {
  if (event.target !== document.body || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const inView = (player) => {
    const { top, bottom } = player.getBoundingClientRect();
    return top < 0.75 * innerHeight && bottom > 0.25 * innerHeight;
  };
  [...document.querySelectorAll("vg-player[ready]")].find(inView)?.press(event);
}

if (!customElements.get("vg-player")) {
  customElements.define("vg-player", VgPlayer);
  document.addEventListener("keydown", pressFigureInView);
}
