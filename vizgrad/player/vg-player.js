// <vg-player>: a reader's way through a Trace, forward and backward, one step at a time.
//
// On a page it begins with content that reads without JavaScript: the title, the drawing, the program and the final
// values. It takes the drawing and the title over, and makes everything else from the trace, which it finds in a
// <template class="vg-trace"> or at the address in data-src. A page can also hand it one: player.load(trace, svgText).
import { detailsOf } from "./details.js";
import { cardOf, failure, say } from "./card.js";
import { CodePane } from "./code.js";
import { VgCompare } from "./compare.js";
import { Controls } from "./controls.js";
import { breath, html, scroller, setScroller } from "./dom.js";
import { Graph } from "./graph.js";
import { Marks } from "./marks.js";
import { Parts } from "./parts.js";
import { safeDrawing } from "./sanitise.js";
import { storyOf } from "./story.js";
import { Timeline } from "./timeline.js";
import { Tools, fetchLabs } from "./tools.js";
import { Trace, TraceProblem } from "./trace.js";
import { View } from "./view.js";

const PACE = 1400; // ms for a step at speed 1
const KEYS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/**
 * The element. Attributes: data-src, data-whole (the drawing with what is in closed modules), data-late (nothing is
 * fetched before a reader comes near), data-step, marks ("5 o2": line 5, and an op). Events: vg-step.
 */
class VgPlayer extends HTMLElement {
  #record = null; // the trace as it was given
  #made = null; // what a reader has changed about its numbers
  #trace = null;
  #timeline = null;
  #marks = null;
  #parts = {};
  #files = new Map(); // CodePane of each file that has been shown
  #file = null; // which of them
  #step = 0;
  #chosen = null; // the data attributes of what the reader has clicked
  #sourceOpen = false;
  #timer = 0;
  #listening = null;
  #program = null; // what the page shows in the place of the program

  /** The step that is shown; 0 is the first. */
  get step() {
    return this.#step;
  }

  /** Where playing stops: lines ("5", or "1:5" in the second file) and ids of tensors and ops. */
  get marks() {
    return this.#marks?.list ?? [];
  }

  set marks(marks) {
    this.setAttribute("marks", marks.join(" "));
  }

