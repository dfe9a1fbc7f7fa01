// What a figure can be asked besides stepping through it. Each tool is a file of its own and a line in TOOLS: its panel
// is made when the reader first opens it, and from then on it hears of every step.
import { html } from "./dom.js";
import { goTo } from "./marks.js";

const begins = ({ trace }) => trace.steps.some((step) => step.kind === "start");
const hasNumbers = ({ trace }) => trace.tensors.some(({ source, dtype, array }) => source === null && dtype.startsWith("float") && trace.array(array).data);

/**
 * The tools, in the order of their buttons: { name, hint, fits, open }. `fits(figure)` says whether the figure has what
 * the tool needs. `open(figure, panel)` fills the panel and returns { show(k) }, called at every step while it is open;
 * most are fetched with the labs, under the name `lab`, when they are first opened.
 *
 * A figure is what a tool may know of the player: { element, record, trace, timeline, graph, step, chosen, go(k), choose(id), change(made), marks }.
 */
const TOOLS = [
  goTo,
  { name: "Memory", hint: "What each forward keeps for the way back, and until when", lab: "lens", fits: ({ trace }) => trace.ops.some((op) => Object.keys(op.context).length) },
  { name: "Change a number", hint: "Other numbers to begin with: everything is computed again, at this very step", lab: "edit", fits: hasNumbers },
  { name: "Nudge test", hint: "Change one number a little: what the gradient predicts, and what the loss really does", lab: "nudge", fits: begins },
  { name: "Order lab", hint: "Why the walk back goes in the reverse of the order of computing", lab: "orderLab", fits: (figure) => begins(figure) && figure.trace.ops.length > 1 },
  { name: "Predict", hint: "Before each step of the walk back: say what it will give, then see", lab: "predict", fits: begins },
  { name: "Take away", hint: "Pictures, a strip to print, one file with everything, the trace, a link to this step", lab: "takeaway" },
];

/** The labs, fetched once for the page. */
export async function fetchLabs() {
  return (await import("./labs.js")).labs;
}

export class Tools {
  #figure;
  #open = null; // { button, panel, hears }

  constructor(figure) {
    this.#figure = figure;
    const fitting = TOOLS.filter((tool) => tool.fits?.(figure) ?? true);
    const bar = html("div.vg-toolbar", { role: "group", "aria-label": "Tools" }, fitting.map((tool) => this.#button(tool)));
    this.element = fitting.length ? html("div.vg-tools", bar) : null;
  }

  /** Tells the open tool which step is shown. */
  show(k) {
    this.#open?.hears?.show?.(k);
  }

  /** Closes the open tool; false if there was none. */
  close() {
    if (!this.#open) return false;
    const { button, panel } = this.#open;
    this.#open = null;
    button.setAttribute("aria-expanded", "false");
    panel.hidden = true;
    return true;
  }

  #button(tool) {
    const button = html("button.vg-tool", { type: "button", "aria-expanded": "false", title: tool.hint }, tool.name);
    let made = null;
    button.addEventListener("click", async () => {
      const again = this.#open?.button === button;
      this.close();
      if (again) return;
      made ??= this.#make(tool, tool.lab ? (await fetchLabs())[tool.lab] : tool);
      made.panel.hidden = false;
      button.setAttribute("aria-expanded", "true");
      this.#open = { button, ...made };
      this.show(this.#figure.step);
    });
    return button;
  }

  #make({ name }, tool) {
    const panel = html("section.vg-panel", { "aria-label": name });
    this.element.append(panel);
    return { panel, hears: tool.open(this.#figure, panel) };
  }
}
