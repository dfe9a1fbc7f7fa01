// Modules in a drawing open and close. Each has a sheet in it, laid out with everything in it closed; where something is
// open, the columns and rows around it are stretched, and all else moves aside: see vizgrad/draw/sheets.py.
import { cut } from "./dom.js";
import { number, shapeText, short } from "./numbers.js";

const PAIR = /(-?[\d.]+),(-?[\d.]+)/g;
const MARGIN = 12;
const FEW_NUMBERS = 2;

/** The modules of a drawing. Each unit is { path, around, inner, box, sheet, first, last, leaves }; "" is what is in none. */
export class Modules {
  all = new Map();

  constructor(drawing, trace) {
    this.drawing = drawing;
    this.trace = trace;
    const top = drawing.querySelector(".vg-sheet");
    if (top) this.#read(top, null);
  }

  /** Whether there are modules, and what is in them is in this drawing. */
  get canOpen() {
    return [...this.all.values()].some(({ path, sheet }) => path && sheet);
  }

  isOpen(path) {
    return this.all.get(path).sheet?.getAttribute("display") === null;
  }

  /** The outermost closed module around a tensor or op, if it is in one. */
  around(id) {
    return this.chain(id).find(({ path }) => !this.isOpen(path));
  }

  /** The modules that a tensor or op is in, outermost first. */
  chain(id, { inner } = this.all.get("") ?? { inner: [] }) {
    const unit = inner.find((one) => this.has(one, id));
    return unit ? [unit, ...this.chain(id, unit)] : [];
  }

  /** The modules around a module. */
  outside({ around }) {
    return around?.path ? [...this.outside(around), around] : [];
  }

  has({ first, last, leaves }, id) {
    const op = Number((id.startsWith("o") ? id : this.trace.tensor(id)?.source)?.slice(1));
    return leaves.has(id) || (first <= op && op <= last);
  }

  /** Opens or closes modules, given by their paths; false where what is in one was left out of the page. */
  set(paths, open) {
    const units = paths.map((path) => this.all.get(path)).filter((unit) => unit.sheet && unit.path);
    for (const { box, sheet } of units) {
      hide(open ? box : sheet, true);
      hide(open ? sheet : box, false);
    }
    if (units.length) this.#place(this.all.get(""));
    return units.length > 0;
  }

  /** The module that an element of the drawing opens or closes. */
  at(element) {
    const group = element.closest(".vg-module[data-module]");
    const held = group && (group === element || element.closest(".vg-closed, .vg-grip, .vg-toggle, .vg-module-name"));
    return held ? this.all.get(group.dataset.module) : undefined;
  }

  /** The ports of ops, as "op:port", that an edge leads to which ends at a module or leaves one. */
  users(edge) {
    const { into, tensor } = edge.dataset;
    const unit = this.all.get(into || edge.parentNode.dataset.module);
    if (into === undefined || !unit) return null;
    const there = this.trace.consumers(tensor).filter((op) => this.has(unit, op.id) === Boolean(into));
    return there.flatMap((op) => op.inputs.flatMap((input, port) => (input.tensor === tensor ? [`${op.id}:${port}`] : [])));
  }

  /** Both texts of a row of a closed module; the same as in vizgrad/draw/closed.py. */
  rowTexts({ tensor, kind, prefix }, value, grad) {
    const few = (array) => array?.data && array.size > 0 && array.size <= FEW_NUMBERS;
    const size = (array) => (few(array) ? short(array) : `to ±${number(largest(array))}`);
    const { name, module, shape } = tensor;
    const inside = !kind && name.startsWith(prefix);
    const own = module && name.startsWith(`${module}.`) ? name.slice(module.length + 1) : name;
    const left = [kind, inside ? cut(name.slice(prefix.length), 24) : cut(own, 16), few(value) ? short(value) : shapeText(shape)].filter(Boolean).join(" ");
    return [left, tensor.requires_grad ? `∇ ${grad ? size(grad) : "–"}` : ""];
  }

  /** What one takes hold of: the closed box, or the frame. */
  handle({ path, box, sheet }) {
    return this.isOpen(path) ? sheet.querySelector(".vg-module") : box;
  }

  describe({ path, box, sheet }) {
    const totals = box.querySelector(".vg-module-totals")?.textContent ?? "";
    const says = sheet ? "" : ", what is in it is not in this drawing";
    return `${cut(box.querySelector(".vg-module-name").textContent)}, module ${cut(path)}, ${totals}${says}`;
  }

