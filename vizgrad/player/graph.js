// The drawn graph at a step: changes the texts, pictures and classes of an SVG, and never its places.
import { svg } from "./dom.js";
import { CELL_OPACITY, chipText, colour, heatUrl, levels, number, shapeText, short } from "./numbers.js";

const CHARACTER = 6.7; // width of a digit in the drawing, in px
const XLINK = "http://www.w3.org/1999/xlink"; // as in the drawing: themes stumble over a plain href of an image
const MARKER = "M-6,-9 L6,-9 L0,0 Z";

export class Graph {
  #trace;
  #timeline;
  #nodes = []; // { element, tensor or op, slots, badge }
  #edges = [];
  #pictures = new Map();

  constructor(drawing, trace, timeline) {
    this.drawing = drawing;
    this.#trace = trace;
    this.#timeline = timeline;
    for (const element of drawing.querySelectorAll(".vg-tensor[data-tensor]")) this.#addTensor(element);
    for (const element of drawing.querySelectorAll(".vg-op[data-op]")) this.#addOp(element);
    for (const element of drawing.querySelectorAll(".vg-edge[data-op]")) this.#addEdge(element);
    this.#sort();
    this.#nodes[0]?.element.setAttribute("tabindex", "0");
  }

  show(k) {
    const active = this.#timeline.active(k);
    const flights = new Map(this.#timeline.flights(k).map((flight) => [`${flight.op}:${flight.port}`, flight]));
    for (const node of this.#nodes) this.#showNode(node, k, active);
    for (const edge of this.#edges) this.#showEdge(edge, k, active, flights);
  }

  select(element) {
    const before = this.drawing.querySelector(".vg-selected");
    before?.classList.remove("vg-selected");
    before?.removeAttribute("aria-current");
    element?.classList.add("vg-selected");
    element?.setAttribute("aria-current", "true");
  }

  node(id) {
    return this.#nodes.find((node) => node.id === id)?.element ?? null;
  }

  /** Moves the one tab stop of the graph to the next node, or with -1 to the one before. */
  focusNext(element, direction) {
    const all = this.#nodes.map((node) => node.element);
    const next = all[(all.indexOf(element) + direction + all.length) % all.length];
    element.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  // --- what there is ---------------------------------------------------------------------------------------------------

  #addTensor(element) {
    const tensor = this.#trace.tensors[Number(element.dataset.tensor.slice(1))];
    if (!tensor) return;
    const slots = ["value", "grad"].map((kind) => this.#slot(element, kind)).filter(Boolean);
    this.#prepare(element, "tensor");
    this.#nodes.push({ id: tensor.id, element, tensor, slots, badge: element.querySelector(".vg-badge") });
  }

  #addOp(element) {
    const op = this.#trace.ops[Number(element.dataset.op.slice(1))];
    if (!op) return;
    this.#prepare(element, "operation");
    element.setAttribute("aria-label", op.place ? `${op.op}, line ${op.place[1]}` : op.op);
    element.classList.toggle("vg-failed", this.#trace.error?.op === op.id);
    this.#nodes.push({ id: op.id, element, op });
  }

  /** The order in which the keyboard visits the nodes: along the computation. */
  #sort() {
    const order = this.#trace.ops.flatMap((op) => [...op.inputs.map((input) => input.tensor), op.id, ...op.outputs]);
    const places = new Map([...order].reverse().map((id, i) => [id, order.length - i]));
    this.#nodes.sort((a, b) => (places.get(a.id) ?? Infinity) - (places.get(b.id) ?? Infinity));
  }

  #prepare(element, kind) {
    element.setAttribute("role", "graphics-symbol"); // a button's label would have to repeat every number in it
    element.setAttribute("aria-roledescription", kind);
    element.setAttribute("tabindex", "-1");
    element.append(svg("path.vg-marker", { d: MARKER, transform: `translate(0,${topOf(element) - 5})` }));
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
    if (!line || !this.#trace.ops[Number(op.slice(1))]) return;
    line.before(svg("path.vg-reach", { d: line.getAttribute("d") })); // a thin line is hard to hit
    const chip = element.querySelector(".vg-chip");
    const centre = this.#trace.tensors[Number(tensor?.slice(1))] ? translation(this.node(tensor)) : null;
    const home = translation(chip);
    const path = home && centre ? `${centre[0] - home[0]}px ${centre[1] - home[1]}px` : "";
    this.#edges.push({ element, id: `${op}:${port ?? tensor}`, op, port, tensor, chip, path });
  }

  // --- at a step -------------------------------------------------------------------------------------------------------

  #showNode(node, k, active) {
    const { element } = node;
    if (node.op) {
      element.classList.toggle("vg-active", active.ops.has(node.id));
      element.classList.toggle("vg-dim", !this.#timeline.fired(node.id, k));
      return;
    }
    const value = this.#timeline.value(node.id, k);
    const grad = this.#timeline.grad(node.id, k);
    element.classList.toggle("vg-active", active.tensors.has(node.id));
    element.classList.toggle("vg-dim", value === null);
    for (const slot of node.slots) this.#showSlot(slot, node.tensor, slot.kind === "value" ? value : grad);
    const arrival = this.#timeline.arrival(node.id, k);
    element.classList.toggle("vg-waiting", arrival.waiting);
    if (node.badge) showBadge(node.badge, arrival, this.#timeline.phase(k) === "backward");
    element.setAttribute("aria-label", this.#description(node.tensor, value, grad, arrival));
  }

  #showSlot(slot, tensor, place) {
    if (slot.shown === place) return;
    slot.shown = place;
    const array = this.#trace.array(place);
    slot.holder.classList.toggle("vg-empty", array === null);
    if (slot.image) this.#showPicture(slot, tensor, place, array);
    const level = array?.data && slot.cells.length > 1 ? levels(array.data) : [];
    slot.cells.forEach(({ box, text }, i) => {
      const missing = slot.kind === "grad" ? "0" : "";
      if (text) text.textContent = array?.data ? number(array.data[i] ?? NaN) : missing;
      box?.setAttribute("fill", colour(level[i] ?? 0));
      box?.setAttribute("fill-opacity", (Math.abs(level[i] ?? 0) * CELL_OPACITY).toFixed(3));
    });
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
    parts.push(value === null ? "not computed yet" : `value ${short(this.#trace.array(value))}`);
    if (tensor.requires_grad) parts.push(grad === null ? "no gradient yet" : `gradient ${short(this.#trace.array(grad))}`);
    if (waiting) parts.push(`waits: ${arrived} of ${of} gradients have arrived`);
    return parts.join(", ");
  }

  #showEdge(edge, k, active, flights) {
    const flight = edge.port === undefined ? null : flights.get(edge.id);
    const { classList } = edge.element;
    classList.toggle("vg-active", active.edges.has(edge.id));
    classList.toggle("vg-backwards", active.edges.has(edge.id) && this.#timeline.phase(k) === "backward");
    classList.toggle("vg-passed", flight?.state === "landed" || flight?.state === "lands");
    classList.toggle("vg-dim", !this.#timeline.fired(edge.op, k));
    if (edge.chip) this.#showChip(edge, flight);
  }

  #showChip({ chip, path }, flight) {
    chip.classList.toggle("vg-travels", flight?.state === "travels");
    chip.classList.toggle("vg-lands", flight?.state === "lands");
    chip.style.setProperty("--vg-way", path || "none");
    if (!flight || flight.state === "landed") return;
    const text = chip.querySelector("text");
    const room = Number(chip.querySelector("rect")?.getAttribute("width") ?? 0) / CHARACTER;
    if (text) text.textContent = chipText(this.#trace.array(flight.array), room);
  }
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

function translation(element) {
  const found = /translate\(([-\d.]+),\s*([-\d.]+)\)/.exec(element?.getAttribute("transform") ?? "");
  return found ? [Number(found[1]), Number(found[2])] : null;
}
