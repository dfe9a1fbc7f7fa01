// Getting around in the graph: moving it, zooming, fitting it in, finding things by name. The wheel alone is left to the
// page.
import { tensorName } from "./card.js";
import { cut, html, setOff, svg } from "./dom.js";

const SIGNS = {
  "Zoom out": "M5 12h14",
  "Zoom in": "M5 12h14 M12 5v14",
  "Fit in": "M4 9V4h5 M15 4h5v5 M20 15v5h-5 M9 20H4v-5",
  Find: "M10 4a6 6 0 1 0 0 12a6 6 0 0 0 0-12z M14.5 14.5L20 20",
};
const KEYS_OF_VIEW = { "+": "Zoom in", "=": "Zoom in", "-": "Zoom out", 0: "Fit in", "/": "Find" };
const ZOOM = 1.25; // by button or key
const NATURAL = 1.25; // a drawing is not made larger to fit
const LARGEST = 4;
const LEGIBLE = 0.5; // below this scale labels are not drawn
const MANY_NODES = 300; // a larger drawing begins smaller
const SMALL = 0.35;
const READ = 0.82;
const KEPT = 48; // px of the drawing that stay in view
const DRAG = 4; // px; less is a click

export class View {
  #stage;
  #graph;
  #act; // { step(), chosen(), choose(id), follow(), part(i) }
  #whole; // the graph as it was drawn at first
  #pages;
  #page = null; // the number of the part that is shown; null where it is the whole
  #places = null; // what can be found
  #hit = -1;
  #fingers = new Map(); // pointer id -> where it is
  #dragged = false;
  #waits = false; // whether the size to begin with is still to be found
  #apart = false; // whether only what is near something is seen well

