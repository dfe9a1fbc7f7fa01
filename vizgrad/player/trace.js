// A Trace as the player reads it. It may come from anywhere: texts are made harmless and arrays are checked here. If
// something else in it is not what it should be, the player says so when it gets there (see #attempt in vg-player.js).

const FORMAT = "vizgrad-trace";
const VERSION = 1;
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}]/gu;
const SPECIAL = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

export class TraceProblem extends Error {}

/** A recorded program. Arrays are objects with shape, size, and either data or a summary. */
export class Trace {
  constructor(record) {
    const given = clean(typeof record === "string" ? parsed(record) : record);
    need(given?.format === FORMAT, `This is not a vizgrad trace: it has no "format": "${FORMAT}".`);
    need(given.version === VERSION, `This trace has version ${given.version}, and this player reads version ${VERSION}.`);
    Object.assign(this, given);
    this.arrays = given.arrays.map(checkedArray);
    this.codes = new Map(Object.entries(given.codes));
    this.steps = given.steps.map((step) => ({ upstream: [], gradients: [], tensors: [], reads: [], expected: {}, ...step }));
    need([...this.tensors, ...this.ops].every(({ id }, i) => id === this.#idAt(i)), "The trace is damaged: ids are missing.");
  }

  tensor(id) {
    return id.startsWith("t") ? this.tensors[Number(id.slice(1))] : undefined;
  }

  op(id) {
    return id.startsWith("o") ? this.ops[Number(id.slice(1))] : undefined;
  }

  array(place) {
    return this.arrays[place] ?? null;
  }

  /** The op that made a tensor, if any did. */
  maker(tensor) {
    return tensor.source === null ? undefined : this.op(tensor.source);
  }

  code(op) {
    return this.codes.get(op.op);
  }

  symbol(op) {
    return this.code(op)?.symbol || op.op;
  }

  /** The ops that a tensor goes into, each once. */
  consumers(id) {
    return this.ops.filter((op) => op.inputs.some((input) => input.tensor === id));
  }

  #idAt(i) {
    return i < this.tensors.length ? `t${i}` : `o${i - this.tensors.length}`;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TraceProblem(`This is not JSON: ${error.message}`);
  }
}

/** The same without control characters in its texts, of which some turn the text after them around. */
function clean(value) {
  if (typeof value === "string") return value.replace(UNPRINTABLE, "\ufffd");
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), clean(inner)]));
}

function need(condition, problem) {
  if (!condition) throw new TraceProblem(problem);
}

function checkedArray({ shape, dtype, data, summary }, i) {
  if (data) return { shape, dtype, ...checkedEntries(shape, data, dtype, i) };
  const thumbnail = { shape: summary.thumbnail.shape, ...checkedEntries(summary.thumbnail.shape, summary.thumbnail.data, "", i) };
  return { shape, dtype, size: shape.reduce((a, b) => a * b, 1), data: null, summary: { ...summary, thumbnail } };
}

function checkedEntries(shape, data, dtype, i) {
  const size = shape.reduce((a, b) => a * b, 1);
  const whole = shape.every((n) => Number.isInteger(n) && n >= 0);
  need(whole && data.length === size, `The trace is damaged: arrays[${i}] has ${data.length} entries, and its shape is ${shape}.`);
  return { size, data: data.map((x) => entry(x, dtype)) };
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
