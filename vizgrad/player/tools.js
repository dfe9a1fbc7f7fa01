// What a figure can be asked besides stepping through it. Each tool is a file of its own and a line in TOOLS: its panel
// is made when the reader first opens it, and from then on it hears of every step.
import { html } from "./dom.js";

const begins = ({ trace }) => trace.steps.some((step) => step.kind === "start");
const hasNumbers = ({ trace }) => trace.tensors.some(({ source, dtype, array }) => source === null && dtype.startsWith("float") && trace.array(array).data);

/**
 * The tools, in the order of their buttons: { name, hint, lab, fits }. `fits(figure)` says whether the figure has what
 * the tool needs. Its lab has `open(figure, panel)`, which fills the panel and returns { show(k) }, called at every step while it
 * is open; the labs are fetched when a tool is first opened.
 *
 * A figure is what a tool may know of the player: { element, record, trace, timeline, graph, step, chosen, go(k), choose(id), change(made), marks }.
 */
const TOOLS = [
  { name: "Go to", hint: "Marked lines and nodes, the first NaN, the first zero gradient", lab: "goTo", fits: ({ timeline }) => timeline.length > 1 },
  { name: "Memory", hint: "What each forward keeps for the way back, and until when", lab: "lens", fits: ({ trace }) => trace.ops.some((op) => Object.keys(op.context).length) },
  { name: "Change a number", hint: "Other numbers to begin with: everything is computed again, at this very step", lab: "edit", fits: hasNumbers },
  { name: "Nudge test", hint: "Change one number a little: what the gradient predicts, and what the loss really does", lab: "nudge", fits: begins },
  { name: "Order lab", hint: "Why the walk back goes in the reverse of the order of computing", lab: "orderLab", fits: (figure) => begins(figure) && figure.trace.ops.length > 1 },
  { name: "Predict", hint: "Before each step of the walk back: say what it will give, then see", lab: "predict", fits: begins },
  { name: "Take away", hint: "Pictures, a strip to print, one file with everything, the trace, a link to this step", lab: "takeaway" },
  { name: "Keys", hint: "What each key does (?)", lab: "help" },
];

/** The labs, fetched once for the page. */
export async function fetchLabs() {
  return (await import("./labs.js")).labs;
}

export class Tools {
  #figure;
  #all; // those that fit, each with its button and, once it was opened, what was made of it
  #open = null; // { name, button, panel, hears, before }

  constructor(figure) {
    this.#figure = figure;
    this.#all = TOOLS.filter((tool) => tool.fits?.(figure) ?? true).map((tool) => ({ ...tool }));
    const bar = html("div.vg-toolbar", { role: "group", "aria-label": "Tools" }, this.#all.map((tool) => this.#button(tool)));
    this.element = html("div.vg-tools", bar);
  }

  /** Tells the open tool which step is shown. */
  show(k) {
    this.#open?.hears?.show?.(k);
  }

  get isOpen() {
    return this.#open !== null;
  }

  /** Opens a tool by its name, and goes into its panel; it is left for what has the focus now. */
  async enter(name) {
    const [before, tool] = [document.activeElement, this.#all.find((one) => one.name === name)];
    if (this.#open?.name !== name) await this.#toggle(tool);
    this.#open.panel.focus();
    this.#open.before = before;
  }

  /** Closes the open tool; answers what has the focus after it, or null if none was open. */
  close() {
    if (!this.#open) return null;
    const { button, panel, before } = this.#open;
    const within = panel.contains(document.activeElement);
    this.#open = null;
    button.setAttribute("aria-expanded", "false");
    panel.hidden = true;
    return before ?? (within ? button : document.activeElement);
  }

  async #toggle(tool) {
    const again = this.#open?.name === tool.name;
    this.close();
    if (again) return;
    tool.made ??= this.#make(tool, (await fetchLabs())[tool.lab]);
    tool.made.panel.hidden = false;
    tool.button.setAttribute("aria-expanded", "true");
    this.#open = { name: tool.name, button: tool.button, ...tool.made };
    this.show(this.#figure.step);
  }

  #button(tool) {
    tool.button = html("button.vg-tool", { type: "button", "aria-expanded": "false", title: tool.hint }, tool.name);
    tool.button.addEventListener("click", () => this.#toggle(tool));
    return tool.button;
  }

  #make({ name }, tool) {
    const panel = html("section.vg-panel", { "aria-label": name, tabindex: "-1" });
    this.element.append(panel);
    return { panel, hears: tool.open(this.#figure, panel) };
  }
}
