// Computes a recorded graph again, with other numbers. An op is one line here: what it makes, entry by entry, is written
// down with the slopes, and the way back follows from that. So nothing of the library's own gradients is repeated, and
// all of them are a check: where one recorded number does not come out again, `problem` says so, and nothing is shown.
import { number, short } from "./numbers.js";

const MOST_CELLS = 200_000; // of one op: beyond, a reader who drags a number would have to wait
export const CLOSENESS = { float64: 1e-9, float32: 1e-4 };

class Refusal extends Error {}

// --- entries and their slopes --------------------------------------------------------------------------------------------

let made = []; // the cells of the op that is being computed, in order

/** A number and what it was made of: pairs of a cell and the slope towards it; `by` is the sign or rule that made it. */
function cell(value, from = [], by = null) {
  if (made.push({ value, from, by, grad: 0 }) > MOST_CELLS) throw new Refusal("one of its operations is too large");
  return made.at(-1);
}

function sumCell(cells) {
  return cell(cells.reduce((sum, { value }) => sum + value, 0), cells.map((one) => [one, 1]), "+");
}

/** The largest or least: each of several that are equal has its share of the slope, or the first has all of it. */
function extremeCell(name, cells, shared = true) {
  const value = Math[name](...cells.map((one) => one.value));
  const winners = cells.filter((one) => one.value === value);
  return cell(value, cells.map((one) => [one, shared ? (one.value === value) / winners.length : Number(one === winners[0])]), name);
}

function mapped(x, rule) {
  const [value, slope] = rule;
  const one = (from) => {
    const out = value(from.value);
    return cell(out, [[from, slope(from.value, out)]], rule);
  };
  return { shape: x.shape, cells: x.cells.map(one) };
}

/** A function of two arrays, of which each is stretched to fit the other. */
function both(a, b, [value, ...slopes]) {
  const shape = common(a.shape, b.shape);
  const [left, right] = [stretched(a, shape).cells, stretched(b, shape).cells];
  return { shape, cells: left.map((one, i) => paired(one, right[i], value, slopes)) };
}

function paired(a, b, value, slopes) {
  const out = value(a.value, b.value);
  return cell(out, [a, b].map((from, i) => [from, slopes[i](a.value, b.value, out)]), value);
}

const constants = (shape, values) => ({ shape, cells: values.map((value) => cell(Number(value))) });
const volumeOf = (sizes) => sizes.reduce((a, b) => a * b, 1);
const upTo = (n) => [...Array(n).keys()];
const strides = (shape) => shape.map((_, axis) => volumeOf(shape.slice(axis + 1)));

function common(a, b) {
  const rank = Math.max(a.length, b.length);
  return upTo(rank).map((i) => {
    const [m, n] = [a, b].map((shape) => shape[i - rank + shape.length] ?? 1);
    return m === 1 ? n : m;
  });
}

/** The places in memory that an array of `shape` is read from, with these strides. */
function places(shape, along) {
  return shape.reduce((all, n, axis) => all.flatMap((place) => upTo(n).map((i) => place + i * along[axis])), [0]);
}

/** For each entry of `shape`, its place in an array of shape `from` that is stretched to it. */
function stretchedFrom(from, shape) {
  const missing = shape.length - from.length;
  return places(shape, shape.map((_, i) => (from[i - missing] > 1 ? strides(from)[i - missing] : 0)));
}

function stretched({ shape, cells }, to) {
  return { shape: to, cells: stretchedFrom(shape, to).map((place) => cells[place]) };
}

/** Sums (or others) over axes: `axis` is one, several or null for all, counted from the end where negative. */
function summed({ shape, cells }, axis = null, keep = true, make = sumCell) {
  const axes = axis === null ? upTo(shape.length) : [axis].flat().map((one) => upTo(shape.length).at(one));
  const kept = shape.map((n, i) => (axes.includes(i) ? 1 : n));
  const groups = upTo(volumeOf(kept)).map(() => []);
  stretchedFrom(kept, shape).forEach((place, i) => groups[place].push(cells[i]));
  return { shape: keep ? kept : shape.filter((_, i) => !axes.includes(i)), cells: groups.map((group) => make(group)) };
}

