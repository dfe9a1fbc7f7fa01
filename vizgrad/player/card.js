// The derivation card of a step: the rule in symbols, the same with this step's numbers, and the result.
import { brief, cut, html, math } from "./dom.js";
import { formula, sides } from "./formula.js";
import { givingLines } from "./lines.js";
import { asMatrix, heatUrl, number, shapeText } from "./numbers.js";

const LARGEST_MATRIX = 5; // matrices of more rows or columns are shown as heat maps
const HEAT = 96; // longest side of a heat map, in px
const LONGEST_NAME = 28;

// --- pieces ------------------------------------------------------------------------------------------------------------

export function tensorName(trace, tensor) {
  if (tensor.name) return cut(tensor.name);
  const maker = trace.maker(tensor);
  return maker ? `the result of ${maker.op}` : `unnamed ${tensor.role}`;
}

/** The same, with the whole of a long name as its title. */
export function tensorLabel(trace, tensor) {
  return tensor.name ? brief(tensor.name) : tensorName(trace, tensor);
}

function isSmall(array) {
  const [rows, columns] = asMatrix(array.shape);
  return array.data !== null && array.shape.length <= 2 && rows <= LARGEST_MATRIX && columns <= LARGEST_MATRIX && array.size > 0;
}

/** An array in a formula: a number, a small matrix, or a heat map with its shape. */
export function arrayMath(array) {
  if (array.shape.length === 0 && array.data) return showing(array, math("mn", number(array.data[0])));
  if (isSmall(array)) return matrix(array);
  return math("mtext", heatMap(array));
}

function matrix(array) {
  const [rows, columns] = asMatrix(array.shape);
  const cell = (i, j) => math("mtd", math("mn", number(array.data[i * columns + j])));
  const line = (i) => math("mtr", Array.from({ length: columns }, (_, j) => cell(i, j)));
  return showing(array, math("mtable.vg-matrix", Array.from({ length: rows }, (_, i) => line(i))));
}

/** An element whose cells are the entries of an array: they can be asked what they are made of. */
export function showing(array, element) {
  return Object.assign(element, { array });
}

export function heatMap(array) {
  const url = heatUrl(array);
  const [rows, columns] = array.data ? asMatrix(array.shape) : array.summary.thumbnail.shape;
  const scale = HEAT / Math.max(rows, columns, 1);
  const size = { width: Math.max(8, Math.round(columns * scale)), height: Math.max(8, Math.round(rows * scale)) };
  const picture = url && html("img.vg-heat", { src: url, alt: `heat map of an array of shape ${shapeText(array.shape)}`, ...size });
  return html("span.vg-map", picture, html("span", shapeText(array.shape)));
}

/** A term of a formula that belongs to a tensor: pointing at it points at the tensor everywhere. */
function term(tensor, kind, content, as = null) {
  return math("mrow", { class: `vg-term vg-term-${kind}`, "data-tensor": tensor.id, "data-as": as }, content);
}

function nameMath(tensor, port) {
  const name = cut(tensor.name || port, LONGEST_NAME);
  if (!tensor.name && tensor.role === "constant") return math("mi", port);
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? math("mi", name) : math("mtext.vg-expression", name);
}

/** For a tensor without a name, outside the formula of an op, which would call it by its port. */
function fallbackName(trace, tensor) {
  const maker = trace.maker(tensor);
  return maker ? `${maker.op}(…)` : tensor.role;
}

function sign(text) {
  return math("mo", { stretchy: "false", form: "infix" }, text);
}

function gradName(base) {
  return math("msup", base, math("mo", { stretchy: "false" }, "∇"));
}

/** What stands for \v, \g and \k: `value(port)` and `gradient(port)` give { tensor, array }, and `numbers` chooses. */
function termsOf({ value, gradient, setting, single, numbers }) {
  const make = (found, kind, port, name) => {
    if (!found) return name(math("mi", port));
    const { tensor, array, as } = found;
    if (numbers && array && (isSmall(array) || array.shape.length === 0)) return term(tensor, kind, protectedNumber(array), as);
    const named = name(nameMath(tensor, port));
    return term(tensor, kind, numbers && array ? withShape(named, array) : constantOr(tensor, array, named));
  };
  return {
    single,
    value: (port) => make(value(port), "value", port, (base) => base),
    gradient: (port) => make(gradient(port), "grad", port, gradName),
    setting: (key) => (numbers ? (setting?.(key) ?? math("mi", key)) : math("mi", key)),
  };
}

/** A constant without a name is best called by its number. */
function constantOr(tensor, array, named) {
  const bare = !tensor.name && tensor.role === "constant" && array?.data && array.shape.length === 0;
  return bare ? math("mn", number(array.data[0])) : named;
}