  constructor(stage, graph, pages, act) {
    [this.#stage, this.#graph, this.#whole, this.#pages, this.#act] = [stage, graph, graph, pages, act];
    this.field = html("input.vg-find", { type: "search", placeholder: "tensor, op, module, line", "aria-label": "Find a tensor, op, module or line" });
    this.said = html("span.vg-found", { "aria-live": "polite" });
    this.near = button("vg-tool", "Only around it", () => this.#around());
    const all = ["Open all", "Close all"].map((name, i) => button("vg-tool", name, () => this.openAll(i === 0)));
    const icons = Object.keys(SIGNS).map((name) => button("vg-button", name, () => this.do(name)));
    this.turn = this.#turning();
    this.all = html("span", all);
    this.element = html("div.vg-view", this.said, icons);
    this.#listen();
    this.#tellPart();
    this.#waits = graph.count > MANY_NODES;
    if (this.#waits) requestAnimationFrame(() => this.#begin());
  }

  /** As large as fits, and as can be read; a large drawing so small that its height fits, if one still finds one's way. */
  #begin() {
    this.#waits = false;
    const high = this.#tallest / this.#graph.size[1];
    this.#scale(Math.max(this.#graph.count > MANY_NODES ? Math.max(Math.min(high, READ), SMALL) : READ, this.#fitting()));
    this.#move(0, 0, false);
    this.#act.follow();
  }

  /** Shows another graph: part i, or with null the one that was drawn at first. */
  take(graph, i) {
    this.#graph.drawing.replaceWith(graph.drawing);
    [this.#graph, this.#page] = [graph, i];
    this.#stage.style.height = "";
    if (this.#apart) this.#around();
    if (!graph.drawing.style.width) this.#begin();
    this.#tellPart();
  }

  #tellPart() {
    const { count, trace, isPart, modules } = this.#graph;
    const [earlier, later, whole] = this.turn;
    const page = this.#shownPage;
    setOff(earlier, page <= 0);
    setOff(later, page < 0 || page === this.#pages.count - 1);
    const turns = isPart && this.#pages.count > 0;
    const offered = [[earlier, turns], [later, turns], [whole, turns && !this.#whole.isPart], [this.all, modules.canOpen]];
    for (const [one, fits] of offered.toReversed()) {
      if (!fits) one.remove();
      else if (one.parentNode !== this.element) this.said.after(one);
    }
    const which = this.#page === null ? "A part" : `Part ${page + 1} of ${this.#pages.count}`;
    if (isPart) this.say(`${which}: ${count} of ${trace.tensors.length + trace.ops.length} nodes.`);
  }

  /** The number of the part that is shown, or that is nearest to what is. */
  get #shownPage() {
    return this.#page ?? (this.#graph.isPart ? this.#pages.of(this.#graph.drawing.dataset.around) : -1);
  }

  #turning() {
    const names = { "Earlier part": () => this.#shownPage - 1, "Later part": () => this.#shownPage + 1, "Whole graph": () => null };
    return Object.entries(names).map(([name, page]) => button("vg-tool", name, () => this.#act.part(page())));
  }

  do(name) {
    const actions = { "Zoom in": () => this.zoom(ZOOM), "Zoom out": () => this.zoom(1 / ZOOM), "Fit in": () => this.fit([this.#graph.drawing]), Find: () => this.find() };
    actions[name]();
  }

  /** Does what a key means here; false if it means nothing. */
  press(key) {
    if (Object.hasOwn(KEYS_OF_VIEW, key)) this.do(KEYS_OF_VIEW[key]);
    return Object.hasOwn(KEYS_OF_VIEW, key);
  }

  /** Zooms, so that what is at a point of the screen stays there; without one, the middle. */
  zoom(factor, at = middle(this.#stage)) {
    const least = Math.min(this.#fitting(), 1) / 2;
    this.#keep(at, at, Math.min(Math.max(this.#now * factor, least), LARGEST));
  }

  /** Makes elements as large as fits, in the middle. */
  fit(elements) {
    const box = around(elements);
    const { clientWidth } = this.#stage;
    const room = elements[0] === this.#graph.drawing ? 1 : 0.85;
    const scale = this.#now * room * Math.min(clientWidth / box.width, this.#tallest / box.height);
    this.#keep(middle(box), null, Math.min(Math.max(scale, room < 1 ? LEGIBLE : 0), NATURAL));
  }

  /** Opens or closes modules; the first of them stays where it is on the screen. */
  open(paths, open) {
    const { modules } = this.#graph;
    const unit = modules.all.get(paths[0]);
    const place = () => modules.handle(unit).querySelector(".vg-shape, .vg-module-box").getBoundingClientRect();
    const [before, scale, focused] = [place(), this.#now, modules.handle(unit) === document.activeElement];
    if (!this.#graph.open(paths, open, this.#act.step())) return this.#openElsewhere(unit);
    this.#scale(scale);
    this.#move(before.left - place().left, before.top - place().top);
    if (focused) this.#graph.focusOn(modules.handle(unit));
    this.say(`${cut(unit.path)} is ${open ? "open" : "closed"}.`);
  }

  /** What is in a module of a graph that is too large to be drawn at once is shown as a part of it. */
  #openElsewhere({ first }) {
    if (this.#pages.count) this.#act.part(this.#pages.of(`o${first}`));
    else this.say("What is in it is not in this page.");
  }

  /** Opens or closes all modules, and begins anew with how large everything is. */
  openAll(open) {
    this.#graph.open([...this.#graph.modules.all.keys()], open, this.#act.step());
    this.#begin();
    this.say(`All modules are ${open ? "open" : "closed"}.`);
  }

  /** Brings an element into view, without leaving a side of the pane empty. */
  reveal(element) {
    const [box, view] = [element.getBoundingClientRect(), this.#stage.getBoundingClientRect()];
    const out = box.left < view.left + 24 || box.right > view.right - 24 || box.top < view.top || box.bottom > view.bottom;
    if (out) this.#move(...middle(view).map((x, i) => x - middle(box)[i]), false);
  }

  find() {
    this.element.prepend(this.field);
    this.field.focus();
    this.field.select();
  }

  say(text) {
    this.said.textContent = text;
  }

  /** Hears what is chosen: only then there is something to be around. */
  hear(chosen) {
    if (chosen) this.said.after(this.near);
    else this.near.remove();
    if (!chosen && this.#apart) this.#around();
  }

  get #box() {
    return this.#graph.drawing.getBoundingClientRect();
  }

  get #now() {
    return this.#box.width / this.#graph.size[0] || 1;
  }

  get #tallest() {
    return Number.parseFloat(getComputedStyle(this.#stage).maxHeight) || innerHeight;
  }

  #fitting() {
    const [width, height] = this.#graph.size;
    return Math.min(this.#stage.clientWidth / width || 1, this.#tallest / height, NATURAL);
  }

  #scale(scale) {
    const { drawing, size } = this.#graph;
    drawing.style.width = `${scale * size[0]}px`;
    drawing.classList.toggle("vg-far", scale < LEGIBLE);
  }

  /** Scales the drawing, and moves what is at a point of the screen to another, or to the middle of the pane. */
  #keep(from, to, scale) {
    const before = this.#box;
    const [x, y] = [(from[0] - before.left) / before.width, (from[1] - before.top) / before.height];
    this.#scale(scale);
    this.#move(0, 0);
    const [goal, now] = [to ?? middle(this.#stage), this.#box];
    this.#move(goal[0] - now.left - x * now.width, goal[1] - now.top - y * now.height);
  }

  /** Moves the drawing on the screen: by scrolling and, where it may leave a side of the pane free, by a margin. */
  #move(dx, dy, free = true) {
    const [stage, { style }] = [this.#stage, this.#graph.drawing];
    if (this.#waits) return; // it begins in a moment, with a size that fits
    if (!style.width) this.#scale(this.#now); // what has been moved keeps its size, whatever room the pane has
    const [box, view] = [this.#box, stage.getBoundingClientRect()];
    stage.classList.add("vg-moved"); // it has no padding then: measured before, or the first move would be off by that
    stage.style.height = `${Math.min(this.#tallest, Math.max(box.height + 24, stage.clientHeight))}px`;
    const put = (wanted, size, room, scroll, [before, after]) => {
      const [least, most] = free ? [KEPT - size, room - KEPT] : [Math.min(room - size, 0), Math.max(room - size, 0) / 2];
      const place = Math.min(Math.max(wanted, least), most);
      style[before] = `${Math.max(place, 0)}px`;
      style[after] = `${Math.max(0, room - size - place)}px`;
      stage[scroll] = Math.max(-place, 0);
    };
    put(box.left - view.left + dx, box.width, stage.clientWidth, "scrollLeft", ["marginLeft", "marginRight"]);
    put(box.top - view.top + dy, box.height, stage.clientHeight, "scrollTop", ["marginTop", "marginBottom"]);
  }

  #listen() {
    const on = (type, action, options) => this.#stage.addEventListener(type, action, options);
    on("wheel", (event) => this.#wheel(event), { passive: false });
    on("touchmove", (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });
    on("pointerdown", ({ pointerId, button: which, clientX, clientY }) => {
      this.#dragged = false;
      if (which === 0) this.#fingers.set(pointerId, [clientX, clientY]);
    });
    on("pointermove", (event) => this.#drag(event));
    for (const type of ["pointerup", "pointercancel", "pointerleave"]) on(type, ({ pointerId }) => this.#fingers.delete(pointerId));
    on("click", (event) => this.#dragged && event.stopPropagation(), { capture: true }); // with which a drag ends
    this.field.addEventListener("input", () => this.#search());
    this.field.addEventListener("keydown", (event) => this.#type(event));
  }

  #wheel(event) {
    const { ctrlKey, metaKey, deltaX, deltaY, clientX, clientY } = event;
    if (ctrlKey || metaKey) this.zoom(Math.exp(-deltaY / 200), [clientX, clientY]);
    else if (Math.abs(deltaX) > Math.abs(deltaY)) this.#move(-deltaX, 0);
    else return;
    event.preventDefault();
  }

  #drag({ pointerId, clientX, clientY }) {
    const [from, to] = [this.#fingers.get(pointerId), [clientX, clientY]];
    if (!from || (!this.#dragged && distance(from, to) < DRAG)) return;
    if (!this.#dragged) this.#stage.setPointerCapture(pointerId);
    this.#dragged = true;
    this.#fingers.set(pointerId, to);
    const other = [...this.#fingers].find(([id]) => id !== pointerId)?.[1];
    const share = other ? 2 : 1; // each of two fingers moves its half
    this.#move((to[0] - from[0]) / share, (to[1] - from[1]) / share);
    if (other) this.zoom(distance(to, other) / (distance(from, other) || 1), [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2]);
  }

  #search() {
    this.#hit = -1;
    const count = this.#found().length;
    this.say(this.field.value ? `${count || "nothing"} found${count ? ": Enter goes there" : ""}` : "");
  }

  #found() {
    this.#places ??= findable(this.#whole);
    const wanted = this.field.value.trim().toLowerCase();
    return wanted ? this.#places.filter(({ text }) => text.toLowerCase().includes(wanted)) : [];
  }

  #type(event) {
    const found = this.#found();
    if (event.key === "Escape") {
      this.field.remove();
      this.say("");
      this.element.lastChild.focus();
    } else if (event.key === "Enter" && found.length) {
      this.#hit = (this.#hit + (event.shiftKey ? -1 : 1) + found.length) % found.length;
      this.#goTo(found[this.#hit], `${this.#hit + 1} of ${found.length}`);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Goes to what was found, and opens the modules that it is in. */
  async #goTo({ says, id, unit }, count) {
    if (unit && this.#graph !== this.#whole) await this.#act.part(null);
    else if (id && this.#pages.count && !this.#graph.holds(id)) await this.#act.part(this.#pages.of(id));
    const { modules } = this.#graph;
    const hidden = (unit ? modules.outside(unit) : modules.chain(id)).filter(({ path, sheet }) => sheet && !modules.isOpen(path));
    if (hidden.length) this.open(hidden.map(({ path }) => path), true);
    if (id) this.#act.choose(id);
    const element = unit ? modules.handle(unit) : this.#graph.node(id);
    if (unit) this.#graph.select(element);
    if (element) this.reveal(element);
    this.say(`${count}: ${says}${element ? "" : ", which is not in this part of the drawing"}`);
  }

  /** Leaves only what is near the chosen node to be seen well, and brings it close; or shows everything again. */
  #around() {
    this.#apart = !this.#apart;
    const near = this.#apart ? this.#graph.near(this.#act.chosen()) : null;
    this.near.textContent = near ? "Everything" : "Only around it";
    this.#graph.dimOthers(near);
    if (near?.length) this.fit(near);
    if (near?.length) this.reveal(near[0]);
  }
}

function button(kind, name, action) {
  const sign = SIGNS[name] && svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: SIGNS[name] }));
  const made = html(`button.${kind}`, { type: "button", title: sign && name, "aria-label": sign && name }, sign ?? name);
  made.addEventListener("click", action);
  return made;
}

/** What can be found, { text, says, id or unit }: modules, tensors, ops, and the lines that call ops. */
function findable({ trace, modules }) {
  const lines = new Map(trace.ops.filter(({ place }) => place).map((op) => [op.place.slice(0, 2).join(), op]));
  const line = ({ id, place: [file, at] }) => ({ text: (trace.files[file]?.source.split("\n")[at - 1] ?? "").trim(), at, id });
  return [
    ...[...modules.all.values()].filter(({ path }) => path).map((unit) => ({ text: unit.path, says: `module ${cut(unit.path)}`, unit })),
    ...trace.tensors.map((tensor) => ({ text: tensor.name, says: `${tensorName(trace, tensor)}, ${tensor.role}`, id: tensor.id })),
    ...trace.ops.map((op) => ({ text: `${op.op} ${trace.symbol(op)}`, says: op.place ? `${op.op} at line ${op.place[1]}` : op.op, id: op.id })),
    ...[...lines.values()].map(line).map(({ text, at, id }) => ({ text, says: `line ${at}: ${cut(text)}`, id })),
  ];
}

function distance([x, y], [other, another]) {
  return Math.hypot(x - other, y - another);
}

function middle(what) {
  const { left, top, width, height } = what.getBoundingClientRect?.() ?? what;
  return [left + width / 2, top + height / 2];
}

function around(elements) {
  const boxes = elements.map((element) => element.getBoundingClientRect());
  const least = (side) => Math.min(...boxes.map((box) => box[side]));
  const most = (side) => Math.max(...boxes.map((box) => box[side]));
  return { left: least("left"), top: least("top"), width: most("right") - least("left"), height: most("bottom") - least("top") };
}