function scaled(x, factor) {
  return mapped(x, [(value) => value * factor, () => factor, factor]);
}

// --- ops -----------------------------------------------------------------------------------------------------------------

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const nearNormal = (x) => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** The probability that a standard normal variable is below x: 1/2 + density(x) (x + x³/3 + x⁵/(3·5) + ...). */
function normalBelow(x) {
  if (Math.abs(x) > 9) return Number(x > 0); // to the last digit of a double, for what it is multiplied with
  let [sum, term, before] = [x, x, null];
  for (let n = 3; sum !== before; n += 2) {
    term *= (x * x) / n;
    [before, sum] = [sum, sum + term];
  }
  return 0.5 + density(x) * sum;
}

const CURVES = {
  Id: [(x) => x, () => 1],
  Negate: [(x) => -x, () => -1],
  Exp: [Math.exp, (x, y) => y],
  Log: [Math.log, (x) => 1 / x],
  Log1p: [Math.log1p, (x) => 1 / (1 + x)],
  Sqrt: [Math.sqrt, (x, y) => 0.5 / y],
  Abs: [Math.abs, Math.sign],
  Sin: [Math.sin, Math.cos],
  Cos: [Math.cos, (x) => -Math.sin(x)],
  Tanh: [Math.tanh, (x, y) => 1 - y * y],
  Sigmoid: [sigmoid, (x, y) => y * (1 - y)],
  ReLU: [(x) => Math.max(x, 0), (x) => Number(x > 0)],
  Softplus: [(x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid],
};
const CDF = [normalBelow, density, "cdf"];
const CDF_TANH = [(x) => sigmoid(nearNormal(x)), (x, y) => y * (1 - y) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x), "cdf"];
const PAIRS = {
  Add: [(a, b) => a + b, () => 1, () => 1],
  Sub: [(a, b) => a - b, () => 1, () => -1],
  Multiply: [(a, b) => a * b, (a, b) => b, (a) => a],
  Divide: [(a, b) => a / b, (a, b) => 1 / b, (a, b) => -a / b / b],
  Power: [(a, b) => a ** b, (a, b) => b && b * a ** (b - 1), (a, b, y) => (a === 0 && b >= 0 ? 0 : y * Math.log(a))],
  Maximum: [Math.max, (a, b) => (a > b) + (a === b) / 2, (a, b) => (b > a) + (a === b) / 2],
  Minimum: [Math.min, (a, b) => (a < b) + (a === b) / 2, (a, b) => (b < a) + (a === b) / 2],
};
const SQUARE = [(x) => x * x, (x) => 2 * x, "²"];
const EPS = 1e-5;

/** What made a cell, as it is written: a sign between two, or a function's name. */
export const WRITTEN = new Map([
  ...Object.entries(CURVES).map(([name, rule]) => [rule, name.toLowerCase()]),
  ...Object.values(PAIRS).map(([rule], i) => [rule, ["+", "−", "·", "∕", "^", "max", "min"][i]]),
]);

function matrixProduct(a, b) {
  const [rows, columns] = [a.shape.length > 1 ? a.shape : [1, ...a.shape], b.shape.length > 1 ? b.shape : [...b.shape, 1]];
  const [n, k, m] = [rows.at(-2), rows.at(-1), columns.at(-1)];
  const batch = common(rows.slice(0, -2), columns.slice(0, -2));
  const left = stretched({ shape: rows, cells: a.cells }, [...batch, n, k]).cells;
  const right = stretched({ shape: columns, cells: b.cells }, [...batch, k, m]).cells;
  const [times, ...slopes] = PAIRS.Multiply;
  const entry = (i, j) => sumCell(upTo(k).map((l) => paired(left[i * k + l], right[(Math.floor(i / n) * k + l) * m + j], times, slopes)));
  const cells = upTo(volumeOf(batch) * n).flatMap((i) => upTo(m).map((j) => entry(i, j)));
  return { shape: [...batch, ...a.shape.slice(-2, -1), ...(b.shape.length > 1 ? [m] : [])], cells };
}