  #read(sheet, around) {
    const path = around ? sheet.dataset.module : "";
    const unit = this.all.get(path);
    if (sheet.hasAttribute("display")) hide(sheet, true);
    const whole = Object.assign(unit ?? { path, around, inner: [] }, { sheet, size: pairOf(sheet.dataset.size), parts: [], lines: [] });
    this.all.set(path, whole);
    for (const element of sheet.children) {
      if (element.matches(".vg-edge")) this.#readEdge(element, whole);
      else if (element.matches(".vg-sheet")) this.#read(element, whole);
      else if (element.hasAttribute("transform")) {
        whole.parts.push({ element, at: placeOf(element) });
        if (element.matches(".vg-closed")) this.#readBox(element, whole);
      }
    }
  }

  #readBox(box, around) {
    const [first, last] = (box.dataset.ops ?? "o0 o-1").split(" ").map((id) => Number(id.slice(1)));
    const leaves = new Set((box.dataset.leaves ?? "").split(" "));
    const shape = box.querySelector(".vg-shape");
    const [width, height] = ["width", "height"].map((side) => Number(shape.getAttribute(side)));
    if (box.hasAttribute("display")) hide(box, true);
    const unit = { path: box.dataset.module, around, inner: [], box, first, last, leaves, width, height, at: placeOf(box), sheet: null };
    around.inner.push(unit);
    this.all.set(unit.path, unit);
  }

  #readEdge(element, whole) {
    const [line, head, chip] = [".vg-line", ".vg-head", ".vg-chip"].map((kind) => element.querySelector(kind));
    const ends = [head, chip].filter(Boolean).map((part) => ({ element: part, at: placeOf(part) }));
    whole.lines.push({ line, path: line.dataset.d ?? line.getAttribute("d"), ends, chip, ...element.dataset });
  }

  /** Lays out a sheet, what is open in it first. */
  #place(whole) {
    const turn = this.drawing.dataset.direction === "TB";
    const opened = whole.inner.filter((unit) => this.isOpen(unit.path));
    const [across, down] = [[], []];
    for (const unit of opened) {
      this.#place(unit);
      const { at: [x, y], width, height, pivot } = unit;
      across.push([x - width / 2, x, pivot[0]], [x, x + width / 2, unit.extent[0] - pivot[0]]);
      down.push([y - height / 2, y, pivot[1]], [y, y + height / 2, unit.extent[1] - pivot[1]]);
    }
    const [toX, toY] = [stretch(across), stretch(down)];
    const to = ([x, y]) => [toX(x), toY(y)];
    whole.extent = to(whole.size);
    for (const { element, at } of whole.parts) move(element, to(at));
    whole.ports = new Map();
    whole.pivot = null;
    for (const edge of whole.lines) {
      const points = [...edge.path.matchAll(PAIR)].map(([, x, y]) => to([Number(x), Number(y)]));
      if (edge.from === "") whole.ports.set(`in ${edge.tensor}`, points[0]);
      if (edge.into === "") whole.ports.set(`out ${edge.tensor}`, points.at(-1));
      if (edge.from === "") whole.pivot ??= turn ? [points[0][0], whole.extent[1] / 2] : [whole.extent[0] / 2, points[0][1]];
      edge.points = points;
    }
    whole.pivot ??= whole.extent.map((side) => side / 2);
    for (const unit of opened) {
      unit.corner = to(unit.at).map((middle, i) => middle - unit.pivot[i]);
      move(unit.sheet, unit.corner);
    }
    for (const edge of whole.lines) this.#bend(edge, to, turn ? 0 : 1);
    if (whole.around) setSize(whole.sheet.querySelector(".vg-module-box"), whole.extent);
    else this.#resize(whole.extent.map((side) => side + 2 * MARGIN));
  }

  /** An edge that meets an open module meets the port that leads on inside: three points at that end are at its height. */
  #bend({ line, path, points, ends, chip, from, into, tensor }, to, axis) {
    const meets = (end, port) => {
      const unit = end && this.isOpen(end) ? this.all.get(end) : null;
      const place = unit?.ports.get(`${port} ${tensor}`);
      return place ? unit.corner[axis] + place[axis] : null;
    };
    const [first, last] = [meets(from, "out"), meets(into, "in")];
    const bent = (point, i) => {
      const end = i < 3 ? first : i >= points.length - 3 ? last : null;
      return end === null ? point : point.with(axis, end);
    };
    const moved = points.map(bent).values();
    line.setAttribute("d", path.replace(PAIR, () => pairText(moved.next().value)));
    if (last === null) chip?.removeAttribute("display");
    else chip?.setAttribute("display", "none"); // a contribution is shown farther inside
    line.previousElementSibling?.matches(".vg-reach") && line.previousElementSibling.setAttribute("d", line.getAttribute("d"));
    for (const { element, at } of ends) move(element, last === null ? to(at) : to(at).with(axis, last));
  }

  #resize([width, height]) {
    setSize(this.drawing, [width, height]);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.drawing.style.setProperty("--vg-width", `${width}px`);
  }
}

function largest({ data, summary }) {
  const entries = data ?? [summary.min, summary.max];
  return entries.reduce((most, x) => (Number.isFinite(Number(x)) ? Math.max(most, Math.abs(x)) : most), 0);
}

function pairOf(pair) {
  return (pair ?? "0,0").split(",").map(Number);
}

function placeOf(element) {
  return element.dataset.at ? pairOf(element.dataset.at) : pairOf(/translate\((.*)\)/.exec(element.getAttribute("transform"))?.[1]);
}

function pairText(point) {
  return point.map((x) => Math.round(10 * x) / 10).join(",");
}

function move(element, place) {
  element.setAttribute("transform", `translate(${pairText(place)})`);
}

/** What is not displayed in a drawing would still be told to a screen reader. */
function hide(element, hidden) {
  const change = (name, value) => (hidden ? element.setAttribute(name, value) : element.removeAttribute(name));
  change("display", "none");
  change("aria-hidden", "true");
}

function setSize(element, [width, height]) {
  element.setAttribute("width", width);
  element.setAttribute("height", height);
}

/** Makes room along an axis: each span [from, to, length] becomes at least so long, and what is after it moves on. */
function stretch(spans) {
  const cuts = [...new Set(spans.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
  const extra = cuts.map((cut) => Math.max(0, ...spans.map(([from, to, length]) => (from <= cut && cut < to ? length / (to - from) - 1 : 0))));
  return (x) => cuts.reduce((sum, cut, i) => sum + Math.max(0, Math.min(x, cuts[i + 1] ?? x) - cut) * extra[i], x);
}
