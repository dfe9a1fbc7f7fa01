// A reader changes a number that the program starts from, and everything is computed again: the same steps, other
// numbers. What cannot be computed in the page is left to whoever can run Python: the event vg-run asks for it, with the
// changed `source` and `resolve(trace, svgText)`. Who answers it prevents its default, and resolves or shows the result.
import { choice, html } from "./dom.js";
import { say, tensorName } from "./card.js";
import { asMatrix, number } from "./numbers.js";
import { arrayOf, replayOf } from "./replay.js";

const MOST_FIELDS = 48; // entries of a tensor that gets fields
const DRAG_PIXELS = 100; // that a number is dragged to change by 1, or by its own size if that is more
const LITERAL = "(-?[\\d.]+(?:e[+-]?\\d+)?|\\[[-\\d.e+,\\s[\\]]*\\])";

export const edit = {
  open: (figure, panel) => new Edit(figure, panel),
};

function leavesOfProgram(trace) {
  const used = new Set(trace.ops.flatMap((op) => op.inputs.map((input) => input.tensor)));
  const fits = ({ id, source, dtype, array }) => source === null && used.has(id) && dtype.startsWith("float") && trace.array(array).data && trace.array(array).size <= MOST_FIELDS;
  return trace.tensors.filter(fits);
}

/** Entry i in words: nothing where there is only one. */
export function entryName(shape, i) {
  if (!shape.length) return "";
  const [, columns] = asMatrix(shape);
  return shape.length === 1 ? `entry ${i}` : `row ${Math.floor(i / columns)}, column ${i % columns}`;
}

class Edit {
  #figure;
  #replay;
  #before = new Map(); // id -> the recorded array
  #now = new Map(); // id -> what the reader has put in its place
  #fields = new Map(); // id -> its fields
  #note;