function transposed({ shape, cells }, order = null) {
  const axes = (order ?? upTo(shape.length).reverse()).map((axis) => upTo(shape.length).at(axis));
  const [to, along] = [shape, strides(shape)].map((one) => axes.map((axis) => one[axis]));
  return { shape: to, cells: places(to, along).map((place) => cells[place]) };
}

/** x without the largest along an axis, which keeps exp in range and changes no slope; and the log of the sum of exp. */
function logSum(x, axis) {
  const largest = summed(x, axis, true, (cells) => cell(Math.max(...cells.map(({ value }) => value))));
  const shifted = both(x, largest, PAIRS.Sub);
  return { largest, shifted, log: mapped(summed(mapped(shifted, CURVES.Exp), axis), CURVES.Log) };
}

function logSoftmax(x, axis = -1) {
  const { shifted, log } = logSum(x, axis);
  return both(shifted, log, PAIRS.Sub);
}

/** Scores (n, m, ...) of m classes as rows (n ..., m). */
function rowsOfClasses(x) {
  const [, m, ...more] = x.shape;
  const { cells } = transposed(x, [0, ...more.map((_, i) => i + 2), 1]);
  return { shape: [cells.length / m, m], cells };
}

function averaged(x, axes) {
  const sums = summed(x, axes);
  return scaled(sums, sums.cells.length / x.cells.length);
}

/** The squares of how far entries are from their mean, summed. */
function squaresFrom(x, mean, axes) {
  return summed(mapped(both(x, mean, PAIRS.Sub), SQUARE), axes);
}

function variance(x, { axis, ddof = 0 }) {
  const squares = squaresFrom(x, averaged(x, axis), axis);
  return scaled(squares, 1 / (x.cells.length / squares.cells.length - ddof));
}

/** gain ⊙ (x - mean) / √(variance + eps) + shift; where `fixed` has no mean and variance, those of x along the axes. */
function standardised(x, gain, shift, axes, eps, fixed = {}) {
  const mean = fixed.mean ?? averaged(x, axes);
  const spread = fixed.variance ?? averaged(mapped(both(x, mean, PAIRS.Sub), SQUARE), axes);
  const deviation = mapped(both(spread, constants([], [eps]), PAIRS.Add), CURVES.Sqrt);
  const standard = both(both(x, mean, PAIRS.Sub), deviation, PAIRS.Divide);
  return both(both(gain, standard, PAIRS.Multiply), shift, PAIRS.Add);
}

function batchNormalised([x, gain, shift], { mean, variance, eps = EPS }) {
  const [c, column] = [x.shape[1], (cells) => ({ shape: [cells.length, ...x.shape.slice(2).map(() => 1)], cells })];
  const fixed = mean ? { mean: column(constants([c], mean).cells), variance: column(constants([c], variance).cells) } : {};
  const axes = upTo(x.shape.length).filter((axis) => axis !== 1);
  return standardised(x, column(gain.cells), column(shift.cells), axes, eps, fixed);
}

function layerNormalised([x, gain, shift], { eps = EPS }) {
  const features = upTo(x.shape.length).slice(-gain.shape.length);
  return standardised(x, gain, shift, features, eps);
}

/** One or the other, entry by entry; the condition is a list of any depth, or an array of `shape`. */
function chosen(a, b, condition, shape) {
  const to = common(common(a.shape, b.shape), shape);
  const [left, right] = [stretched(a, to).cells, stretched(b, to).cells];
  const holds = stretchedFrom(shape, to).map((place) => [condition].flat(Infinity)[place]);
  return { cells: holds.map((one, i) => cell((one ? left : right)[i].value, [[(one ? left : right)[i], 1]], CURVES.Id)) };
}

