// Where a reader wants to stop: marks at lines of the program and at nodes, the steps that they stand for, and the way
// from one to the next.
import { html } from "./dom.js";
import { tensorName } from "./card.js";

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