function withShape(named, array) {
  return math("munder", named, math("mtext.vg-dims", shapeText(array.shape)));
}

function protectedNumber(array) {
  const made = arrayMath(array);
  const negative = array.shape.length === 0 && made.textContent.startsWith("−");
  return negative ? math("mrow", math("mo", "("), made, math("mo", ")")) : made;
}

/** Equations under each other, aligned at the sign between their sides; one that repeats the line above is left out. */
function chain(rows) {
  const kept = rows.filter((row, i) => row && (i === 0 || textOf(row.right) !== textOf(rows[i - 1]?.right)));
  const line = ({ left = [], relation = "=", right }) =>
    math("mtr", math("mtd", left), math("mtd", sign(relation)), math("mtd", right));
  return html("div.vg-chain", math("math", { display: "block" }, math("mtable.vg-aligned", kept.map(line))));
}

function textOf(nodes) {
  return (nodes ?? []).map((node) => node.textContent.replace(/[()]/g, "")).join("");
}

export function say(...content) {
  return html("p.vg-say", content);
}

export function tensorLink(trace, id) {
  return html("span.vg-link", { "data-tensor": id }, tensorLabel(trace, trace.tensor(id)));
}

export function opLink(trace, op) {
  return html("span.vg-link", { "data-op": op.id }, brief(trace.symbol(op)));
}

export function joined(items) {
  return items.flatMap((item, i) => (i ? [", ", item] : [item]));
}

// --- what a rule refers to ---------------------------------------------------------------------------------------------

/** The tensors and arrays of an op's ports, as they were at step k; `incoming` are the gradients of its outputs. */
function ports(trace, timeline, op, k, incoming = [], outgoing = []) {
  const when = timeline.firing(op.id) ?? k;
  const position = (port) => op.inputs.findIndex((input) => input.port === port);
  const found = (port, place) => {
    const id = port === "out" ? op.outputs[0] : op.inputs[position(port)]?.tensor;
    if (id === undefined) return null;
    return { tensor: trace.tensor(id), array: trace.array(place(id)), as: `${op.id}:${port}` };
  };
  const all = [...op.inputs.map((input) => input.tensor), ...op.outputs].map((id) => trace.tensor(id));
  return {
    single: all.every((tensor) => tensor.shape.length === 0),
    value: (port) => found(port, (id) => timeline.value(id, when)),
    gradient: (port) => found(port, () => (port === "out" ? incoming[0] : outgoing[position(port)])),
    setting: (key) => settingMath(trace, op.settings[key] ?? op.context[key]),
  };
}

// --- cards -------------------------------------------------------------------------------------------------------------

const CARDS = {
  forward: forwardCard,
  failed: failedCard,
  start: startCard,
  backward: backwardCard,
  accumulate: accumulateCard,
  update: updateCard,
  zero: zeroCard,
};

/** The card of step k: { title, parts }. */
export function cardOf(trace, timeline, k) {
  const step = trace.steps[k];
  return CARDS[step.kind](trace, timeline, k, step);
}

function forwardCard(trace, timeline, k, step) {
  const op = trace.op(step.op);
  const made = trace.tensor(op.outputs[0] ?? "");
  const value = made && trace.array(timeline.value(made.id, k));
  const result = value && term(made, "value", arrayMath(value));
  const kept = Object.keys(op.context);
  return {
    title: [brief(op.op)],
    parts: [
      op.rule ? ruleChain(op.rule.forward, ports(trace, timeline, op, k), result) : withoutRule(trace, timeline, op, k),
      kept.length ? say("Keeps ", entryNames(kept), " for the way back.") : null,
      source(trace, op, "forward"),
    ],
  };
}

function entryNames(keys) {
  return joined(keys.map((key) => html("code", brief(key))));
}

function ruleChain(rule, terms, result, relation = null) {
  const { left, relation: own, right } = sides(rule);
  const symbols = termsOf({ ...terms, numbers: false });
  const numbers = termsOf({ ...terms, numbers: true });
  return chain([
    { left: formula(left, symbols), relation: relation ?? own, right: formula(right, symbols) },
    { right: formula(right, numbers) },
    result && { right: [result] },
  ]);
}

function withoutRule(trace, timeline, op, k) {
  const given = op.inputs.map((input) => named(trace, input.tensor, timeline.value(input.tensor, k)));
  const made = op.outputs.map((id) => named(trace, id, timeline.value(id, k)));
  return [noRule(op), chain([...given, ...made])];
}

function noRule(op) {
  return say("No rule is written for ", html("code", brief(op.op)), " yet; its code says what it does.");
}

function named(trace, id, place) {
  const tensor = trace.tensor(id);
  const array = trace.array(place);
  return array && { left: [term(tensor, "value", nameMath(tensor, fallbackName(trace, tensor)))], right: [arrayMath(array)] };
}