function clipped(x, { low, high }) {
  const limited = (name, cells, limit) => (limit === null || limit === undefined ? cells : cells.map((one) => extremeCell(name, [one, cell(Number(limit))], false)));
  return { cells: limited("min", limited("max", x.cells, low), high) };
}

function leaky(x, slope = 0.01) {
  const factor = Number(slope);
  return { cells: x.cells.map((one) => (one.value > 0 ? cell(one.value, [[one, 1]], CURVES.Id) : cell(factor * one.value, [[one, factor]], [null, null, factor]))) };
}

/** A border around an array; `width` is n, [before, after], or such a pair for each axis. */
function bordered({ shape, cells }, { width, value = 0 }, to) {
  const widths = [width].flat(Infinity);
  const before = shape.map((_, axis) => widths[widths.length > 2 ? 2 * axis : 0]);
  const place = (i) => to.map((n, axis) => (Math.floor(i / strides(to)[axis]) % n) - before[axis]);
  const inside = (at) => at.every((one, axis) => one >= 0 && one < shape[axis]);
  const entry = (at) => (inside(at) ? cells[at.reduce((sum, one, axis) => sum + one * strides(shape)[axis], 0)] : cell(Number(value)));
  return { cells: upTo(volumeOf(to)).map((i) => entry(place(i))) };
}

/** One entry of each row. */
function picked({ shape: [n, m], cells }, column) {
  return { shape: [n], cells: upTo(n).map((i) => cells[i * m + ((column(i) + m) % m)]) };
}

function reduced(losses, { reduction = "mean" }) {
  if (reduction === "none") return losses;
  return scaled(summed(losses, null, false), reduction === "mean" ? 1 / losses.cells.length : 1);
}

/** What a window sees at each of its places: [entry of the image, entry of the window]. */
function windowsOver([h, w], size, stride, padding) {
  const [[high, wide], [down, along], [above, beside]] = [size, stride, padding].map((one) => (Array.isArray(one) ? one : [one, one]));
  const starts = (n, of, step, border) => upTo(Math.floor((n + 2 * border - of) / step) + 1).map((i) => i * step - border);
  const seen = (row, column, i) => {
    const [y, x] = [row + Math.floor(i / wide), column + (i % wide)];
    return y >= 0 && y < h && x >= 0 && x < w ? [[y * w + x, i]] : [];
  };
  return starts(h, high, down, above).flatMap((y) => starts(w, wide, along, beside).map((x) => upTo(high * wide).flatMap((i) => seen(y, x, i))));
}

function pooled({ shape, cells }, { size, stride, padding }, make) {
  const [n, c, ...image] = shape;
  const windows = windowsOver(image, size, stride ?? size, padding ?? 0);
  const entry = (i, j) => cells[i * volumeOf(image) + j];
  return { shape, cells: upTo(n * c).flatMap((i) => windows.map((window) => make(window.map(([j]) => entry(i, j))))) };
}

function convolved(x, w, b, { stride = 1, padding = 0 }) {
  const [[n, c, ...image], [o, , ...size]] = [x.shape, w.shape];
  const windows = windowsOver(image, size, stride, padding);
  const [times, ...slopes] = PAIRS.Multiply;
  const entry = ({ cells }, of, channel, place, i) => cells[(i * c + channel) * volumeOf(of) + place];
  const one = (i, j, window) => {
    const products = upTo(c).flatMap((k) => window.map(([at, under]) => paired(entry(x, image, k, at, i), entry(w, size, k, under, j), times, slopes)));
    return sumCell(b ? [...products, b.cells[j]] : products);
  };
  return { cells: upTo(n).flatMap((i) => upTo(o).flatMap((j) => windows.map((window) => one(i, j, window)))) };
}

/** Arrays joined along an axis that is counted in the result. */
function joinedAlong(arrays, axis = 0, { length }) {
  const before = (shape) => volumeOf(shape.slice(0, axis < 0 ? axis + length : axis));
  const part = ({ shape, cells }, i) => cells.slice((i * cells.length) / before(shape), ((i + 1) * cells.length) / before(shape));
  return { cells: upTo(before(arrays[0].shape)).flatMap((i) => arrays.flatMap((one) => part(one, i))) };
}

