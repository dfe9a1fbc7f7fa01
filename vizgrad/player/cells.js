// What a single number is made of: pointing at a cell lights the cells that it was computed from, wherever they are shown,
// and writes the computation out. Nothing is taken on trust: what does not give the recorded number is not shown.
import { tensorName } from "./card.js";
import { html } from "./dom.js";
import { asMatrix, number } from "./numbers.js";
import { CLOSENESS, fire, WRITTEN } from "./replay.js";

const MOST_TERMS = 6; // of a longer sum the middle is left out
const LONGEST_TEXT = 150;
const AWAY = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const PRODUCTS = "·∕";

/**
 * What entry i of a shown array is made of: { text, from }, or null where it cannot be told. `shown` has the tensor's id,
 * the kind ("value" or "grad"), the array, and perhaps `as`, the op and port that it stands for. So has each of `from`.
 */
export function madeOf(trace, timeline, k, shown, i) {
  try {
    const made = shown.kind === "grad" ? gradientMade(trace, timeline, k, shown, i) : resultOf(trace, timeline, k, shown, i);
    const [recorded, near] = [Number(shown.array.data[i]), CLOSENESS[shown.array.dtype] ?? 0];
    const agrees = made && (Object.is(made.x, recorded) || Math.abs(made.x - recorded) <= near * Math.max(made.size, Math.abs(recorded)));
    return agrees ? { text: shortened(made), from: made.from } : null;
  } catch {
    return null; // an op that is known to Python only, or too large a one
  }
}

function resultOf(trace, timeline, k, { tensor, array }, i) {
  const op = trace.maker(trace.tensor(tensor));
  if (!op || trace.array(trace.tensor(tensor).array) !== array) return null;
  const { cells, leafOf } = computed(trace, timeline, op);
  const made = cells[i];
  const size = made.from.reduce((sum, [{ value }]) => sum + Math.abs(value), 0);
  return { x: made.value, size, text: written(made), from: leavesUnder([made]).map(leafOf) };
}

/** The latest step that brought this gradient tells where it came from: along one edge, or as a sum. */
function gradientMade(trace, timeline, k, { tensor, array, as }, i) {
  const is = (place) => Number.isInteger(place) && trace.array(place) === array;
  for (let at = k; at >= 0; at -= 1) {
    const step = trace.steps[at];
    if (step.kind === "accumulate" && step.tensor === tensor && is(step.after)) {
      const parts = [step.before, step.gradient, step.earlier].map((place) => trace.array(place)).filter(Boolean);
      if (parts.length > 1) return summedUp(parts.map((part) => ({ tensor, kind: "grad", array: part, i })));
    }
    const op = step.kind === "backward" && trace.op(step.op);
    const fits = ({ tensor: id, port }, p) => id === tensor && is(step.gradients[p]) && (at < k || !as || as === `${op.id}:${port}`);
    const port = op ? op.inputs.findIndex(fits) : -1;
    if (port >= 0) return contributionOf(trace, timeline, op, port, trace.array(step.upstream[0]), i);
  }
  return null;
}

function summedUp(from) {
  const all = from.map(({ array, i }) => Number(array.data[i]));
  return { x: all.reduce((a, b) => a + b, 0), size: Math.max(...all.map(Math.abs)), text: inSum(all, (x, i) => gradText(x, i > 0)), from };
}

/** What one edge brings to entry i: the gradient of each entry of the result that it acts on, times the slope there. */
function contributionOf(trace, timeline, op, port, upstream, i) {
  const { cells, leaves, made, leafOf } = computed(trace, timeline, op);
  const reached = new Map([[leaves[port].cells[i], 1]]);
  const partners = new Set();
  for (const one of made) {
    const along = one.from.filter(([cell]) => reached.has(cell));
    if (!along.length) continue;
    reached.set(one, along.reduce((sum, [cell, slope]) => sum + slope * reached.get(cell), 0));
    for (const cell of decidingSlope(one, along[0][0])) partners.add(cell);
  }
  const terms = cells.flatMap((cell, o) => (reached.has(cell) ? [{ o, g: Number(upstream.data[o]), slope: reached.get(cell) }] : []));
  const term = ({ g, slope }, at) => (slope === 1 ? gradText(g, at > 0) : [...gradText(g, at > 0), " · ", digits(slope, true)]);
  const from = [
    ...terms.map(({ o }) => ({ tensor: op.outputs[0], kind: "grad", array: upstream, i: o, as: `${op.id}:out` })),
    ...leavesUnder([...partners]).map(leafOf),
  ];
  const x = terms.reduce((sum, { g, slope }) => sum + g * slope, 0);
  const size = terms.reduce((sum, { g, slope }) => sum + Math.abs(g * slope), 0);
  return { x, size, text: terms.length ? inSum(terms, term) : ["nothing of the result was computed from it"], from };
}

/** The cells that the slope of a cell depends on: of a product the other factor, of a sum none. */
function decidingSlope({ from, by }, along) {
  const sign = WRITTEN.get(by) ?? by;
  if (["+", "−", "max", "min", "id", "negate"].includes(sign) || typeof by[2] === "number") return [];
  const cells = from.map(([cell]) => cell);
  return sign === "·" ? cells.filter((cell) => cell !== along) : cells;
}

