// Where a reader wants to stop: marks at lines of the program and at nodes, the steps that they stand for, and the way
// from one to the next. And a tool that goes to the places that are often looked for.
import { html } from "./dom.js";
import { say, tensorName } from "./card.js";

const LINE = /^(?:(\d+):)?(\d+)$/; // "5" in the first file, "1:5" in the second

export class Marks {
  #trace;
  #timeline;
  #unitOf;
  #steps = new Map(); // mark -> its steps

  /** `unitOf(op)` is what stands for an op in the drawing: the op itself, or the closed module that it is in. */
  constructor(trace, timeline, unitOf) {
    [this.#trace, this.#timeline, this.#unitOf] = [trace, timeline, unitOf];
  }

  get list() {
    return [...this.#steps.keys()];
  }

  /** What never happens in this program cannot be marked. */
  set list(marks) {
    const found = [...new Set(marks)].map((mark) => [mark, this.stepsOf(mark)]);
    this.#steps = new Map(found.filter(([, steps]) => steps.length));
  }

  has(mark) {
    return this.#steps.has(mark);
  }

  /** The steps at which there is a mark. */
  get steps() {
    return new Set([...this.#steps.values()].flat());
  }

  /** The steps that come to a line, at which an op runs, or at which a tensor changes. */
  stepsOf(mark) {
    const { steps } = this.#trace;
    const [, file = "0", line] = LINE.exec(mark) ?? [];
    const at = (step) => step?.place?.[0] === Number(file) && step.place[1] === Number(line);
    const fires = (step) => step.op === mark && step.kind !== "accumulate";
    if (this.#trace.tensor(mark)) return this.#changes(mark);
    return steps.flatMap((step, k) => ((line ? at(step) && !at(steps[k - 1]) : fires(step)) ? [k] : []));
  }

  /** The next mark (or with -1 the one before), else the end. Without marks: the next op, or closed module. */
  next(k, direction) {
    const stops = this.#steps.size ? [...this.steps].sort((a, b) => a - b) : this.#units();
    if (direction > 0) return stops.find((stop) => stop > k) ?? this.#timeline.length - 1;
    return stops.findLast((stop) => stop < k) ?? 0;
  }

  #units() {
    const unit = (step, k) => [this.#timeline.phase(k), step.op ? this.#unitOf(step.op) : step.kind].join();
    const units = this.#trace.steps.map(unit);
    return units.flatMap((one, k) => (one !== units[k - 1] ? [k] : []));
  }

  #changes(id) {
    const steps = [];
    for (let k = this.#timeline.change(id, -1); k !== null; k = this.#timeline.change(id, k)) steps.push(k);
    return steps;
  }
}

/** A mark in words. */
export function markName(trace, mark) {
  const [, file, line] = LINE.exec(mark) ?? [];
  if (line) return file ? `line ${line} of ${trace.files[file].name}` : `line ${line}`;
  return trace.tensor(mark) ? tensorName(trace, trace.tensor(mark)) : trace.op(mark).op;
}

/** A button that sets and removes a mark. */
export function stopButton(kind, mark, marks, toggle, name, ...content) {
  const button = html(`button.${kind}`, { type: "button", "aria-pressed": String(marks.has(mark)), "aria-label": content.length ? null : name, title: content.length ? name : null }, content);
  button.addEventListener("click", () => toggle(mark));
  return button;
}

// --- places that are often looked for ------------------------------------------------------------------------------------

const allFinite = ({ data, summary }) => (data ? data.every((x) => Number.isFinite(Number(x))) : summary.nonfinite === 0);
const allZero = ({ data, summary }) => (data ? data.every((x) => !x) : summary.min === 0 && summary.max === 0);
const PLACES = {
  "First NaN or infinity": (trace, step) => arraysMade(trace, step).some((array) => !allFinite(array)),
  "First zero gradient": (trace, step) => step.kind === "accumulate" && step.arrived === step.of && allZero(trace.array(step.after)),
  "First wait": (trace, step) => step.arrived < step.of,
  Backward: (trace, step) => step.kind === "start",
  Update: (trace, step) => step.kind === "update",
};

function arraysMade(trace, step) {
  const made = step.kind === "forward" ? trace.op(step.op).outputs.map((id) => trace.tensor(id).array) : [];
  return [...made, ...step.gradients, step.after].map((place) => trace.array(place)).filter(Boolean);
}

/** The places that there are in a trace: their name, their step, and what changes there. */
export function placesOf(trace) {
  return Object.entries(PLACES).flatMap(([name, test]) => {
    const k = trace.steps.findIndex((step) => test(trace, step));
    const { tensor, op } = trace.steps[k] ?? {};
    return k < 0 ? [] : [{ name, k, where: tensor ? tensorName(trace, trace.tensor(tensor)) : op ? trace.op(op).op : "" }];
  });
}

export const goTo = {
  name: "Go to",
  hint: "Marked lines and nodes, the first NaN, the first zero gradient",
  fits: ({ timeline }) => timeline.length > 1,
  open(figure, panel) {
    const { trace, marks } = figure;
    const list = html("div.vg-choices");
    const choice = (action, ...content) => {
      const button = html("button.vg-choice", { type: "button" }, content);
      button.addEventListener("click", action);
      return button;
    };
    const places = placesOf(trace).map(({ name, k, where }) => choice(() => figure.go(k), name, html("span.vg-quiet", ` ${where} · ${k}`)));
    const help = say("A line number of the program, or “Stop here” in the details of a node, sets a mark. Playing stops there, and Shift with ← or → goes from mark to mark.");
    panel.append(html("div.vg-choices", places), help, list);
    const next = (mark) => figure.go(marks.stepsOf(mark).find((k) => k > figure.step) ?? marks.stepsOf(mark)[0]);
    return {
      show() {
        const all = marks.list.map((mark) => choice(() => next(mark), html("span.vg-flag"), markName(trace, mark)));
        const clear = marks.list.length ? choice(() => (figure.element.marks = []), "Remove all marks") : null;
        list.replaceChildren(...all, ...[clear].filter(Boolean));
      },
    };
  },
};