/** x[index] for whole numbers, slices, None, ... and one list of numbers or truth values. */
function indexed({ shape, cells }, index, to) {
  const isList = Array.isArray(index) && to.length === shape.length && index.every((one) => typeof one !== "object");
  const parts = isList ? [index] : [index].flat().filter((part) => part !== null);
  const dots = parts.findIndex((part) => part?.text === "...");
  const rest = Array(Math.max(shape.length - parts.length + (dots >= 0), 0)).fill({ text: ":" });
  const all = parts.toSpliced(dots < 0 ? parts.length : dots, dots < 0 ? 0 : 1, ...rest);
  const picked = all.map((part, axis) => pickedFrom(part, upTo(shape[axis])));
  const place = (found, picks, axis) => found.flatMap((at) => picks.map((i) => at + i * strides(shape)[axis]));
  return { cells: picked.reduce(place, [0]).map((at) => cells[at]) };
}

function pickedFrom(part, places) {
  if (!part?.text) return [part].flat().flatMap((i, at) => (i === true ? at : i === false ? [] : places.at(i)));
  const [from, to, step = 1] = part.text.split(":").map((one) => (one ? Number(one) : undefined));
  if (!part.text.includes(":") || step < 1) throw new Refusal("an index in it is known to Python only");
  return places.slice(from, to).filter((_, i) => i % step === 0);
}

const shapeOfList = (list) => (Array.isArray(list) ? [list.length, ...shapeOfList(list[0])] : []);
const arranged = ([{ cells }], settings, shape) => ({ shape, cells });
const MAKERS = {
  Sum: ([x], { axis, keepdims }) => summed(x, axis, keepdims),
  Mean: ([x], { axis, keepdims }, shape) => scaled(summed(x, axis, keepdims), volumeOf(shape) / x.cells.length),
  RowSum: ([x]) => summed(x, 1, false),
  RowMax: ([x]) => summed(x, 1, false, (cells) => extremeCell("max", cells, false)),
  Max: ([x], { axis }) => summed(x, axis, true, (cells) => extremeCell("max", cells)),
  Min: ([x], { axis }) => summed(x, axis, true, (cells) => extremeCell("min", cells)),
  Reshape: arranged,
  Squeeze: arranged,
  Unsqueeze: arranged,
  Expand: ([x], settings, shape) => stretched(x, shape),
  Transpose: ([x], { axes }) => transposed(x, axes),
  Select: ([x], { indices }) => picked(x, (i) => indices[i]),
  Var: ([x], settings) => variance(x, settings),
  LogSumExp: ([x], { axis }) => ((parts) => both(parts.log, parts.largest, PAIRS.Add))(logSum(x, axis)),
  LeakyReLU: ([x], { slope }) => leaky(x, slope),
  GELU: ([x], { approximate }) => both(x, mapped(x, approximate === "tanh" ? CDF_TANH : CDF), PAIRS.Multiply),
  Clip: ([x], settings) => clipped(x, settings),
  Where: ([a, b], { condition }, shape, given) => chosen(a, b, condition, given("condition")?.shape ?? shapeOfList(condition)),
  Pad: ([x], settings, shape) => bordered(x, settings, shape),
  BatchNormalize: batchNormalised,
  LayerNormalize: layerNormalised,
  MatrixMultiply: ([a, b]) => matrixProduct(a, b),
  BatchMM: ([matrix, vectors]) => matrixProduct(vectors, transposed(matrix)),
  Affine: ([x, w, b]) => both(matrixProduct(x, transposed(w)), b, PAIRS.Add),
  Normalize: ([x]) => both(x, summed(x, 1), PAIRS.Divide),
  LogSoftmax: ([x], { axis }) => logSoftmax(x, axis),
  Softmax: ([x], { axis }) => mapped(logSoftmax(x, axis), CURVES.Exp),
  NLL: ([x], settings) => reduced(scaled(picked(rowsOfClasses(x), (i) => [settings.targets].flat(Infinity)[i]), -1), settings),
  CrossEntropy: ([x], settings) => MAKERS.NLL([logSoftmax(x, 1)], settings),
  BCEWithLogits: ([x, targets], settings) => reduced(both(mapped(x, CURVES.Softplus), both(targets, x, PAIRS.Multiply), PAIRS.Sub), settings),
  MSE: ([a, b], settings) => reduced(mapped(both(a, b, PAIRS.Sub), SQUARE), settings),
  Index: ([x], { index }, shape) => indexed(x, index, shape),
  Embed: ([{ shape: [, f], cells }], { indices }) => ({ cells: [indices].flat().flatMap((i) => cells.slice(i * f, (i + 1) * f)) }),
  Concatenate: (arrays, { axis }, shape) => joinedAlong(arrays, axis, shape),
  Stack: (arrays, { axis }, shape) => joinedAlong(arrays, axis, shape),
  Drop: ([x], { mask }) => both(x, { shape: x.shape, cells: mask.map((factor) => cell(Number(factor))) }, PAIRS.Multiply),
  Convolution2d: ([x, w, b], settings) => convolved(x, w, b, settings),
  MaxPooling2d: ([x], settings) => pooled(x, settings, (cells) => extremeCell("max", cells, false)),
  MeanPooling2d: ([x], settings) => scaled(pooled(x, settings, sumCell), 1 / volumeOf([settings.size, settings.size].flat().slice(0, 2))),
};

