// The drawn graph at a step: changes the texts, pictures and classes of an SVG, and never its places.
import { tensorName } from "./card.js";
import { svg } from "./dom.js";
import { Modules } from "./modules.js";
import { CELL_OPACITY, chipText, colour, heatUrl, levels, number, shapeText, short } from "./numbers.js";

const CHARACTER = 6.7; // width of a digit in the drawing, in px
const XLINK = "http://www.w3.org/1999/xlink"; // as in the drawing: themes stumble over a plain href of an image
const NEAR = 3; // ops
const MARKER = "M-6,-9 L6,-9 L0,0 Z";

export class Graph {
  trace;
  #timeline;
  #nodes = []; // { id, element, tensor, op or unit, slots, badge }
  #edges = [];
  #seen = { nodes: [], edges: [], units: [] }; // those that are in no closed module
  #modules;
  #pictures = new Map();
  #flashing = false;

  constructor(drawing, trace, timeline) {
    this.drawing = drawing;
    this.trace = trace;
    this.#timeline = timeline;
    this.#modules = new Modules(drawing, trace);
    for (const unit of this.#modules.all.values()) if (unit.box) this.#addUnit(unit);
    for (const element of drawing.querySelectorAll(".vg-tensor[data-tensor]")) this.#addTensor(element);
    for (const element of drawing.querySelectorAll(".vg-op[data-op]")) this.#addOp(element);
    for (const element of drawing.querySelectorAll(".vg-edge")) this.#addEdge(element);
    this.#sort();
    this.#look();
  }

  show(k) {
    const active = this.#timeline.active(k);
    const flights = new Map(this.#timeline.flights(k).map((flight) => [`${flight.op}:${flight.port}`, flight]));
    const ending = this.#timeline.phase(k) === "backward";
    for (const node of this.#seen.nodes) this.#showNode(node, k, active, ending);
    for (const unit of this.#seen.units) this.#showUnit(unit, k, active);
    for (const edge of this.#seen.edges) this.#showEdge(edge, k, active, flights, ending);
  }

  /** Shows everything afresh at step k: the numbers in the trace are others now. Those that change flash. */
  refresh(k) {
    this.#pictures.clear();
    for (const node of this.#nodes) for (const slot of [node, ...(node.slots ?? []), ...(node.rows ?? [])]) slot.shown = undefined;
    for (const edge of this.#edges) edge.shown = undefined;
    this.#flashing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.show(k);
    this.#flashing = false;
  }

  /** Lets the numbers flash that are not those of another drawing of the same graph. */
  flashSince(other) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const texts = ({ drawing }) => [...drawing.querySelectorAll(".vg-cell > text")];
    const before = texts(other).map((text) => text.textContent);
    texts(this).forEach((text, i) => text.textContent !== before[i] && flash(text));
  }

  select(element) {
    const before = this.drawing.querySelector(".vg-selected");
    before?.classList.remove("vg-selected");
    before?.removeAttribute("aria-current");
    element?.classList.add("vg-selected");
    element?.setAttribute("aria-current", "true");
  }

  /** The element of a tensor or op; where it is in a closed module, that of the module. */
  node(id) {
    const unit = id && this.#modules.around(id);
    return unit ? unit.box : (this.#nodes.find((node) => node.id === id)?.element ?? null);
  }

  /** Whether a tensor or op is in this drawing, be it in a closed module. */
  holds(id) {
    return this.#nodes.some((node) => node.id === id);
  }

  /** What stands for an op: its id, or the path of the closed module that it is in. */
  unitOf(op) {
    return this.#modules.around(op)?.path ?? op;
  }

  get modules() {
    return this.#modules;
  }

  /** How many nodes are seen. */
  get count() {
    return this.#seen.nodes.length + this.#seen.units.length;
  }

  /** Whether only a part of the graph is drawn. */
  get isPart() {
    return Boolean(this.drawing.dataset.around);
  }

  /** Width and height of the drawing, in its own units. */
  get size() {
    return ["width", "height"].map((side) => Number(this.drawing.getAttribute(side)) || 600);
  }

  /** Makes all but some nodes pale; without any, none. */
  dimOthers(elements) {
    this.drawing.classList.toggle("vg-apart", elements !== null);
    for (const { element } of this.#nodes) element.classList.toggle("vg-near", elements?.includes(element) ?? false);
  }

  /** Opens or closes modules, and shows what is seen now at step k. */
  open(paths, open, k) {
    const done = this.#modules.set(paths, open);
    this.#look();
    this.show(k);
    return done;
  }

  /** Moves the one tab stop of the graph to the next node, or with -1 to the one before. */
  focusNext(element, direction) {
    const all = [...this.#seen.nodes, ...this.#seen.units].sort((a, b) => a.place - b.place).map(({ element }) => element);
    this.focusOn(all[(all.indexOf(element) + direction + all.length) % all.length]);
  }

  focusOn(element) {
    for (const { element: other } of this.#nodes) other.setAttribute("tabindex", other === element ? "0" : "-1");
    element.focus();
  }

  /** The elements of what is within some ops of a tensor or op. */
  near({ tensor, op }, steps = NEAR) {
    let near = new Set([op ?? tensor]);
    for (let i = 0; i < 2 * steps; i += 1) {
      const more = new Set(near);
      for (const { id, inputs, outputs } of this.trace.ops) {
        const beside = [...inputs.map((input) => input.tensor), ...outputs];
        if (near.has(id)) beside.forEach((one) => more.add(one));
        if (beside.some((one) => near.has(one))) more.add(id);
      }
      near = more;
    }
    return [...near].map((id) => this.node(id)).filter(Boolean);
  }

  // --- what there is ---------------------------------------------------------------------------------------------------

  #addTensor(element) {
    const tensor = this.trace.tensors[Number(element.dataset.tensor.slice(1))];
    if (!tensor) return;
    const slots = ["value", "grad"].map((kind) => this.#slot(element, kind)).filter(Boolean);
    this.#prepare(element, "tensor");
    this.#nodes.push({ id: tensor.id, element, tensor, slots, badge: element.querySelector(".vg-badge") });
  }

  #addOp(element) {
    const op = this.trace.ops[Number(element.dataset.op.slice(1))];
    if (!op) return;
    this.#prepare(element, "operation");
    element.setAttribute("aria-label", this.#opInWords(op));
    element.classList.toggle("vg-failed", this.trace.error?.op === op.id);
    this.#nodes.push({ id: op.id, element, op });
  }

  /** An op with what it takes and makes: who does not see the edges hears of them here. */
  #opInWords({ op, place, inputs, outputs }) {
    const names = (ids) => ids.map((id) => tensorName(this.trace, this.trace.tensor(id))).join(" and ");
    const line = place ? `, line ${place[1]}` : "";
    return `${op}${line}, takes ${names(inputs.map(({ tensor }) => tensor))}${outputs.length ? `, makes ${names(outputs)}` : ""}`;
  }

  #addUnit(unit) {
    for (const element of [unit.box, unit.sheet?.querySelector(".vg-module")].filter(Boolean)) {
      const opens = element === unit.box;
      this.#prepare(element, "module", opens);
      const rows = [...element.querySelectorAll(".vg-row[data-row]")].map((row) => ({
        tensor: this.trace.tensor(row.dataset.row),
        kind: ["in", "out"].find((kind) => row.classList.contains(`vg-${kind}`)) ?? "",
        prefix: `${unit.path.replace(/ \(\d+\)$/, "")}.`,
        texts: ["left", "right"].map((side) => row.querySelector(`.vg-row-${side}`)),
      }));
      const says = `${this.#modules.describe(unit)}, ${opens ? "closed" : "open"}`;
      element.setAttribute("aria-label", says);
      this.#nodes.push({ id: unit.path, element, unit, says, rows: rows.filter(({ tensor }) => tensor) });
    }
  }

  /** Finds what is seen, and leaves one tab stop. */
  #look() {
    const seen = ({ element }) => !element.closest('[display="none"]');
    const nodes = this.#nodes.filter(seen);
    this.#seen = { nodes: nodes.filter((node) => !node.unit), units: nodes.filter((node) => node.unit), edges: this.#edges.filter(seen) };
    if (nodes.some(({ element }) => element.getAttribute("tabindex") === "0")) return;
    for (const { element } of this.#nodes) element.setAttribute("tabindex", "-1");
    nodes[0]?.element.setAttribute("tabindex", "0");
  }

  /** The order in which the keyboard visits the nodes: along the computation, a module before what is in it. */
  #sort() {
    const order = this.trace.ops.flatMap((op) => [...op.inputs.map((input) => input.tensor), op.id, ...op.outputs]);
    const places = new Map([...order].reverse().map((id, i) => [id, order.length - i]));
    for (const node of this.#nodes) {
      node.place = (node.unit ? places.get(`o${node.unit.first}`) - 0.9 + 0.01 * node.id.length : places.get(node.id)) ?? Infinity;
    }
    this.#nodes.sort((a, b) => a.place - b.place);
  }

  #prepare(element, kind, marker = true) {
    element.setAttribute("role", "graphics-symbol"); // a button's label would have to repeat every number in it
    element.setAttribute("aria-roledescription", kind);
    element.setAttribute("tabindex", "-1");
    for (const part of element.children) part.setAttribute("aria-hidden", "true"); // its label says all of it
    if (marker) element.append(svg("path.vg-marker", { d: MARKER, transform: `translate(0,${topOf(element) - 5})` }));
  }

  #slot(element, kind) {
    const holder = element.querySelector(`.vg-slot.vg-${kind}`);
    if (!holder) return null;
    const cells = [...holder.querySelectorAll(".vg-cell")].map((cell) => ({
      box: cell.querySelector("rect"),
      text: cell.querySelector("text"),
    }));
    return { kind, holder, cells, image: holder.querySelector("image"), shown: undefined };
  }

  #addEdge(element) {
    const { op, port, tensor } = element.dataset;
    const line = element.querySelector(".vg-line");
    const users = this.trace.tensor(tensor ?? "") && this.#modules.users(element);
    element.setAttribute("aria-hidden", "true");
    if (!line || !(op ? this.trace.op(op) : users)) return;
    line.before(svg("path.vg-reach", { d: line.getAttribute("d") })); // a thin line is hard to hit
    const ids = op ? [`${op}:${port ?? tensor}`] : users;
    this.#edges.push({ element, ids, ops: ids.map((id) => id.split(":")[0]), tensor, flies: port !== undefined || !op, chip: element.querySelector(".vg-chip") });
  }

  // --- at a step -------------------------------------------------------------------------------------------------------

  #showNode(node, k, active, walking) {
    const { element } = node;
    if (node.op) {
      const state = [active.ops.has(node.id), !this.#timeline.fired(node.id, k)];
      if (isSame(node, state)) return;
      element.classList.toggle("vg-active", state[0]);
      element.classList.toggle("vg-dim", state[1]);
      return;
    }
    const value = this.#timeline.value(node.id, k);
    const grad = this.#timeline.grad(node.id, k);
    const arrival = this.#timeline.arrival(node.id, k);
    if (isSame(node, [active.tensors.has(node.id), value, grad, arrival.arrived, arrival.of, walking])) return;
    element.classList.toggle("vg-active", active.tensors.has(node.id));
    element.classList.toggle("vg-dim", value === null);
    for (const slot of node.slots) this.#showSlot(slot, node.tensor, slot.kind === "value" ? value : grad);
    element.classList.toggle("vg-waiting", arrival.waiting);
    if (node.badge) showBadge(node.badge, arrival, walking);
    element.setAttribute("aria-label", this.#description(node.tensor, value, grad, arrival));
  }

  /** A closed module is active while anything in it is; its rows are its inputs, parameters and outputs. */
  #showUnit({ element, unit, says, rows }, k, active) {
    const inside = (id) => this.#modules.has(unit, id);
    element.classList.toggle("vg-active", element === unit.box && [...active.ops, ...active.tensors].some(inside));
    element.classList.toggle("vg-dim", !this.#timeline.fired(`o${unit.first}`, k));
    for (const row of rows) {
      const arrays = [this.#timeline.value(row.tensor.id, k), this.#timeline.grad(row.tensor.id, k)];
      if (isSame(row, arrays)) continue;
      const texts = this.#modules.rowTexts(row, ...arrays.map((place) => this.trace.array(place)));
      row.texts.forEach((text, i) => text && (text.textContent = texts[i]));
      row.says = texts.join(" ");
    }
    element.setAttribute("aria-label", [says, ...rows.map((row) => row.says)].join(", "));
  }

  #showSlot(slot, tensor, place) {
    if (slot.shown === place) return;
    slot.shown = place;
    const array = this.trace.array(place);
    slot.holder.classList.toggle("vg-empty", array === null);
    if (slot.image) this.#showPicture(slot, tensor, place, array);
    const level = array?.data && slot.cells.length > 1 ? levels(array.data) : [];
    slot.cells.forEach(({ box, text }, i) => {
      const missing = slot.kind === "grad" ? "0" : "";
      if (text) this.#write(text, box, array?.data ? number(array.data[i] ?? NaN) : missing);
      box?.setAttribute("fill", colour(level[i] ?? 0));
      box?.setAttribute("fill-opacity", (Math.abs(level[i] ?? 0) * CELL_OPACITY).toFixed(3));
    });
  }

  #write(text, box, digits) {
    if (text.textContent === digits) return;
    text.textContent = digits;
    const room = (Number(box?.getAttribute("width")) || Infinity) - 2; // was made for the numbers that were recorded
    if (digits.length * CHARACTER > room) text.setAttribute("textLength", room);
    else text.removeAttribute("textLength");
    if (this.#flashing) flash(text);
  }

  #showPicture(slot, tensor, place, array) {
    const url = array ? this.#picture(array, place, tensor, slot.holder.dataset.tilesAcross) : "";
    if (url) slot.image.setAttributeNS(XLINK, "xlink:href", url);
    else slot.image.removeAttributeNS(XLINK, "href");
  }

  #picture(array, place, tensor, across) {
    const tiles = tensor.picture && { height: tensor.picture[0], width: tensor.picture[1], across: Number(across) || 1 };
    const key = tiles ? `${place} in ${tiles.across}` : place;
    if (!this.#pictures.has(key)) this.#pictures.set(key, heatUrl(array, tiles));
    return this.#pictures.get(key);
  }

  #description(tensor, value, grad, { arrived, of, waiting }) {
    const parts = [`${tensor.name || "unnamed"}, ${tensor.role}, shape ${shapeText(tensor.shape)}`];
    parts.push(value === null ? "not computed yet" : `value ${short(this.trace.array(value))}`);
    if (tensor.requires_grad) parts.push(grad === null ? "no gradient yet" : `gradient ${short(this.trace.array(grad))}`);
    if (waiting) parts.push(`waits: ${arrived} of ${of} gradients have arrived`);
    return parts.join(", ");
  }

  #showEdge(edge, k, active, flights, walking) {
    const all = edge.flies ? edge.ids.map((id) => flights.get(id)).filter(Boolean) : [];
    const flight = ["lands", "travels", "landed"].map((state) => all.find((one) => one.state === state)).find(Boolean);
    const on = edge.ids.some((id) => active.edges.has(id));
    const dim = !edge.ops.some((op) => this.#timeline.fired(op, k));
    if (isSame(edge, [on, walking, flight?.state, flight?.array, dim])) return;
    const { classList } = edge.element;
    classList.toggle("vg-active", on);
    classList.toggle("vg-backwards", on && walking);
    classList.toggle("vg-passed", flight?.state === "landed" || flight?.state === "lands");
    classList.toggle("vg-dim", dim);
    if (edge.chip) this.#showChip(edge, flight);
  }

  #showChip({ chip, tensor }, flight) {
    chip.classList.toggle("vg-travels", flight?.state === "travels");
    chip.classList.toggle("vg-lands", flight?.state === "lands");
    if (!flight || flight.state === "landed") return;
    if (flight.state === "lands") chip.style.setProperty("--vg-way", wayBetween(chip, this.node(tensor)));
    const text = chip.querySelector("text");
    const room = Number(chip.querySelector("rect")?.getAttribute("width") ?? 0) / CHARACTER;
    if (text) text.textContent = chipText(this.trace.array(flight.array), room);
  }
}

function flash(text) {
  text.parentNode.animate([{ filter: "drop-shadow(0 0 4px var(--vg-accent)) drop-shadow(0 0 4px var(--vg-accent))" }, {}], 1200);
}

/** Whether what an element shows is this already; from now on it is. */
function isSame(part, state) {
  const same = part.shown?.every((one, i) => one === state[i]);
  part.shown = state;
  return same;
}

/** How far an element has to go to be where another is, in the units of the drawing. */
function wayBetween(element, goal) {
  if (!goal) return "none";
  const [from, to] = [drawnAt(element), drawnAt(goal)];
  return `${to.x - from.x}px ${to.y - from.y}px`;
}

/** Where an element is drawn: the drawing places by translations alone. To ask the browser would have it lay out all. */
function drawnAt(element) {
  const place = { x: 0, y: 0 };
  for (let part = element; part.matches("g"); part = part.parentNode) {
    for (const { matrix } of part.transform.baseVal) {
      place.x += matrix.e;
      place.y += matrix.f;
    }
  }
  return place;
}

function showBadge(badge, { arrived, of, waiting }, walking) {
  badge.classList.toggle("vg-shown", walking && of > 1);
  badge.classList.toggle("vg-full", waiting);
  const text = badge.querySelector("text");
  if (text) text.textContent = walking && of > 1 ? `${arrived}/${of}` : "";
  const box = badge.querySelector("rect");
  const width = Math.max(26, text.textContent.length * CHARACTER + 8);
  box?.setAttribute("width", width);
  box?.setAttribute("x", -width / 2);
}

/** The upper end of a node's shape, relative to its middle. */
function topOf(element) {
  const shape = element.querySelector(".vg-shape");
  if (shape?.hasAttribute("r")) return -Number(shape.getAttribute("r"));
  if (shape?.hasAttribute("y")) return Number(shape.getAttribute("y"));
  return Number(/L0,(-[\d.]+)/.exec(shape?.getAttribute("d") ?? "")?.[1] ?? 0);
}
