// Predict, then reveal: before a step of the walk back is shown, the reader says what it will send, or what it adds up to.
// The graph still stands at the step before, so there is nothing to hide. The score is kept only while the page is open.
import { choice, html } from "./dom.js";
import { hintOf, say, tensorLink } from "./card.js";
import { entryName } from "./edit.js";
import { number, shapeText } from "./numbers.js";

const TOLERANCE_OF_GUESS = 0.005; // relative: three digits are enough
const ASKED = { value: "its value", sign: "its sign", shape: "its shape" };

export const predict = {
  open: (figure, panel) => new Predict(figure, panel),
};

class Predict {
  #figure;
  #asked = null; // { step, tensor, array, entry }
  #tries = 0;
  #right = 0;
  #answered = new Set();
  #kind = html("select.vg-speed", { "aria-label": "What to ask" }, Object.entries(ASKED).map(([value, name]) => html("option", { value }, name)));
  #question = html("p.vg-question");
  #answer = html("form.vg-answer");
  #said = html("p.vg-say", { role: "status" });
  #hint = html("div.vg-hint");
  #score = html("span.vg-count");

  constructor(figure, panel) {
    this.#figure = figure;
    this.#kind.addEventListener("change", () => this.#ask());
    this.#answer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check(this.#answer.querySelector("input")?.value);
    });
    panel.append(html("div.vg-choices", "Ask me for ", this.#kind, this.#score), this.#question, this.#answer, this.#said, this.#hint);
  }

  show(k) {
    this.#asked = this.#questionAfter(k);
    this.#ask();
  }

  #questionAfter(k) {
    const { trace } = this.#figure;
    const step = trace.steps[k + 1];
    if (step?.kind === "backward") {
      const ports = trace.op(step.op).inputs.flatMap((_, port) => (Number.isInteger(step.gradients[port]) ? [port] : []));
      const port = ports[(k + 1) % ports.length]; // not always the first
      return { k: k + 1, step, port, tensor: trace.op(step.op).inputs[port].tensor, array: trace.array(step.gradients[port]) };
    }
    const sum = step?.kind === "accumulate" && (Number.isInteger(step.before) || Number.isInteger(step.earlier));
    return sum ? { k: k + 1, step, tensor: step.tensor, array: trace.array(step.after) } : null;
  }

  #ask() {
    const { trace, go } = this.#figure;
    const found = this.#asked;
    this.#tries = 0;
    this.#hint.replaceChildren();
    this.#score.textContent = this.#answered.size ? `${this.#right} of ${this.#answered.size} right` : "";
    if (!found) {
      const next = trace.steps.findIndex((_, k) => k >= this.#figure.step && this.#questionAfter(k));
      const on = choice(next < 0 ? "Start again" : "Go to the next question", () => go(next < 0 ? trace.steps.findIndex((step) => step.kind === "start") : next));
      this.#question.textContent = next < 0 ? "There is nothing left to predict." : "This step needs no guess.";
      return void this.#answer.replaceChildren(on);
    }
    const { step, tensor, array } = found;
    const link = tensorLink(trace, tensor);
    found.kind = array.data ? this.#kind.value : "shape"; // of a large array, only that is known
    found.entry = Math.max(array.data?.findIndex((x) => x !== 0) ?? 0, 0);
    const which = array.size > 1 && found.kind !== "shape" ? ` at ${entryName(array.shape, found.entry)}` : "";
    const what = ASKED[found.kind];
    const asks = step.kind === "backward" ? [`${step.op && trace.op(step.op).op} is about to send a gradient to `, link] : ["One more gradient is about to be added to those of ", link];
    this.#question.replaceChildren(...asks, `. What is ${what}${which}?`);
    const signs = [["+", 1], ["0", 0], ["−", -1]].map(([name, sign]) => choice(name, () => this.#check(sign)));
    const field = html("input.vg-number", { type: "text", autocomplete: "off", "aria-label": "Your answer", placeholder: found.kind === "shape" ? "(2, 3)" : "0.5 or 1/2" });
    const enter = found.kind === "sign" ? signs : [field, html("button.vg-choice", { type: "submit" }, "Answer")];
    this.#answer.replaceChildren(...enter, choice("Hint", () => this.#showHint()), choice("Show me", () => this.#reveal(false)));
  }

  #check(given) {
    if (!this.#asked || given === undefined || given === "") return;
    const { array, entry, kind } = this.#asked;
    const x = Number(array.data?.[entry] ?? NaN);
    const guess = kind === "value" ? valueOf(given) : given;
    if (kind === "value" && Number.isNaN(guess)) return void (this.#said.textContent = "A number is wanted, such as 0.5, −2e−3 or 1/3.");
    const good = { value: closeTo(guess, x), sign: guess === Math.sign(x), shape: String(guess).match(/\d+/g)?.join() === (array.shape.join() || undefined) }[kind];
    if (good || this.#tries > 0) return void this.#reveal(good);
    this.#tries += 1;
    this.#said.textContent = "Not yet. Look at the rule, and try once more.";
    this.#showHint();
  }

  #reveal(good) {
    const { k, array, entry, kind } = this.#asked;
    if (!this.#answered.has(k) && good) this.#right += 1;
    this.#answered.add(k);
    const truth = kind === "shape" ? shapeText(array.shape) : number(array.data[entry]);
    const again = this.#answer.contains(document.activeElement);
    this.#figure.go(k);
    this.#said.textContent = `${good ? "Right" : "It is"}: ${truth}.`;
    if (again) this.#answer.querySelector("input, button")?.focus();
  }

  #showHint() {
    const { k, step, port } = this.#asked;
    const sum = "All gradients that have arrived are added.";
    this.#hint.replaceChildren((step.kind === "backward" && hintOf(this.#figure.trace, this.#figure.timeline, k, port)) || say(sum));
  }
}

/** A number as people write it: 0.5, −2e−3, 1/3, 2*0.5. */
export function valueOf(text) {
  const factors = text.trim().replaceAll("−", "-").replaceAll(/[·×]/g, "*").replaceAll("∕", "/").replace(",", ".").split("*");
  const quotient = (factor) => factor.split("/").map((part) => (part.trim() ? Number(part) : NaN)).reduce((a, b) => a / b);
  return factors.map(quotient).reduce((a, b) => a * b);
}

/** Whether a guess is a number, up to three digits of it. */
export function closeTo(guess, x) {
  return Object.is(guess, x) || guess === x || Math.abs(guess - x) <= TOLERANCE_OF_GUESS * Math.abs(x);
}