/** The names of the library's ops that have a line here. */
export const KNOWN = new Set([MAKERS, CURVES, PAIRS].flatMap(Object.keys));

function maker(trace, name) {
  const isOurs = trace.codes.get(name)?.file.startsWith("vizgrad/ops/"); // and not a learner's own of the same name
  if (!isOurs || !KNOWN.has(name)) throw new Refusal(`${name} is known to Python only`);
  if (name in CURVES) return ([x]) => mapped(x, CURVES[name]);
  if (name in PAIRS) return ([a, b]) => both(a, b, PAIRS[name]);
  return MAKERS[name];
}

function whole(array) {
  if (!array.data) throw new Refusal("an array in it is too large");
  return array;
}

/** One op on arrays: its result, and `back`, which makes a gradient for each input from the one of the result. */
export function fire(trace, op, inputs) {
  const make = maker(trace, op.op);
  const { shape, dtype } = trace.tensor(op.outputs[0]);
  const given = (value) => trace.array(value?.array);
  const known = (value) => (Array.isArray(value) ? value.map(known) : given(value) ? whole(given(value)).data : value);
  const settings = Object.fromEntries(Object.entries(op.settings).map(([key, value]) => [key, known(value)]));
  made = [];
  const leaves = inputs.map((input) => ({ shape: input.shape, cells: input.data.map((value) => cell(Number(value))) }));
  const { cells } = make(leaves, settings, shape, (key) => given(op.settings[key]));
  if (cells.length !== volumeOf(shape)) throw new Refusal(`this ${op.op} is known to Python only`);
  const mine = made;
  const back = (upstream) => {
    for (const one of mine) one.grad = 0;
    cells.forEach((one, i) => (one.grad += upstream.data[i]));
    for (const { from, grad } of mine.toReversed()) for (const [to, slope] of grad ? from : []) to.grad += grad * slope;
    return leaves.map((leaf, i) => arrayOf(leaf.shape, inputs[i].dtype, leaf.cells.map(({ grad }) => grad)));
  };
  return { out: arrayOf(shape, dtype, cells.map(({ value }) => value)), back, leaves, cells, made: mine };
}

export function arrayOf(shape, dtype, data) {
  return { shape, dtype, size: data.length, data: dtype === "float32" ? data.map(Math.fround) : data };
}

