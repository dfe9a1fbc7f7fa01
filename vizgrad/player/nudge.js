// The nudge test: what a gradient says that a small change of one number does to the loss, beside what it really does.
import { choice, html } from "./dom.js";
import { say, tensorName } from "./card.js";
import { entryName } from "./edit.js";
import { number } from "./numbers.js";
import { arrayOf, fire, replayOf, walkShown } from "./replay.js";

const REACH = 100; // positions of the slider on each side
const START = 20;
const MOST_ENTRIES = 100;

export const nudge = {
  open: (figure, panel) => new Nudge(figure, panel),
};

class Nudge {
  #figure;
  #start = -1; // the step at which the loss's walk begins
  #tensor = html("select.vg-speed", { "aria-label": "Tensor" });
  #entry = html("select.vg-speed", { "aria-label": "Entry" });
  #slider = html("input.vg-drag", { type: "range", min: -REACH, max: REACH, value: START, "aria-label": "Nudge ε" });
  #result = html("div.vg-bars");
  #said = html("p.vg-say", { role: "status" });

  constructor(figure, panel) {
    this.#figure = figure;
    const { problem } = replayOf(figure.trace);
    if (problem) return void panel.append(say(`Only Python can compute this figure again: ${problem}.`));
    this.#tensor.addEventListener("change", () => this.#choose(this.#tensor.value));
    for (const input of [this.#entry, this.#slider]) input.addEventListener("input", () => this.#draw());
    // Who clicks a tensor in the graph means this one.
    figure.graph?.drawing.addEventListener("click", ({ target }) => this.#choose(target.closest(".vg-tensor")?.dataset.tensor));
    const half = choice("Halve ε", () => {
      this.#slider.value = Math.trunc(this.#slider.value / 2) || 1;
      this.#draw();
    });
    panel.append(html("div.vg-choices", "Nudge ", this.#tensor, this.#entry, " by ε", this.#slider, half), this.#result, this.#said);
  }

  show(k) {
    if (!this.#tensor.isConnected) return;
    const start = walkShown(this.#figure, k);
    if (start !== this.#start) this.#fill(start);
    this.#draw();
  }

  #fill(start) {
    const { trace, timeline } = this.#figure;
    this.#start = start;
    const fits = ({ id, dtype }) => dtype.startsWith("float") && trace.array(timeline.value(id, start))?.size <= MOST_ENTRIES && this.#gradient(id);
    const before = this.#tensor.value;
    this.#tensor.replaceChildren(...trace.tensors.filter(fits).map((tensor) => html("option", { value: tensor.id }, tensorName(trace, tensor))));
    this.#choose(this.#figure.chosen?.tensor ?? before);
  }

  #choose(id) {
    if (id && [...this.#tensor.options].some((option) => option.value === id)) this.#tensor.value = id;
    const { shape, size } = this.#value();
    this.#entry.replaceChildren(...Array.from({ length: size }, (_, i) => html("option", { value: i }, entryName(shape, i))));
    this.#entry.hidden = size === 1;
    this.#draw();
  }

  #value(id = this.#tensor.value) {
    return this.#figure.trace.array(this.#figure.timeline.value(id, this.#start));
  }

  /** What this walk alone brings to a tensor. */
  #gradient(id) {
    const { trace } = this.#figure;
    const { tensor, array } = trace.steps[this.#start];
    const next = trace.steps.findIndex((step, k) => k > this.#start && step.kind === "start");
    const walk = trace.steps.slice(this.#start, next < 0 ? undefined : next);
    const step = walk.findLast((one) => one.kind === "accumulate" && one.tensor === id);
    if (!step) return id === tensor ? trace.array(array) : null;
    const [before, gradient] = [trace.array(step.before), trace.array(step.gradient)];
    return before ? { ...gradient, data: gradient.data.map((x, i) => x + before.data[i]) } : gradient;
  }

  /** The loss when the chosen number has another value: all that depends on it is computed again. */
  #loss(i, x) {
    const { trace, timeline } = this.#figure;
    const { shape, dtype, data } = this.#value();
    const now = new Map([[this.#tensor.value, arrayOf(shape, dtype, data.with(i, x))]]);
    for (const op of trace.ops) {
      if (!timeline.fired(op.id, this.#start) || !op.inputs.some((input) => now.has(input.tensor)) || now.has(op.outputs[0])) continue;
      const inputs = op.inputs.map(({ tensor }) => now.get(tensor) ?? trace.array(timeline.value(tensor, timeline.firing(op.id))));
      now.set(op.outputs[0], fire(trace, op, inputs).out);
    }
    const { tensor } = trace.steps[this.#start];
    return Number((now.get(tensor) ?? this.#value(tensor)).data[0]);
  }

  #draw() {
    const { trace } = this.#figure;
    const { tensor } = trace.steps[this.#start];
    const i = Number(this.#entry.value);
    const x = this.#value().data[i];
    const unit = Number(Math.max(Math.abs(x), 0.1).toPrecision(1)); // a nudge in proportion to the number
    const by = (this.#slider.value / REACH) * unit;
    const slope = this.#gradient(this.#tensor.value).data[i];
    const residual = (step) => this.#loss(i, x + step) - this.#loss(i, x) - slope * step;
    const [predicted, off] = [slope * by, residual(by)];
    const most = Math.max(...[-1, 1].flatMap((sign) => [slope * unit, slope * unit * sign + residual(unit * sign)].map(Math.abs))) || 1;
    const loss = tensorName(trace, trace.tensor(tensor));
    this.#slider.setAttribute("aria-valuetext", `ε = ${number(by)}`);
    this.#result.replaceChildren(
      bar("predicted", predicted, most, `gradient × ε = ${number(slope)} × ${number(by)}`),
      bar("true", predicted + off, most, `change of ${loss}`),
      bar("residual", off, most, "true − predicted"),
    );
    const [half, size] = [residual(by / 2), Math.abs(this.#loss(i, x)) + Math.abs(predicted)];
    const exact = Math.abs(off) <= 1e-12 * size;
    const shrinks = `With half of ε, the residual is ${number(half / off)} of this: it shrinks faster than ε, and the gradient is right.`;
    const near = Math.abs(half) < 0.45 * Math.abs(off);
    this.#said.textContent = by === 0 ? "Drag the slider." : exact ? `${loss} is a straight line here: the prediction is exact.` : near ? shrinks : "There is a kink or a bend nearby: make ε smaller.";
  }
}

/** A number as a bar to the left or right of zero. */
function bar(name, x, most, how) {
  const length = html("i");
  const share = Math.min(Math.abs(x) / most, 1) * 50;
  Object.assign(length.style, { width: `${share}%`, left: `${x < 0 ? 50 - share : 50}%` });
  return html(`div.vg-bar-row.vg-${name}`, html("span", name), html("span.vg-rail", length), html("b", number(x)), html("small", how));
}

