// What there is to know about the node or edge that the reader has chosen.
import { brief, cut, html, scroller, setOff } from "./dom.js";
import { heatMap, joined, opLink, say, settingText, showing, tensorLabel, tensorLink } from "./card.js";
import { stopButton } from "./marks.js";
import { asMatrix, number, shapeText } from "./numbers.js";

const MOST = 10; // rows and columns of a table of numbers

/** The details of the element with these data attributes at step k; `act` has go(k), marks and toggle(mark). */
export function detailsOf(trace, timeline, { tensor, op, port }, k, act) {
  if (op && tensor) return edgeDetails(trace, trace.op(op), trace.tensor(tensor), port);
  return op ? opDetails(trace, timeline, trace.op(op), k, act) : tensorDetails(trace, timeline, trace.tensor(tensor), k, act);
}

function tensorDetails(trace, timeline, tensor, k, act) {
  const { arrived, of } = timeline.arrival(tensor.id, k);
  const users = trace.consumers(tensor.id).map((op) => opLink(trace, op));
  return {
    title: [tensorLabel(trace, tensor)],
    parts: [
      facts([
        ["role", tensor.role],
        ["shape", shapeText(tensor.shape)],
        ["numbers", tensor.dtype],
        ["made by", madeBy(trace, tensor)],
        ["used by", users.length ? joined(users.slice(0, 8)) : "nothing"],
        of ? ["gradients", `${arrived} of ${of} arrived`] : null,
      ]),
      arrayFigure(tensor, "value", trace.array(timeline.value(tensor.id, k)), "not computed yet"),
      tensor.requires_grad ? arrayFigure(tensor, "gradient", trace.array(timeline.grad(tensor.id, k)), "none has arrived") : say("It needs no gradient."),
      jumps(act, tensor.id, ["Previous change", timeline.change(tensor.id, k, -1)], ["Next change", timeline.change(tensor.id, k)]),
    ],
  };
}

function madeBy(trace, tensor) {
  const op = trace.maker(tensor);
  return op ? [opLink(trace, op), lineOf(op)] : "the program";
}

function lineOf(op) {
  return op.place ? ` at line ${op.place[1]}` : "";
}

function opDetails(trace, timeline, op, k, act) {
  const code = trace.code(op);
  const settings = Object.entries(op.settings).map(([key, value]) => `${cut(key)} = ${settingText(trace, value)}`);
  return {
    title: [brief(op.op), lineOf(op)],
    parts: [
      code?.doc ? say(code.doc.split("\n")[0]) : null,
      facts([
        ["takes", joined(op.inputs.map((input) => [tensorLink(trace, input.tensor), ` as ${cut(input.port)}`]))],
        ["makes", op.outputs.length ? joined(op.outputs.map((id) => tensorLink(trace, id))) : "nothing: it failed"],
        settings.length ? ["settings", settings.join(", ")] : null,
        op.module ? ["inside", brief(op.module)] : null,
      ]),
      jumps(act, op.id, ["Its forward", timeline.firing(op.id)], ["Its backward", timeline.backwardOf(op.id, k)]),
    ],
  };
}

function edgeDetails(trace, op, tensor, port) {
  if (port === undefined) return { title: [trace.symbol(op), " makes ", tensorLink(trace, tensor.id)], parts: [] };
  const input = op.inputs[Number(port)];
  const axes = input?.stretched ?? [];
  return {
    title: [tensorLink(trace, tensor.id), " enters ", opLink(trace, op), ` as ${cut(input?.port ?? "")}`],
    parts: [
      axes.length ? say(`It is repeated along axis ${axes.join(", ")} to fit; on the way back, its gradient is summed there.`) : null,
      say(tensor.requires_grad ? "On the way back, one gradient comes along this edge." : "No gradient is wanted along this edge."),
    ],
  };
}

function facts(rows) {
  return html("dl.vg-facts", rows.filter(Boolean).map(([name, what]) => [html("dt", name), html("dd", what)]));
}

/** Buttons that go to a step, each a name and the step; and one that marks what they are about. */
function jumps({ go, marks, toggle }, id, ...places) {
  const button = ([name, k]) => {
    const made = html("button.vg-jump", { type: "button" }, name);
    setOff(made, k === null);
    made.addEventListener("click", () => go(k));
    return made;
  };
  const stop = marks.stepsOf(id).length ? stopButton("vg-jump", id, marks, toggle, "", html("span.vg-flag"), "Stop here") : null;
  return html("div.vg-jumps", places.map(button), stop);
}

/** An array as a table of numbers, or as a heat map where it would be too long to read. */
function arrayFigure(tensor, name, array, missing) {
  const caption = html("figcaption", array ? name : `${name}: ${missing}`);
  if (!array) return html("figure.vg-array.vg-empty", caption);
  const [rows, columns] = asMatrix(array.shape);
  const table = array.data && array.size > 0 && rows <= MOST && columns <= MOST;
  const what = { "data-tensor": tensor.id, "data-kind": name === "gradient" ? "grad" : "value" };
  return html("figure.vg-array", what, caption, table ? numbersTable(name, array, rows, columns) : [heatMap(array), range(array)]);
}

function numbersTable(name, array, rows, columns) {
  const line = (i) => html("tr", array.data.slice(i * columns, (i + 1) * columns).map((x) => html("td", number(x))));
  const table = showing(array, html("table.vg-numbers", html("tbody", Array.from({ length: rows }, (_, i) => line(i)))));
  return scroller(name, table);
}

function range(array) {
  const { min, max } = array.summary ?? extremes(array.data);
  return say(`from ${number(min)} to ${number(max)}`);
}

function extremes(entries) {
  const numbers = entries.map(Number).filter(Number.isFinite);
  return { min: numbers.reduce((a, b) => Math.min(a, b), Infinity), max: numbers.reduce((a, b) => Math.max(a, b), -Infinity) };
}