export function added(a, b) {
  return a ? arrayOf(b.shape, b.dtype, b.data.map((x, i) => x + a.data[i])) : b;
}

// --- the whole recording -------------------------------------------------------------------------------------------------

const REPLAYS = new WeakMap();

/** The replay of a trace, made and checked when it is first asked for. */
export function replayOf(trace) {
  if (!REPLAYS.has(trace)) REPLAYS.set(trace, new Replay(trace));
  return REPLAYS.get(trace);
}

/** The step at which the walk back begins that is shown at step k; before any, the first. */
export function walkShown({ trace, timeline }, k) {
  const start = timeline.walk(k);
  return start < timeline.length ? start : trace.steps.findIndex((step) => step.kind === "start");
}

class Replay {
  #recorded; // the trace as it was, whatever the reader changes
  problem = "";

  constructor(trace) {
    this.#recorded = Object.assign(Object.create(Object.getPrototypeOf(trace)), trace);
    try {
      this.run();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.problem = error.message;
    }
  }

  /** The arrays, tensors and steps when leaves (id -> array) hold something else; with none given, they are compared. */
  run(changes = null) {
    const trace = this.#recorded;
    const arrays = [...trace.arrays];
    const state = { trace, values: new Map(), was: new Map(), grads: new Map(), walk: new Map(), fired: new Map(), sent: new Map() };
    const keep = (array, place) => (Number.isInteger(place) ? arrays.push(settled(array, trace.arrays[place], !changes)) - 1 : place);
    const tensors = trace.tensors.map((tensor) => {
      if (tensor.source !== null) return { ...tensor };
      const recorded = trace.arrays[tensor.array];
      state.was.set(tensor.id, recorded);
      state.values.set(tensor.id, changes?.get(tensor.id) ?? recorded);
      if (Number.isInteger(tensor.grad)) state.grads.set(tensor.id, trace.arrays[tensor.grad]);
      return { ...tensor, array: keep(state.values.get(tensor.id), tensor.array) };
    });
    const steps = trace.steps.map((step) => {
      if (!MOVES[step.kind]) throw new Refusal("the program stops with an error");
      const now = { ...step, ...MOVES[step.kind](state, step, keep, tensors) };
      const [old, fresh] = [phrases(trace, step, state.was, trace.arrays), phrases(trace, now, state.values, arrays)];
      return { ...now, text: retold(step.text, old, fresh) };
    });
    return { arrays, tensors, steps };
  }
}

/** The array with the recorded numbers where rounding alone sets it apart from them; all must be such if it is `compared`. */
function settled(array, recorded, compared) {
  whole(recorded);
  if (!CLOSENESS[recorded.dtype]) throw new Refusal(`its numbers are ${recorded.dtype}`);
  const largest = recorded.data.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1e-6);
  const near = (x, y, tolerance) => Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * largest;
  const differs = (x, i) => !near(x, array.data[i], CLOSENESS[recorded.dtype]);
  if (compared && recorded.data.some(differs)) throw new Refusal("it does not give the recorded numbers");
  return { ...array, data: array.data.map((x, i) => (near(recorded.data[i], x, CLOSENESS[recorded.dtype] / 1e4) ? recorded.data[i] : x)) };
}