let last = null; // a reader looks at many cells of one op

/** An op with its cells; `leafOf` says which entry of which array a leaf among them is. */
function computed(trace, timeline, op) {
  const when = timeline.firing(op.id);
  const inputs = op.inputs.map(({ tensor }) => trace.array(timeline.value(tensor, when ?? 0)));
  if (last?.op === op && inputs.every((array, i) => array === last.inputs[i])) return last;
  const fired = fire(trace, op, inputs);
  const entries = new Map(fired.leaves.flatMap(({ cells }, port) => cells.map((cell, i) => [cell, [port, i]])));
  const leafOf = (cell) => {
    const [port, i] = entries.get(cell);
    return { tensor: op.inputs[port].tensor, kind: "value", array: inputs[port], i, as: `${op.id}:${op.inputs[port].port}` };
  };
  for (const cell of entries.keys()) cell.leaf = true;
  return (last = { op, inputs, ...fired, leafOf });
}

function leavesUnder(cells) {
  const under = new Set(cells);
  for (const { from } of under) for (const [one] of from) under.add(one); // a set goes on with what is added to it
  return [...under].filter((cell) => cell.leaf);
}

// --- in writing ----------------------------------------------------------------------------------------------------------

function digits(x, later) {
  return later && x < 0 ? `(${number(x)})` : number(x);
}

function gradText(x, later) {
  return [html("span.vg-term-grad", digits(x, later))];
}

/** A sum, without its middle where it is long; `write(item, i)` writes one of its terms. */
function inSum(items, write, sign = " + ") {
  const [left, last] = [items.length - MOST_TERMS, items.length - 1];
  const shown = left > 0 ? [...items.slice(0, MOST_TERMS - 2).map(write), [`⋯ ${left + 1} more ⋯`], write(items[last], last)] : items.map(write);
  return shown.flatMap((term, i) => (i ? [sign, ...term] : term));
}

/** How a cell was made, in parentheses where what is around it binds more tightly than `level`. */
function written({ value, from, by }, level = 0) {
  const sign = WRITTEN.get(by) ?? (Array.isArray(by) ? by[2] : by);
  const [a, b] = from.map(([cell]) => cell);
  if (!from.length || sign === "id") return a ? written(a, level) : [digits(value, level > 0)];
  if (by === "max" || by === "min") return [`${by}(`, ...inSum(from, ([cell]) => written(cell), ", "), ")"];
  const own = sign === "+" || sign === "−" || sign === "negate" ? 1 : PRODUCTS.includes(sign) || typeof by[2] === "number" ? 2 : 4;
  const inside =
    sign === "+" ? inSum(from, ([cell], i) => written(cell, Math.min(i, 1)))
    : sign === "^" ? [...written(a, 4), html("sup", written(b))]
    : by[2] === "²" ? [...written(a, 4), "²"]
    : typeof by[2] === "number" ? [`${number(by[2])} · `, ...written(a, 2)]
    : sign === "negate" ? ["−", ...written(a, 2)]
    : b && own < 4 ? [...written(a, own), ` ${sign} `, ...written(b, own + Number(sign !== "·"))]
    : [`${sign}(`, ...written(a), ...(b ? [", ", ...written(b)] : []), ")"];
  return own < level ? ["(", ...inside, ")"] : inside;
}

function shortened({ text, from }) {
  const length = text.reduce((sum, part) => sum + (part.textContent ?? part).length, 0);
  return length > LONGEST_TEXT ? [`made of ${from.length} numbers`] : text;
}

// --- cells on the screen -------------------------------------------------------------------------------------------------

/** Cells are found by the arrays that elements show: `element.array`, and in the drawing the slots of its nodes. */
export class Cells {
  #root;
  #trace;
  #timeline;
  #box = html("div.vg-made", { "aria-live": "polite", hidden: true });
  #pinned = null;
  #at = null; // what is lit