function failedCard(trace, timeline, k, step) {
  const op = trace.op(step.op);
  return { title: [brief(op.op), " could not compute"], parts: [failure(trace), source(trace, op, "forward")] };
}

/** Why the program stopped: the full message, or only a line that says that it did. */
export function failure(trace, brief = false) {
  if (!trace.error) return null;
  const { type, message, place } = trace.error;
  const where = place ? ` at line ${place[1]}` : "";
  const text = brief ? null : html("pre", { tabindex: "0" }, message);
  return html("div.vg-error", html("p", `The program stopped${where} with ${type}${brief ? "." : ":"}`), text);
}

function startCard(trace, timeline, k, step) {
  const loss = trace.tensor(step.tensor);
  const fraction = math("mfrac", ...[0, 1].map(() => math("mrow", math("mo", "∂"), nameMath(loss, "loss"))));
  const several = Object.entries(step.expected).filter(([, count]) => count > 1);
  const left = [term(loss, "grad", gradName(nameMath(loss, "loss")))];
  const added = arraysAt(trace, step.array, step.earlier);
  const total = added.length > 1 && Number.isInteger(step.after) ? { right: [arrayMath(trace.array(step.after))] } : null;
  return {
    title: ["backward() starts at ", tensorLink(trace, loss.id)],
    parts: [
      chain([{ left, right: [fraction] }, { right: sum(added.map(arrayMath)) }, total]),
      total && say("A gradient was there from an earlier backward: the new one is added."),
      several.length ? say("Each use sends one gradient back: ", joined(several.slice(0, 8).map(([id, count]) => [tensorLink(trace, id), ` expects ${count}`])), ". All others expect one.") : null,
    ],
  };
}

function backwardCard(trace, timeline, k, step) {
  const op = trace.op(step.op);
  const terms = ports(trace, timeline, op, k, step.upstream, step.gradients);
  return {
    title: [brief(op.op), ", backward"],
    parts: [
      op.rule ? null : noRule(op),
      op.inputs.map((_, port) => contribution(trace, timeline, op, k, terms, port, trace.array(step.gradients[port]))),
      step.reads.length ? say("Reads ", entryNames(step.reads), ", kept by its forward.") : null,
      source(trace, op, "backward"),
    ],
  };
}

/** What one input receives. With several gradients expected it is only added to what is there: hence the +=. */
function contribution(trace, timeline, op, k, terms, port, sent) {
  if (!sent) return null;
  const input = op.inputs[port];
  const tensor = trace.tensor(input.tensor);
  const relation = timeline.arrival(tensor.id, k).of > 1 ? "+=" : "=";
  const left = [term(tensor, "grad", gradName(nameMath(tensor, input.port)))];
  const rule = op.rule?.backward[port];
  const result = term(tensor, "grad", arrayMath(sent), `${op.id}:${input.port}`);
  return rule ? ruleChain(rule, terms, result, relation) : chain([{ left, relation, right: [result] }]);
}

/** The rule by which an input of the op of step k gets its gradient, in symbols only. */
export function hintOf(trace, timeline, k, port) {
  const op = trace.op(trace.steps[k].op);
  if (!op.rule?.backward[port]) return null;
  const symbols = termsOf({ ...ports(trace, timeline, op, k), numbers: false });
  const { left, right } = sides(op.rule.backward[port]);
  return chain([{ left: formula(left, symbols), right: formula(right, symbols) }]);
}

function accumulateCard(trace, timeline, k, step) {
  const tensor = trace.tensor(step.tensor);
  const left = [term(tensor, "grad", gradName(nameMath(tensor, fallbackName(trace, tensor))))];
  const missing = step.of - step.arrived;
  const added = arraysAt(trace, step.before, step.gradient, step.earlier);
  const total = { right: [term(tensor, "grad", arrayMath(trace.array(step.after)))] };
  return {
    title: ["Gradient of ", tensorLink(trace, tensor.id), step.of > 1 ? `: ${step.arrived} of ${step.of} arrived` : ""],
    parts: [
      chain([{ left, right: sum(origins(trace, timeline, k, step)) }, { right: sum(added.map((array) => term(tensor, "grad", arrayMath(array)))) }, added.length > 1 ? total : null]),
      missing ? say(`It waits for ${missing} more, and nothing is passed on until then.`) : null,
      !missing && step.of > 1 ? say("All are here: now the walk may go on from it.") : null,
    ],
  };
}

function arraysAt(trace, ...places) {
  return places.map((place) => trace.array(place)).filter(Boolean);
}

function sum(items) {
  return items.flatMap((item, i) => (i ? [sign("+"), item] : [item]));
}