/** What happens in a step of each kind: it changes the state, and answers the places of the step's arrays. */
const MOVES = {
  forward({ trace, values, was, fired }, step, keep, tensors) {
    const op = trace.op(step.op);
    if (op.outputs.length !== 1) throw new Refusal(`${op.op} has several results`);
    fired.set(op.id, fire(trace, op, op.inputs.map((input) => values.get(input.tensor))));
    const tensor = tensors[Number(op.outputs[0].slice(1))];
    was.set(tensor.id, trace.arrays[tensor.array]);
    values.set(tensor.id, fired.get(op.id).out);
    tensor.array = keep(values.get(tensor.id), tensor.array);
  },
  start({ trace, grads, walk }, step, keep) {
    walk.clear();
    walk.set(step.tensor, trace.arrays[step.array]);
    return landed(grads, step, walk.get(step.tensor), keep);
  },
  backward({ trace, walk, fired, sent }, step, keep) {
    const op = trace.op(step.op);
    if (!fired.has(op.id)) throw new Refusal("a part of it was computed before the recording began");
    const upstream = walk.get(op.outputs[0]);
    const gradients = fired.get(op.id).back(upstream);
    gradients.forEach((gradient, port) => sent.set(`${op.id}:${port}`, gradient));
    return { upstream: [keep(upstream, step.upstream[0])], gradients: gradients.map((one, port) => keep(one, step.gradients[port])) };
  },
  accumulate({ grads, walk, sent }, step, keep) {
    const [before, gradient] = [walk.get(step.tensor), sent.get(`${step.op}:${step.port}`)];
    walk.set(step.tensor, added(before, gradient));
    return { before: keep(before, step.before), gradient: keep(gradient, step.gradient), ...landed(grads, step, walk.get(step.tensor), keep) };
  },
  update({ trace, values, was, grads }, step, keep) {
    const lr = trace.array(step.settings?.lr?.array)?.data[0];
    if (step.rule !== String.raw`\v{p} \leftarrow \v{p} - \k{lr} \cdot \g{p}`) throw new Refusal("only plain SGD is known here");
    const [before, gradient] = [values.get(step.tensor), grads.get(step.tensor)];
    const after = arrayOf(before.shape, before.dtype, before.data.map((x, i) => x - lr * gradient.data[i]));
    values.set(step.tensor, after);
    was.set(step.tensor, trace.arrays[step.after]);
    return { before: keep(before, step.before), gradient: keep(gradient, step.gradient), after: keep(after, step.after) };
  },
  zero({ grads }, step) {
    for (const id of step.tensors) grads.delete(id);
  },
};

/** What this walk has brought, added to what an earlier one has left. */
function landed(grads, step, brought, keep) {
  const earlier = Number.isInteger(step.earlier) ? grads.get(step.tensor) : null;
  const after = added(earlier, brought);
  if (step.kind === "start" || step.arrived === step.of) grads.set(step.tensor, after);
  return { earlier: keep(earlier, step.earlier), after: keep(after, step.after) };
}

// --- sentences -----------------------------------------------------------------------------------------------------------

/** What the sentence of a step says of its numbers. */
function phrases(trace, step, values, arrays) {
  const [before, gradient, earlier, after] = [step.before, step.gradient, step.earlier, step.after].map((place) => arrays[place]);
  if (step.kind === "forward") {
    const { inputs, outputs } = trace.op(step.op);
    const link = (id, i) => (trace.tensor(id).role !== "constant" ? " = " : i ? " and " : " from ");
    const all = [...outputs.map((id) => [" = ", id]), ...inputs.map(({ tensor }, i) => [link(tensor, i), tensor])];
    return all.map(([sign, id]) => sign + short(values.get(id)));
  }
  if (step.kind === "backward") {
    const sent = step.gradients.filter(Number.isInteger).map((place) => `${short(arrays[place])} to `);
    return [...step.upstream.map((place) => `gradient ${short(arrays[place])}`), ...sent];
  }
  if (step.kind === "update") {
    const change = Math.max(...after.data.map((x, i) => Math.abs(x - before.data[i])));
    return [`from ${short(before)} to ${short(after)}`, `change is ${number(change)}`];
  }
  const parts = [before, gradient, earlier].filter(Boolean).map(short);
  return parts.length > 1 ? [`${parts.join(" + ")} = ${short(after)}`] : [`is ${parts[0]}`];
}

/** A sentence with other phrases in the place of its own. */
function retold(text, old, fresh) {
  let [done, rest] = ["", text];
  old.forEach((phrase, i) => {
    const at = rest.indexOf(phrase);
    if (at < 0) return; // an array that is only named by its shape
    done += rest.slice(0, at) + fresh[i];
    rest = rest.slice(at + phrase.length);
  });
  return done + rest;
}