  /** All that the reader has set, as a link can carry it: { step, chosen, marks }. */
  get state() {
    return { step: this.#step, chosen: this.#chosen, marks: this.marks };
  }

  set state({ step, chosen, marks }) {
    if (marks) this.marks = marks;
    if (chosen !== undefined) this.#choose(html("i", { "data-tensor": chosen?.tensor, "data-op": chosen?.op, "data-port": chosen?.port }));
    if (step !== undefined) this.go(step);
  }

  static observedAttributes = ["marks"];

  attributeChangedCallback() {
    if (this.#marks) this.#attempt(() => this.#showMarks());
  }

  /** What a tool or another element may know of this player. */
  get figure() {
    return this.#parts.figure;
  }

  get playing() {
    return this.#timer !== 0;
  }

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (type, action) => this.addEventListener(type, action, { signal });
    // Buttons that can do nothing now do nothing.
    this.addEventListener("click", (event) => event.target.closest("[aria-disabled=true]") && event.stopPropagation(), { signal, capture: true });
    on("keydown", (event) => this.press(event));
    on("click", (event) => this.#onClick(event));
    on("pointerover", (event) => this.#link(event.target));
    on("focusin", (event) => this.#link(event.target));
    on("pointerleave", () => this.#link(null));
    on("pointerover", async ({ target }) => (await this.#cells())?.point(target));
    on("pointerleave", () => this.#parts.cells?.point(null));
    on("focusin", async ({ target }) => (await this.#cells())?.focus(target));
    addEventListener("resize", () => this.#reachWide(), { signal }); // what fitted may scroll now
    addEventListener("hashchange", () => this.#linked() !== null && this.go(this.#linked()), { signal });
    if (!this.#trace) this.#begin(signal);
  }

  disconnectedCallback() {
    this.pause();
    this.#listening?.abort();
  }

  /**
   * Shows another trace with its drawing; both may come from a stranger. After another run of the same steps, the reader
   * stays at the step, and numbers that are new flash.
   */
  load(record, svgText) {
    const { state } = this;
    const [before, graph] = [stepsOf(this.#trace), this.#parts.graph];
    const drawing = svgText ? safeDrawing(svgText) : null;
    this.#open(record, drawing, svgText && !drawing ? "The drawing cannot be shown." : "");
    if (!before || before !== stepsOf(this.#trace)) return;
    this.state = { step: state.step, chosen: state.chosen };
    if (graph) this.#parts.graph?.flashSince(graph);
  }

  /** Shows an element, such as an editor, in the place of the program; null brings the program back. */
  set program(element) {
    (this.#program ?? this.#parts.code).replaceWith(element ?? this.#parts.code);
    this.#program = element;
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
    const inline = this.querySelector("template.vg-trace");
    if (!inline && !this.dataset.src) return; // it will be given one
    try {
      if (!inline && "late" in this.dataset && this.#linked() === null) await near(this, signal);
      const record = inline ? inline.content.textContent : fetched(this.dataset.src, signal);
      const [text, drawing] = await Promise.all([record, this.#wholeDrawing(signal)]);
      await breath();
      if (this.#trace || !this.isConnected) return; // what load() was given meanwhile stays
      this.#prepare(text, drawing);
      await breath();
      if (this.#record !== text) return; // load() has come between
      this.#present();
      if (this.#linked() === null) return;
      this.scrollIntoView({ block: "center" });
      this.go(this.#linked());
    } catch (error) {
      if (!signal.aborted) this.#complain(`The recording of this figure could not be loaded: ${error.message}`);
    }
  }

  /** The drawing of the page, with what is in closed modules; of a large graph that is fetched. */
  async #wholeDrawing(signal) {
    const drawing = this.querySelector("svg.vg-graph");
    if (!this.dataset.whole) return drawing;
    const whole = safeDrawing(await fetched(this.dataset.whole, signal));
    whole?.style.setProperty("--vg-width", drawing.style.getPropertyValue("--vg-width"));
    return whole ?? drawing;
  }

  #open(record, drawing, problem) {
    this.#prepare(record, drawing, problem);
    this.#present();
  }

  /** Makes everything for a trace, up to its first step. */
  #prepare(record, drawing, problem = "") {
    this.pause();
    this.#close();
    this.#attempt(() => {
      this.#record = record;
      this.#trace = new Trace(record);
      this.#timeline = new Timeline(this.#trace);
      this.#marks = new Marks(this.#trace, this.#timeline, (op) => this.#parts.graph?.unitOf(op) ?? op);
      this.#build(this.#trace.tensors.length ? drawing : null, problem);
      this.#showMarks();
    });
  }

  #present() {
    if (!this.#timeline) return; // the trace is damaged, and that is said
    this.setAttribute("ready", "");
    this.#attempt(() => this.go(this.#timeline.resolve(this.dataset.step ?? "start")));
  }

  /** The step that the address asks for, as in `#vg1=9`: a copied link leads to it. */
  #linked() {
    const [id, step] = location.hash.slice(1).split("=");
    return id && id === this.id && /^\d{1,7}$/.test(step ?? "") ? Number(step) : null;
  }

  #close() {
    [this.#trace, this.#timeline, this.#chosen, this.#file, this.#made] = [null, null, null, null, null];
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
      pages: new Parts(drawing ? this.querySelectorAll("template.vg-part") : [], this.#trace),
      controls: new Controls(timeline, act),
      sentence: html("p.vg-sentence", { role: "status", "aria-live": "polite" }),
      code: setScroller(html("div.vg-code"), "Program"),
      card: html("div.vg-card"),
      chosen: html("section.vg-chosen", { hidden: true, tabindex: "-1", "aria-label": "Details" }),
      steps: this.#stepsFold(),
    };
    const nothing = !timeline.length && !drawing && !problem;
    parts.graphs = new Map([[null, parts.graph]]); // by the number of their part; null is what was drawn at first
    parts.figure = this.#figure(parts);
    parts.tools = new Tools(parts.figure);
    parts.story = storyOf(this.querySelector("ol.vg-story"), parts.figure);
    parts.stage = nothing ? null : html("div.vg-stage", drawing ?? say(problem || "There is no drawing of this graph."));
    if (drawing) {
      const act = {
        step: () => this.#step,
        chosen: () => this.#chosen,
        choose: (id) => parts.figure.choose(id),
        follow: () => this.#follow(),
        part: (i) => this.#showPart(i),
      };
      parts.view = new View(parts.stage, parts.graph, parts.pages, act);
    }
    const side = html("div.vg-side", parts.card, parts.chosen);
    this.classList.toggle("vg-idle", timeline.length === 0);
    this.#parts = parts;
    const above = [parts.title, parts.view?.element, parts.stage, parts.story?.element, parts.controls.element, parts.sentence];
    const below = [parts.tools.element, notesOf(this.#trace), outputOf(this.#trace), parts.steps];
    this.#replace(above.filter(Boolean), side, below.filter(Boolean));
  }

  /** An editor in the place of the program is never taken out of the page: somebody may be writing in it. */
  #replace(above, side, below) {
    const panes = this.#program?.parentNode;
    if (!panes) return this.replaceChildren(...above, html("div.vg-panes", this.#parts.code, side), ...below);
    for (const child of [...this.children]) if (child !== panes) child.remove();
    panes.replaceChild(side, panes.lastElementChild);
    panes.before(...above);
    panes.after(...below);
  }

  /** Shows another part of the graph, or with null what was drawn at first. */
  async #showPart(i) {
    const parts = this.#parts;
    parts.wanted = i;
    const drawing = parts.graphs.has(i) ? null : await parts.pages.drawing(i);
    if (parts !== this.#parts || parts.wanted !== i) return; // the reader is elsewhere by now
    if (drawing) parts.graphs.set(i, new Graph(drawing, this.#trace, this.#timeline));
    if (!parts.graphs.has(i)) return;
    parts.graph = parts.graphs.get(i);
    parts.graph.show(this.#step);
    parts.graph.select(parts.graph.node(this.#chosen?.tensor ?? this.#chosen?.op));
    parts.view.take(parts.graph, i);
    this.#follow();
  }

  /** Where what happens is not in the part that is shown, the part with it comes. */
  #turnPage(step) {
    const { graph, pages } = this.#parts;
    const id = step?.op ?? step?.tensor;
    if (pages.count && id && graph.isPart && !graph.holds(id)) this.#showPart(pages.of(id));
  }

  /** Shows other numbers in the same graph, as a lab has computed them: { arrays, tensors, steps }. */
  #change(made) {
    this.#attempt(() => {
      this.#made = made;
      Object.assign(this.#trace, made);
      this.#timeline.read();
      for (const graph of this.#parts.graphs.values()) graph?.refresh(this.#step);
      this.#parts.steps.querySelector(".vg-scroll")?.remove();
      if (this.#parts.steps.open) this.#fillSteps(this.#parts.steps);
      this.go(this.#step);
    });
  }

  /** The trace as it was given, with the numbers of now. */
  #given() {
    const record = typeof this.#record === "string" ? JSON.parse(this.#record) : this.#record;
    if (!this.#made) return record;
    const { arrays, tensors, steps } = this.#made;
    const text = (x) => (Number.isFinite(x) ? x : String(x));
    const fresh = arrays.slice(record.arrays.length).map(({ shape, dtype, data }) => ({ shape, dtype, data: data.map(text) }));
    const kept = (step, k) => Object.fromEntries(Object.keys(step).map((key) => [key, steps[k][key]]));
    return { ...record, arrays: [...record.arrays, ...fresh], tensors, steps: record.steps.map(kept) };
  }

  /** What cells are made of can be asked as soon as the reader comes to the figure; until then nothing is fetched. */
  async #cells() {
    const parts = this.#parts;
    if (!parts.figure || parts.cells) return parts.cells;
    const { Cells } = await fetchLabs();
    if (parts !== this.#parts || parts.cells) return parts.cells; // another trace, or another event was quicker
    parts.cells = new Cells(this, this.#trace, this.#timeline);
    this.append(parts.cells.element);
    parts.cells.reset();
    return parts.cells;
  }

  /** What a tool may know of this player, and do with it. */
  #figure(parts) {
    const player = this;
    return {
      element: this,
      get record() {
        return player.#given();
      },
      trace: this.#trace,
      timeline: this.#timeline,
      get graph() {
        return parts.graph;
      },
      whole: parts.graph,
      pages: parts.pages,
      get step() {
        return player.step;
      },
      get chosen() {
        return player.#chosen;
      },
      go: (k) => this.#by(() => this.go(k)),
      change: (made) => this.#change(made),
      marks: this.#marks,
      choose: (id) => this.#choose(html("i", { [id.startsWith("t") ? "data-tensor" : "data-op"]: id })),
    };
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
    this.#parts.tools.show(this.#step);
    this.#parts.story?.show(this.#step);
    this.#parts.cells?.reset();
    this.#link(null);
    // What is to be written is written. From here on things are measured, for which the browser lays all of it out, once.
    this.#files.get(this.#file)?.follow(this.#parts.code);
    this.#reachWide();
    document.fonts.ready.then(() => this.#reachWide()); // a font that comes late changes what fits
    if (!graph) return;
    this.#follow();
    this.#turnPage(step);
  }

  #showCode(step) {
    const { code } = this.#parts;
    // A step without a place leaves the file of the last one that has one, however the reader has come to it.
    const placed = this.#trace.steps.findLast(({ place }, k) => k <= this.#step && this.#trace.files[place?.[0]]);
    const file = placed?.place[0] ?? 0;
    if (!this.#trace.files[file]) return;
    if (!this.#files.has(file)) this.#files.set(file, new CodePane(this.#trace, file));
    const pane = this.#files.get(file);
    if (this.#file !== file || pane.list.parentNode !== code) {
      const name = this.#trace.files.length > 1 ? html("p.vg-file", this.#trace.files[file].name) : null;
      code.replaceChildren(...[name, pane.list].filter(Boolean));
      this.#file = file;
      pane.offerMarks(this.#marks, (mark) => this.#toggle(mark));
    }
    pane.show(step?.place, step?.op);
  }

  /** Reads the attribute: what it names may be nowhere in this trace. */
  #showMarks() {
    this.#marks.list = (this.getAttribute("marks") ?? "").split(/\s+/).filter(Boolean);
    this.#parts.controls.showMarks(this.#marks.steps);
    this.#files.get(this.#file)?.offerMarks(this.#marks, (mark) => this.#toggle(mark));
    this.#showChosen();
    this.#parts.tools.show(this.#step);
  }

  #toggle(mark) {
    this.marks = this.#marks.has(mark) ? this.marks.filter((one) => one !== mark) : [...this.marks, mark];
  }

  #showCard(step) {
    const { card } = this.#parts;
    if (!step) return;
    const { title, parts } = cardOf(this.#trace, this.#timeline, this.#step);
    const fill = html("div", html("p.vg-card-title", title), parts);
    card.dataset.phase = this.#timeline.phase(this.#step);
    card.replaceChildren(...fill.childNodes);
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
    const { title, parts } = detailsOf(this.#trace, this.#timeline, this.#chosen, this.#step, {
      go: (k) => this.#by(() => this.go(k)),
      marks: this.#marks,
      toggle: (mark) => this.#toggle(mark),
    });
    const focused = chosen.contains(document.activeElement) ? document.activeElement.textContent : null;
    const close = html("button.vg-close", { type: "button", "aria-label": "Close details", title: "Close (Esc)" }, "×");
    close.addEventListener("click", () => this.#leaveDetails());
    const head = html("p.vg-card-title", title);
    chosen.replaceChildren(...html("div", head, close, parts).childNodes);
    if (focused) [...chosen.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  }

  #markRow() {
    const { steps } = this.#parts;
    steps.querySelector("[aria-current]")?.removeAttribute("aria-current");
    steps.querySelector(`tr[data-step="${this.#step}"]`)?.setAttribute("aria-current", "step");
  }

  /** Moves the graph inside its own pane, so that what is active can be seen. */
  #follow() {
    const { stage, view } = this.#parts;
    const shown = [".vg-op", ".vg-tensor", ".vg-closed"].map((kind) => stage.querySelector(`${kind}.vg-active:not([display] *, [display])`));
    const node = shown.find(Boolean);
    if (node && (stage.scrollWidth > stage.clientWidth || stage.scrollHeight > stage.clientHeight)) view.reveal(node);
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
      if (this.#step < this.#timeline.length - 1 && !this.#marks.steps.has(this.#step)) this.#wait();
      else this.pause();
    }, PACE / this.#parts.controls.speed);
  }

  /** Does what a key means here. */
  press(event) {
    const { target, key } = event;
    if (!this.#timeline || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (target.closest("select, textarea, [contenteditable], input:not([type=range])")) return;
    const node = target.closest(".vg-tensor, .vg-op, .vg-module");
    const line = target.closest(".vg-stop");
    if (this.#parts.cells?.press(event)) return event.preventDefault();
    if (event.shiftKey && (key === "ArrowLeft" || key === "ArrowRight")) this.#by(() => this.go(this.#marks.next(this.#step, KEYS[key])));
    else if (line && (key === "ArrowDown" || key === "ArrowUp")) this.#files.get(this.#file).reach(line, key === "ArrowDown" ? 1 : -1);
    else if (key in KEYS) this.#by(() => this.go(Math.min(Math.max(this.#step + KEYS[key], 0), this.#timeline.length - 1)));
    else if ((key === "Enter" || key === " ") && this.#toggleModule(target));
    else if (key === " " && !target.closest("button, summary, a")) this.playing ? this.pause() : this.play();
    else if (node && (key === "ArrowDown" || key === "ArrowUp")) this.#parts.graph.focusNext(node, key === "ArrowDown" ? 1 : -1);
    else if (node && key === "Enter") this.#enterDetails(node);
    else if (key === "?") this.#parts.tools.enter("Keys");
    else if (this.#parts.view?.press(key)) event.stopPropagation(); // themes have keys of their own
    else if (key === "Escape" && target.closest(".vg-panel")) this.#parts.tools.close().focus();
    else if (key === "Escape" && this.#chosen) this.#leaveDetails();
    else if (key === "Escape" && this.#parts.tools.isOpen) this.#parts.tools.close().focus();
    else return;
    event.preventDefault();
  }

  /** With the keyboard one goes into the details, and comes back to the node. */
  #enterDetails(node) {
    this.#choose(node);
    this.#parts.chosen.focus();
  }

  #leaveDetails() {
    const { chosen, graph } = this.#parts;
    const node = chosen.contains(document.activeElement) && graph?.node(this.#chosen.tensor ?? this.#chosen.op);
    this.#choose(null);
    if (node) graph.focusOn(node);
  }

  #onClick({ target }) {
    if (!this.#timeline) return;
    const row = target.closest("tr[data-step]");
    if (row) this.#by(() => this.go(Number(row.dataset.step)));
    const place = !this.#toggleModule(target) && target.closest("[data-tensor], [data-op]");
    if (!this.#parts.cells?.pin(target) && place && this.contains(place)) this.#choose(place);
  }

  /** Opens or closes the module that an element stands for, if it does. */
  #toggleModule(element) {
    const { graph, view } = this.#parts;
    const unit = graph?.modules.at(element);
    if (unit) view.open([unit.path], !graph.modules.isOpen(unit.path));
    return Boolean(unit);
  }

  /** Shows the details of a node, an edge, or whatever names one. */
  #choose(element) {
    const { tensor, op, port } = this.#named(element);
    this.#chosen = tensor || op ? { tensor, op, port } : null;
    this.#link(element);
    const edge = element?.closest(".vg-edge");
    this.#parts.graph?.select(edge ?? this.#parts.graph.node(tensor ?? op));
    this.#parts.view?.hear(this.#chosen);
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
    const place = target?.closest?.("[data-tensor], [data-op]");
    const { tensor, op } = place ? this.#named(place) : (this.#chosen ?? {}); // what is chosen stays linked
    if (!(tensor || op)) return;
    const source = tensor && this.#trace.tensor(tensor).source;
    const alike = [tensor && `[data-tensor="${tensor}"]:not(.vg-edge)`, op && `[data-op="${op}"]:not(.vg-edge)`];
    for (const element of this.querySelectorAll(alike.filter(Boolean).join())) element.classList.add("vg-linked");
    for (const piece of this.#files.get(this.#file)?.pieces(op ?? source) ?? []) piece.classList.add("vg-linked");
    place?.closest(".vg-edge")?.classList.add("vg-linked");
  }
}

/** What happens in a trace, without its numbers. */
function stepsOf(trace) {
  return trace && JSON.stringify(trace.steps.map(({ kind, op, tensor }) => [kind, op, tensor]));
}

/** Resolves when an element is on the screen, or less than a screen away from it. */
function near(element, signal) {
  return new Promise((resolve) => {
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && resolve(watch.disconnect()), { rootMargin: "100%" });
    watch.observe(element);
    signal.addEventListener("abort", () => watch.disconnect());
  });
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
  customElements.define("vg-compare", VgCompare); // before the players in it take their first step
  customElements.define("vg-player", VgPlayer);
  document.addEventListener("keydown", pressFigureInView);
}
