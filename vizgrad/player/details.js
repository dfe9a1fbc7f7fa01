// What there is to know about the node or edge that the reader has chosen.
import { cut, html } from "./dom.js";
import { heatMap, joined, opLink, say, tensorLink, tensorName } from "./card.js";
import { asMatrix, number, shapeText } from "./numbers.js";

const MOST = 10; // rows and columns of a table of numbers

/** The details of the element with these data attributes at step k; `go` jumps to a step. */
export function detailsOf(trace, timeline, { tensor, op, port }, k, go) {
  if (op && tensor) return edgeDetails(trace, trace.op(op), trace.tensor(tensor), port);
  return op ? opDetails(trace, timeline, trace.op(op), k, go) : tensorDetails(trace, timeline, trace.tensor(tensor), k, go);
}

function tensorDetails(trace, timeline, tensor, k, go) {
  const { arrived, of } = timeline.arrival(tensor.id, k);
  const users = trace.consumers(tensor.id).map((op) => opLink(trace, op));
  return {
    title: [tensorName(trace, tensor)],
    parts: [
      facts([
        ["role", tensor.role],
        ["shape", shapeText(tensor.shape)],
        ["numbers", tensor.dtype],
        ["made by", madeBy(trace, tensor)],
        ["used by", users.length ? joined(users.slice(0, 8)) : "nothing"],
        of ? ["gradients", `${arrived} of ${of} arrived`] : null,
      ]),
      arrayFigure("value", trace.array(timeline.value(tensor.id, k)), "not computed yet"),
      tensor.requires_grad ? arrayFigure("gradient", trace.array(timeline.grad(tensor.id, k)), "none has arrived") : say("It needs no gradient."),
      html(
        "div",
        { class: "vg-jumps" },
        jump("Previous change", timeline.change(tensor.id, k, -1), go),
        jump("Next change", timeline.change(tensor.id, k), go),
      ),
    ],
  };
}

function madeBy(trace, tensor) {
  const op = tensor.source && trace.ops[Number(tensor.source.slice(1))];
  return op ? [opLink(trace, op), lineOf(op)] : "the program";
}

function lineOf(op) {
  return op.place ? ` at line ${op.place[1]}` : "";
}

function opDetails(trace, timeline, op, k, go) {
  const code = trace.code(op);
  const settings = Object.entries(op.settings).map(([key, value]) => `${cut(key)} = ${settingText(trace, value)}`);
  return {
    title: [op.op, lineOf(op)],
    parts: [
      typeof code?.doc === "string" && code.doc ? say(code.doc.split("\n")[0]) : null,
      facts([
        ["takes", joined(op.inputs.map((input) => [tensorLink(trace, trace.tensor(input.tensor)), ` as ${cut(input.port)}`]))],
        ["makes", op.outputs.length ? joined(op.outputs.map((id) => tensorLink(trace, trace.tensor(id)))) : "nothing: it failed"],
        settings.length ? ["settings", settings.join(", ")] : null,
        op.module ? ["inside", cut(String(op.module))] : null,
      ]),
      html(
        "div",
        { class: "vg-jumps" },
        jump("Its forward", timeline.firing(op.id), go),
        jump("Its backward", timeline.backwardOf(op.id, k), go),
      ),
    ],
  };
}

function settingText(trace, value) {
  if (Array.isArray(value)) return `(${value.map((one) => settingText(trace, one)).join(", ")})`;
  const array = Number.isInteger(value?.array) ? trace.array(value.array) : null;
  if (array) return array.size === 1 && array.data ? number(array.data[0]) : `an array of shape ${shapeText(array.shape)}`;
  if (value === null) return "None";
  return cut(String(value?.text ?? value?.tensor ?? value));
}

function edgeDetails(trace, op, tensor, port) {
  if (port === undefined) return { title: [trace.symbol(op), " makes ", tensorLink(trace, tensor)], parts: [] };
  const input = op.inputs[Number(port)];
  const axes = input?.stretched ?? [];
  return {
    title: [tensorLink(trace, tensor), " enters ", opLink(trace, op), ` as ${cut(input?.port ?? "")}`],
    parts: [
      axes.length ? say(`It is repeated along axis ${axes.join(", ")} to fit; on the way back, its gradient is summed there.`) : null,
      tensor.requires_grad ? say("On the way back, one gradient comes along this edge.") : say("No gradient is wanted along this edge."),
    ],
  };
}

function facts(rows) {
  return html("dl", { class: "vg-facts" }, rows.filter(Boolean).map(([name, what]) => [html("dt", {}, name), html("dd", {}, what)]));
}

function jump(name, k, go) {
  const button = html("button", { type: "button", class: "vg-jump", disabled: k === null }, name);
  button.addEventListener("click", () => go(k));
  return button;
}

/** An array as a table of numbers, or as a heat map where it would be too long to read. */
export function arrayFigure(name, array, missing) {
  const caption = html("figcaption", {}, array ? name : `${name}: ${missing}`);
  if (!array) return html("figure", { class: "vg-array vg-empty" }, caption);
  const [rows, columns] = asMatrix(array.shape);
  const table = array.data && array.size > 0 && rows <= MOST && columns <= MOST;
  return html("figure", { class: "vg-array" }, caption, table ? numbersTable(name, array, rows, columns) : [heatMap(array), range(array)]);
}

function numbersTable(name, array, rows, columns) {
  const line = (i) => html("tr", {}, array.data.slice(i * columns, (i + 1) * columns).map((x) => html("td", {}, number(x))));
  return html("div", { class: "vg-scroll", tabindex: "0", role: "group", "aria-label": name }, html("table", { class: "vg-numbers" }, html("tbody", {}, Array.from({ length: rows }, (_, i) => line(i)))));
}

function range(array) {
  if (!array.data) return say(`from ${number(array.summary.min)} to ${number(array.summary.max)}, mean ${number(array.summary.mean)}`);
  const numbers = array.data.map(Number).filter(Number.isFinite);
  if (!numbers.length) return null;
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const [least, most] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
  return say(`from ${number(least)} to ${number(most)}, mean ${number(mean)}`);
}
