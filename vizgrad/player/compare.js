// <vg-compare>: two players on one timeline. A step of one takes the other to the step that corresponds to it: the
// longest common run of steps of the same kind, rule and tensor. Numbers that differ are marked in both drawings.
import { choice, html } from "./dom.js";
import { tensorName } from "./card.js";
import { number } from "./numbers.js";

const LONGEST_MATCH = 4_000_000; // pairs of steps: beyond, they are matched by their number

export class VgCompare extends HTMLElement {
  #matches = null; // of each player's steps, the other's
  #pairs = []; // tensors of the same name
  #moving = false;
  #said = html("span", { role: "status" });

  connectedCallback() {
    this.addEventListener("vg-step", ({ target }) => this.#follow(target));
    if (this.querySelector(".vg-compared")) return;
    this.prepend(html("div.vg-compared", this.#said, choice("First difference", () => this.#goToFirst())));
  }

  get #figures() {
    return [...this.querySelectorAll("vg-player[ready]")].map((player) => player.figure);
  }

  #follow(player) {
    const figures = this.#figures;
    if (this.#moving || figures.length < 2) return;
    const begins = !this.#matches;
    if (begins) this.#match(figures);
    const mine = begins ? 0 : figures.findIndex(({ element }) => element === player); // the first says where both open
    this.#moving = true;
    figures[1 - mine].go(nearest(this.#matches[mine], figures[mine].step));
    this.#moving = false;
    this.#mark(figures);
  }

  #match(figures) {
    const keys = figures.map(({ trace }) => trace.steps.map((step) => stepKey(trace, step)));
    this.#matches = [new Map(commonRun(...keys)), null];
    this.#matches[1] = new Map([...this.#matches[0]].map(([k, other]) => [other, k]));
    const others = new Map(namesOf(figures[1].trace).map((name, i) => [name, `t${i}`]));
    this.#pairs = namesOf(figures[0].trace).flatMap((name, i) => (others.has(name) ? [[`t${i}`, others.get(name)]] : []));
    this.classList.toggle("vg-one-clock", this.#matches[1].size === figures[1].trace.steps.length);
  }

  /** What the two hold that is not the same: [ids, kind, arrays]. */
  #differences(figures, steps) {
    return this.#pairs.flatMap((ids) =>
      ["value", "grad"].flatMap((kind) => {
        const arrays = figures.map(({ trace, timeline }, i) => trace.array(timeline[kind](ids[i], steps[i])));
        return arrays.every(Boolean) && entriesThatDiffer(...arrays).length ? [[ids, kind, arrays]] : [];
      }),
    );
  }

  #mark(figures) {
    const found = this.#differences(figures, figures.map(({ step }) => step));
    for (const marked of this.querySelectorAll(".vg-differs")) marked.classList.remove("vg-differs");
    const texts = found.map(([ids, kind, arrays]) => {
      const entries = entriesThatDiffer(...arrays);
      figures.forEach(({ graph }, i) => {
        const cells = graph?.node(ids[i])?.querySelectorAll(`.vg-${kind} .vg-cell`) ?? [];
        for (const entry of entries) cells[entry]?.classList.add("vg-differs");
      });
      const [a, b] = arrays.map(({ data }) => Number(data?.[entries[0]] ?? NaN));
      const same = number(a) === number(b) ? ` (by ${number(b - a)})` : "";
      return `${tensorName(figures[0].trace, figures[0].trace.tensor(ids[0]))}${kind === "grad" ? "∇" : ""}: ${number(a)} and ${number(b)}${same}`;
    });
    const more = texts.length > 4 ? ` and ${texts.length - 4} more` : "";
    const sent = sayTheSame(figures, figures.map(({ step }) => step)) ? "No number differs at this step." : "What is sent at this step differs.";
    this.#said.textContent = texts.length ? `Different at this step: ${texts.slice(0, 4).join("; ")}${more}.` : sent;
  }

  #goToFirst() {
    const figures = this.#figures;
    if (!this.#matches) return;
    const [matches] = this.#matches;
    const differs = (_, k) => !matches.has(k) || !sayTheSame(figures, [k, matches.get(k)]) || this.#differences(figures, [k, matches.get(k)]).length;
    const first = figures[0].trace.steps.findIndex(differs);
    if (first < 0) this.#said.textContent = "The two agree in every number.";
    else figures[0].go(first);
  }
}

function sayTheSame(figures, steps) {
  const [a, b] = figures.map(({ trace }, i) => wordsOf(trace, trace.steps[steps[i]]));
  return a === b;
}

/** What a step says, without the name of its op: another library has another name for the same. */
function wordsOf(trace, step) {
  return step?.op ? step.text.replace(trace.op(step.op).op, "") : step?.text;
}

function stepKey(trace, step) {
  const tensor = step.tensor && trace.tensor(step.tensor);
  const op = step.op && trace.op(step.op);
  return [step.kind, op && (op.rule?.forward ?? op.op), tensor && (tensor.name || tensor.role), step.port].join(" ");
}

/** Tensors by name; those without one by what made them; numbered, so that no two are called the same. */
function namesOf(trace) {
  const seen = new Map();
  return trace.tensors.map((tensor) => {
    const name = tensorName(trace, tensor);
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return `${name} ${seen.get(name)}`;
  });
}

/** Pairs of places in two lists that make up their longest common subsequence. */
function commonRun(a, b) {
  if (a.length * b.length > LONGEST_MATCH) return a.flatMap((key, i) => (key === b[i] ? [[i, i]] : []));
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const pairs = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

/** The match of a step, or of the last one before it that has one. */
function nearest(matches, k) {
  for (let i = k; i >= 0; i -= 1) if (matches.has(i)) return matches.get(i);
  return 0;
}

function entriesThatDiffer(a, b) {
  if (!a.data || !b.data || a.size !== b.size) return JSON.stringify([a.shape, a.summary]) === JSON.stringify([b.shape, b.summary]) ? [] : [0];
  return a.data.flatMap((x, i) => (Object.is(x, b.data[i]) || x === b.data[i] ? [] : [i]));
}