  constructor(root, trace, timeline) {
    [this.#root, this.#trace, this.#timeline] = [root, trace, timeline];
    this.element = this.#box;
  }

  /** Another step: nothing is lit, and each result is within reach of the keyboard. */
  reset() {
    this.#pinned = null;
    this.#light(null);
    for (const chain of this.#root.querySelectorAll(".vg-card .vg-chain")) {
      const result = [...chain.querySelectorAll("mtable, mn")].findLast((one) => one.array);
      if (result?.matches("mtable")) result.setAttribute("tabindex", "0");
    }
  }

  /** Lights what the cell under the pointer is made of; elsewhere, what is pinned. */
  point(target) {
    this.#light(this.#find(target) ?? this.#pinned);
  }

  /** Keeps it lit. False if this is no cell of the card or the details. */
  pin(target) {
    this.#pinned = this.#find(target);
    this.#light(this.#pinned);
    return Boolean(this.#pinned && !target.closest("svg"));
  }

  /** A matrix that comes into focus begins at its first cell. */
  focus(target) {
    if (target.matches?.(":focus-visible")) this.#light(this.#cellOf(target.array ? target : target.querySelector?.(".vg-numbers"), 0));
  }

  /** Arrow keys go from cell to cell; false if the key is for others. */
  press({ key, target }) {
    const holder = target.array ? target : target.matches(".vg-scroll") ? target.querySelector(".vg-numbers") : null;
    if (key === "Escape" && this.#at) {
      this.#pinned = null;
      this.#light(null);
      return true;
    }
    if (!holder || !AWAY[key]) return false;
    const [rows, columns] = asMatrix(holder.array.shape);
    const i = this.#at?.holder === holder ? this.#at.i : 0;
    const [row, column] = [Math.floor(i / columns) + AWAY[key][0], (i % columns) + AWAY[key][1]];
    if (row >= 0 && row < rows && column >= 0 && column < columns) this.#light(this.#cellOf(holder, row * columns + column));
    return true;
  }

  #find(target) {
    const cell = target?.closest?.(".vg-cell, mtd, td, mn");
    let holder = cell?.closest(".vg-slot") ?? cell;
    while (holder && holder !== this.#root && !this.#arrayIn(holder)) holder = holder.parentElement;
    if (!holder || holder === this.#root) return null;
    const cells = cellsIn(holder);
    return this.#cellOf(holder, Math.max(cells.findIndex((one) => one.contains(target)), 0));
  }

  #arrayIn(holder) {
    if (!holder.matches(".vg-slot")) return holder.array ?? null;
    const id = holder.closest(".vg-tensor")?.dataset.tensor;
    const k = this.#root.step;
    const place = id && (holder.matches(".vg-grad") ? this.#timeline.grad(id, k) : this.#timeline.value(id, k));
    return this.#trace.array(place);
  }

  #cellOf(holder, i) {
    const array = holder && this.#arrayIn(holder);
    const { tensor, as } = holder?.closest("[data-tensor]")?.dataset ?? {};
    if (!array?.data || !tensor) return null;
    return { holder, i, tensor, as, array, kind: holder.closest(".vg-term-grad, .vg-slot.vg-grad, [data-kind=grad]") ? "grad" : "value" };
  }

  #light(found) {
    if (found && this.#at?.holder === found.holder && this.#at.i === found.i) return;
    for (const one of this.#root.querySelectorAll(".vg-at, .vg-lit")) one.classList.remove("vg-at", "vg-lit");
    const made = found && madeOf(this.#trace, this.#timeline, this.#root.step, found, found.i);
    const alone = !found || (found.array.size === 1 && !made?.from.some(({ array }) => array.size > 1));
    this.#at = alone ? null : found;
    this.#box.hidden = alone;
    if (alone) return;
    for (const one of this.#shown(found)) one.classList.add("vg-lit");
    for (const one of (made?.from ?? []).flatMap((leaf) => this.#shown(leaf))) one.classList.add("vg-lit");
    cellsIn(found.holder)[found.i]?.classList.add("vg-at");
    this.#write(found, made);
  }

  /** Everywhere an entry is to be seen: in the card, in the details, in the drawing. */
  #shown({ tensor, kind, array, as, i }) {
    const same = (holder) => {
      const found = this.#arrayIn(holder) === array && this.#cellOf(holder, i);
      const other = found?.as && as && found.as !== as && found.as.split(":")[0] === as.split(":")[0];
      return found && found.tensor === tensor && found.kind === kind && !other;
    };
    const node = this.#root.querySelector(`.vg-tensor[data-tensor="${tensor}"]`);
    const holders = [...this.#root.querySelectorAll(":is(.vg-card, .vg-chosen) :is(mtable, mn, table)"), ...(node?.querySelectorAll(".vg-slot") ?? [])];
    return holders.filter(same).flatMap((holder) => cellsIn(holder)[i] ?? []);
  }

  #write({ holder, i, tensor, kind, array }, made) {
    const at = array.shape.map((n, axis) => Math.floor(i / array.shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % n);
    const name = [tensorName(this.#trace, this.#trace.tensor(tensor)), kind === "grad" ? html("sup", "∇") : null, at.length ? `[${at.join(", ")}]` : null];
    this.#box.replaceChildren(html("b", { class: `vg-term-${kind}` }, name), ...(made ? [" = ", ...made.text] : []), " = ", html("b", number(array.data[i])));
    const [box, player, own] = [holder.getBoundingClientRect(), this.#root.getBoundingClientRect(), this.#box.getBoundingClientRect()];
    const below = box.bottom + 6 + own.height < player.bottom;
    this.#box.style.left = `${Math.max(Math.min(box.left - player.left, player.width - own.width - 8), 8)}px`;
    this.#box.style.top = `${(below ? box.bottom + 6 : box.top - own.height - 6) - player.top}px`;
  }
}

function cellsIn(holder) {
  if (holder.matches("mn")) return [holder];
  return [...holder.querySelectorAll(holder.matches(".vg-slot") ? ".vg-cell" : "mtd, td")];
}
