// A Trace as the player reads it. It may come from anywhere, so every field that is used later is looked at here once;
// what is wrong with it is said in a sentence.

const FORMAT = "vizgrad-trace";
const VERSION = 1;
const KINDS = ["forward", "failed", "start", "backward", "accumulate", "update", "zero"];
const SPECIAL = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Cf}]/gu;
const ROLES = ["input", "parameter", "constant", "intermediate", "loss"];
// What a step of each kind must have, and of which sort it is.
const NEEDS = {
  forward: { op: "op" },
  failed: { op: "op" },
  start: { tensor: "tensor", array: "array" },
  backward: { op: "op" },
  accumulate: { tensor: "tensor", op: "op", gradient: "array", after: "array" },
  update: { tensor: "tensor", before: "array", after: "array" },
  zero: {},
};

export class TraceProblem extends Error {}

/** A recorded program, checked. Arrays are objects with shape, size, and either data or a summary. */
export class Trace {
  constructor(record) {
    const given = typeof record === "string" ? parsed(record) : record;
    if (given?.format !== FORMAT) throw new TraceProblem(`This is not a vizgrad trace: it has no "format": "${FORMAT}".`);
    if (given.version !== VERSION) {
      throw new TraceProblem(`This trace has version ${String(given.version)}, and this player reads version ${VERSION}.`);
    }
    this.files = list(given, "files").map(checkedFile);
    this.arrays = list(given, "arrays").map(checkedArray);
    this.codes = new Map(Object.entries(given.codes ?? {}));
    this.tensors = list(given, "tensors").map((tensor, i) => this.#tensor(tensor, i));
    this.ops = list(given, "ops").map((op, i) => this.#op(op, i));
    this.steps = list(given, "steps").map((step, i) => this.#step(step, i));
    this.notes = list(given, "notes").map((note) => ({ ...note, text: string(note?.text) }));
    this.output = string(given.output);
    this.error = given.error ? { ...given.error, type: string(given.error.type), message: string(given.error.message) } : null;
  }

  tensor(id) {
    return id.startsWith("t") ? this.tensors[Number(id.slice(1))] : undefined;
  }

  op(id) {
    return id.startsWith("o") ? this.ops[Number(id.slice(1))] : undefined;
  }

  array(place) {
    return place === null || place === undefined ? null : this.arrays[place];
  }

  code(op) {
    return this.codes.get(op.op) ?? null;
  }

  symbol(op) {
    return string(this.code(op)?.symbol) || op.op;
  }

  /** The ops that a tensor goes into, each once. */
  consumers(id) {
    return this.ops.filter((op) => op.inputs.some((input) => input.tensor === id));
  }

  #tensor(tensor, i) {
    const where = `tensors[${i}]`;
    need(tensor?.id === `t${i}`, where, `its id should be t${i}`);
    this.#check("array", tensor.array, where, "array");
    if (tensor.grad !== null && tensor.grad !== undefined) this.#check("array", tensor.grad, where, "grad");
    const picture = Array.isArray(tensor.picture) && tensor.picture.length === 2 ? tensor.picture : null;
    const role = ROLES.includes(tensor.role) ? tensor.role : "intermediate";
    const source = typeof tensor.source === "string" ? tensor.source : null;
    const name = string(tensor.name);
    return { ...tensor, name, role, source, picture, shape: checkedShape(tensor.shape, where), dtype: string(tensor.dtype) };
  }

  #op(op, i) {
    const where = `ops[${i}]`;
    need(op?.id === `o${i}` && typeof op.op === "string", where, `its id should be o${i}`);
    const inputs = list(op, "inputs", where).map((input) => {
      this.#check("tensor", input?.tensor, where, "inputs");
      return { port: string(input.port), tensor: input.tensor, stretched: Array.isArray(input.stretched) ? input.stretched : [] };
    });
    const outputs = list(op, "outputs", where);
    for (const output of outputs) this.#check("tensor", output, where, "outputs");
    const rule = op.rule && typeof op.rule.forward === "string" && Array.isArray(op.rule.backward) ? op.rule : null;
    return { ...op, inputs, outputs, rule, place: checkedPlace(op.place), settings: op.settings ?? {}, context: op.context ?? {} };
  }

  #step(step, i) {
    const where = `steps[${i}]`;
    need(KINDS.includes(step?.kind), where, `its kind should be one of ${KINDS.join(", ")}`);
    for (const [field, sort] of Object.entries(NEEDS[step.kind])) this.#check(sort, step[field], where, field);
    for (const field of ["before", "gradient", "earlier"]) {
      if (step[field] !== undefined && step[field] !== null) this.#check("array", step[field], where, field);
    }
    const upstream = step.upstream ?? [];
    const gradients = step.gradients ?? [];
    const tensors = step.tensors ?? [];
    need([upstream, gradients, tensors].every(Array.isArray), where, "upstream, gradients and tensors should be lists");
    for (const place of [...upstream, ...gradients]) if (place !== null) this.#check("array", place, where, "gradients");
    for (const id of tensors) this.#check("tensor", id, where, "tensors");
    const expected = Object.entries(step.expected ?? {}).filter(([id]) => this.#has("tensor", id));
    return { ...step, text: string(step.text), place: checkedPlace(step.place), upstream, gradients, tensors, expected };
  }

  #has(sort, value) {
    if (sort === "array") return Number.isInteger(value) && value >= 0 && value < this.arrays.length;
    const items = sort === "tensor" ? this.tensors : this.ops;
    return typeof value === "string" && /^[to]\d+$/.test(value) && items[Number(value.slice(1))]?.id === value;
  }