/** Where the parts of a gradient came from, in words. */
function origins(trace, timeline, k, step) {
  const from = (op) => math("mtext.vg-origin", { "data-op": op.id }, `from ${cut(trace.symbol(op))}`);
  const before = timeline.flights(k).filter((flight) => flight.tensor === step.tensor && flight.state === "landed");
  const first = before.length === 1 ? from(trace.op(before[0].op)) : math("mtext.vg-origin", "so far");
  const earlier = trace.array(step.earlier) ? [math("mtext.vg-origin", "from an earlier backward")] : [];
  return [...(trace.array(step.before) ? [first] : []), from(trace.op(step.op)), ...earlier];
}

function updateCard(trace, timeline, k, step) {
  const tensor = trace.tensor(step.tensor);
  const after = term(tensor, "value", arrayMath(trace.array(step.after)));
  const terms = {
    single: tensor.shape.length === 0,
    value: () => ({ tensor, array: trace.array(step.before) }),
    gradient: () => ({ tensor, array: trace.array(step.gradient) }),
    setting: (key) => settingMath(trace, step.settings?.[key]),
  };
  const left = [term(tensor, "value", nameMath(tensor, fallbackName(trace, tensor)))];
  const plain = chain([{ left, relation: "←", right: [after] }]);
  return {
    title: [step.rule ? "Update of " : "New value of ", tensorLink(trace, tensor.id)],
    parts: [step.rule ? ruleChain(step.rule, terms, after) : [say("It was changed from outside the graph."), plain]],
  };
}

function settingMath(trace, value) {
  const array = trace.array(value?.array);
  if (array) return isSmall(array) ? arrayMath(array.dtype === "bool" ? { ...array, data: array.data.map(Number) } : array) : null;
  return value === undefined || value === null ? null : math(typeof value === "number" ? "mn" : "mtext", settingText(trace, value));
}

/** A setting of an op in words. */
export function settingText(trace, value) {
  if (Array.isArray(value)) return `(${value.map((one) => settingText(trace, one)).join(", ")}${value.length === 1 ? "," : ""})`;
  const array = trace.array(value?.array);
  if (array) return array.size === 1 && array.data ? number(array.data[0]) : `an array of shape ${shapeText(array.shape)}`;
  if (value === null) return "None";
  if (typeof value === "boolean") return number(value);
  return typeof value === "number" ? number(value) : cut(String(value?.text ?? value?.tensor ?? value));
}

function zeroCard(trace, timeline, k, step) {
  const items = step.tensors.map((id) => tensorLink(trace, id));
  const more = items.length > 12 ? ` and ${items.length - 12} more` : "";
  return { title: ["Gradients are set back to zero"], parts: [say(joined(items.slice(0, 12)), more, ": the next backward starts afresh.")] };
}

/** The library's own lines. */
function source(trace, op, way) {
  const code = trace.code(op);
  const method = code?.[way];
  if (!method?.source) return null;
  const where = method.line ? `${code.file}, line ${method.line}` : code.file;
  return html(
    "details.vg-fold.vg-source",
    html("summary", "Where the library does this"),
    html("p.vg-where", where),
    listing(trace, op, way, method.source),
  );
}

/** A method, in which what gives a result belongs to that result's tensor. */
function listing(trace, op, way, text) {
  const back = way === "backward";
  const ends = back ? op.inputs : op.outputs.map((tensor) => ({ tensor, port: "out" }));
  const { results, together, open } = givingLines(text, ends.length);
  const wanted = ends.map(({ tensor }) => !back || trace.tensor(tensor).requires_grad);
  const spans = results.flatMap((found, i) => (wanted[i] ? found.map(([from, to]) => ({ from, to, ...ends[i] })) : []));
  const cuts = [...new Set([0, text.length, ...spans.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
  const name = ({ tensor, port }) => cut(trace.tensor(tensor).name || port) + (back ? "∇" : "");
  const piece = (from, to) => {
    const here = spans.filter((span) => span.from <= from && from < span.to);
    const ids = new Set(here.map(({ tensor }) => tensor));
    const gives = [...new Set(here.filter((span) => span.to === to).map(name))].join(", ");
    const attributes = { "data-tensor": ids.size === 1 ? [...ids][0] : null, "data-gives": gives || null };
    return here.length ? html("span.vg-gives", attributes, text.slice(from, to)) : text.slice(from, to);
  };
  const code = html("code", cuts.slice(0, -1).map((from, i) => piece(from, cuts[i + 1])));
  const untold = (open && "It can return at several places, and the recording does not say at which it did.") || (together && "It gives all its results at once.");
  return [html("pre", { tabindex: "0" }, code), spans.length && untold ? say(untold) : null];
}