  constructor(figure, panel) {
    this.#figure = figure;
    this.#replay = replayOf(figure.trace);
    const leaves = leavesOfProgram(figure.trace);
    for (const { id, array } of leaves) this.#before.set(id, figure.trace.array(array));
    this.#note = html("p.vg-mine", { role: "status", hidden: true });
    (figure.element.querySelector(".vg-stage") ?? panel).after(this.#note);
    const { problem } = this.#replay;
    const how = figure.graph ? "Type, use the arrow keys, or drag the number sideways in the graph." : "Type, or use the arrow keys.";
    panel.append(
      say(problem ? `Only Python can compute this figure again: ${problem}.` : how),
      html("div.vg-leaves", leaves.map((leaf) => this.#group(leaf))),
      ...(problem ? this.#python() : []),
    );
    if (!problem) this.#drag(figure.graph?.drawing, leaves);
  }

  #group(leaf) {
    const { shape, data } = this.#before.get(leaf.id);
    const name = leaf.role === "constant" && !leaf.name ? "constant" : tensorName(this.#figure.trace, leaf);
    const fields = data.map((x, i) => {
      const label = `${name} ${entryName(shape, i)}`.trim();
      const field = html("input.vg-number", { type: "number", step: "any", value: x, "aria-label": label });
      field.addEventListener("input", () => Number.isFinite(field.valueAsNumber) && this.#set(leaf.id, i, field.valueAsNumber));
      return field;
    });
    this.#fields.set(leaf.id, fields);
    const grid = html("span.vg-fields", fields);
    grid.style.setProperty("--vg-columns", asMatrix(shape)[1]);
    return html("span.vg-leaf", html("b", { "data-tensor": leaf.id }, name), grid);
  }

  #set(id, i, x) {
    const { shape, dtype, data } = this.#now.get(id) ?? this.#before.get(id);
    this.#now.set(id, arrayOf(shape, dtype, data.with(i, x)));
    this.#run();
  }

  #run() {
    const said = [...this.#now].flatMap(([id, { shape, data }]) => {
      const before = this.#before.get(id).data;
      const name = tensorName(this.#figure.trace, this.#figure.trace.tensor(id));
      return data.flatMap((x, i) => (x === before[i] ? [] : [`${name}${shape.length ? ` (${entryName(shape, i)})` : ""} = ${number(x)}, not ${number(before[i])}`]));
    });
    const reset = choice("Reset", () => this.#reset());
    this.#note.hidden = !said.length;
    this.#note.replaceChildren(html("b", "✎ Changed by you: "), said.slice(0, 3).join("; "), said.length > 3 ? ` and ${said.length - 3} more` : "", " ", reset);
    for (const id of this.#before.keys()) this.#figure.graph?.node(id)?.classList.toggle("vg-changed", this.#now.has(id));
    if (!this.#replay.problem) this.#figure.change(this.#replay.run(this.#now));
  }

  #reset() {
    this.#now.clear();
    for (const [id, fields] of this.#fields) fields.forEach((field, i) => (field.value = this.#before.get(id).data[i]));
    this.#run();
  }

  /** A number in the graph is dragged sideways; a click on it stays a click. */
  #drag(drawing, leaves) {
    for (const { id } of leaves) this.#figure.graph?.node(id)?.classList.add("vg-editable");
    const start = (event) => {
      const cell = event.target.closest(".vg-editable > .vg-value .vg-cell");
      if (!cell || event.button) return;
      event.stopPropagation(); // the graph itself may want to be dragged
      const id = cell.closest(".vg-tensor").dataset.tensor;
      const i = [...cell.parentNode.children].indexOf(cell);
      const field = this.#fields.get(id)[i];
      const from = field.valueAsNumber || 0;
      const scale = Math.max(1, 10 ** Math.floor(Math.log10(Math.abs(from) || 1))) / DRAG_PIXELS;
      const stop = new AbortController();
      const { signal } = stop;
      cell.setPointerCapture(event.pointerId);
      const move = ({ clientX }) => {
        field.value = Number((from + Math.round(clientX - event.clientX) * scale).toPrecision(12));
        this.#set(id, i, field.valueAsNumber);
      };
      cell.addEventListener("pointermove", move, { signal });
      for (const end of ["pointerup", "pointercancel"]) cell.addEventListener(end, () => stop.abort(), { signal });
    };
    drawing?.addEventListener("pointerdown", start, { capture: true });
  }

  // --- where only Python can ---------------------------------------------------------------------------------------------

  #python() {
    const said = html("p.vg-say", { role: "status" });
    const run = choice("Run with Python", () => {
      const source = this.#source();
      if (!source) return void (said.textContent = "These numbers are not written in the program as such: change them there.");
      const resolve = (record, drawing) => {
        const { element, step } = this.#figure;
        element.load(record, drawing);
        element.go(step);
      };
      const asked = new CustomEvent("vg-run", { bubbles: true, cancelable: true, detail: { source, resolve } });
      const heard = !this.#figure.element.dispatchEvent(asked);
      said.replaceChildren(heard ? "Python runs the program." : "Nothing on this page can run Python. This is the program to run:", ...(heard ? [] : [html("pre", { tabindex: "0" }, source)]));
    });
    return [html("div.vg-choices", run), said];
  }

  /** The program with the reader's numbers in it; null where one of them does not stand there as a number. */
  #source() {
    let { source } = this.#figure.trace.files[0] ?? { source: "" };
    for (const [id, { shape, data }] of this.#now) {
      const { name } = this.#figure.trace.tensor(id);
      const written = new RegExp(`^(\\s*${name}\\s*=\\s*[\\w.]*TensorNode\\()${LITERAL}`, "m");
      if (!/^\w+$/.test(name) || !written.test(source)) return null;
      source = source.replace(written, (_, before) => before + literal(shape, data));
    }
    return source;
  }
}

/** An array as Python writes nested lists. */
function literal([n, ...rest], data) {
  if (n === undefined) return String(data[0]);
  const size = data.length / n;
  return `[${Array.from({ length: n }, (_, i) => literal(rest, data.slice(i * size, (i + 1) * size))).join(", ")}]`;
}