  #check(sort, value, where, field) {
    need(this.#has(sort, value), where, `its ${field} refers to something that is not there`);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TraceProblem(`This is not JSON: ${error.message}`);
  }
}

function need(condition, where, what) {
  if (!condition) throw new TraceProblem(`The trace is damaged at ${where}: ${what}.`);
}

function list(record, field, where = "the top") {
  need(Array.isArray(record?.[field]), where, `its ${field} should be a list`);
  return record[field];
}

/** Text that can be shown: no control characters, of which some turn the text after them around. */
function string(value) {
  return typeof value === "string" ? value.replace(UNPRINTABLE, "\ufffd") : "";
}

function checkedFile(file) {
  return { name: string(file?.name), source: string(file?.source) };
}

function checkedShape(shape, where) {
  need(Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0), where, "its shape should be a list of sizes");
  return shape;
}

/** [file, line, column, end line, end column], or null where it is nothing that can be shown. */
function checkedPlace(place) {
  return Array.isArray(place) && place.length === 5 && place.every(Number.isInteger) ? place : null;
}

function checkedArray(array, i) {
  const where = `arrays[${i}]`;
  const shape = checkedShape(array?.shape, where);
  const dtype = string(array.dtype);
  const size = shape.reduce((a, b) => a * b, 1);
  if (Array.isArray(array.data)) {
    need(array.data.length === size, where, `it has ${array.data.length} entries, and its shape ${size}`);
    return { shape, dtype, size, data: array.data.map((x) => entry(x, dtype)) };
  }
  const summary = array.summary ?? {};
  const thumbnail = { shape: checkedShape(summary.thumbnail?.shape, where), data: summary.thumbnail.data };
  const pixels = thumbnail.shape.reduce((a, b) => a * b, 1);
  need(Array.isArray(thumbnail.data) && thumbnail.data.length === pixels, where, "its thumbnail does not fit its shape");
  const [min, max, mean, std] = ["min", "max", "mean", "std"].map((key) => entry(summary[key], dtype));
  return { shape, dtype, size, data: null, summary: { min, max, mean, std, thumbnail } };
}

/** An entry as the number that it was: JSON holds the shortest decimal that reads back as it in its own dtype. */
function entry(x, dtype) {
  if (typeof x === "boolean") return x;
  const value = typeof x === "string" ? (SPECIAL[x] ?? NaN) : Number(x);
  if (dtype === "float32") return Math.fround(value);
  return dtype === "float16" ? half(value) : value;
}

function half(x) {
  if (!Number.isFinite(x) || x === 0) return x;
  const spacing = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -14) - 10);
  return Math.round(x / spacing) * spacing;
}
