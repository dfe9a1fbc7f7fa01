// What the calculators compute, from what a reader has typed. Knows nothing of the page.

const MOST = 1e6; // no size, kernel or number of channels of a network is larger

/** A message for the reader, with the number of the line that it is about. */
export class LineError extends Error {}

/** The lines that say something, with their numbers as the reader counts them; # begins a remark. */
function linesOf(text) {
  return text
    .split("\n")
    .map((line, index) => ({ number: index + 1, line: line.replace(/#.*/, "").trim() }))
    .filter(({ line }) => line);
}

function whole(number, what, least, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > MOST)
    throw new LineError(`Line ${number}: the ${what} is a whole number from ${least} to ${MOST}, not ${text}.`);
  return value;
}

/** Layers, one on a line: a name, then kernel, stride and padding, as in "conv 3 1 1" or "pool 2, stride 2". */
export function parseStack(text) {
  return linesOf(text).map(({ number, line }) => {
    const found = /^([a-z][a-z0-9_ -]*?)\s+(\d.*|kernel.*|stride.*|padding.*)$/i.exec(line);
    if (!found) throw new LineError(`Line ${number}: write a name and a kernel size, such as conv 3 or pool 2.`);
    const [, name, rest] = found;
    const given = {};
    const order = ["kernel", "stride", "padding"];
    const left = rest.replace(
      /(?:(kernel|stride|padding)\s*[=:]?\s*)?(-?\d+(?:\.\d+)?)(?:\s*[x×]\s*(\d+))?[\s,;]*/giy,
      (_, word, size, other) => {
        if (other !== undefined && other !== size)
          throw new LineError(`Line ${number}: ${size} by ${other}: compute rows and columns one after the other.`);
        const what = word ? word.toLowerCase() : order.find((one) => !(one in given));
        if (!what || what in given) throw new LineError(`Line ${number}: more numbers than kernel, stride and padding.`);
        given[what] = whole(number, what, what === "padding" ? 0 : 1, size);
        return "";
      },
    );
    if (left.trim()) throw new LineError(`Line ${number}: "${left.trim()}" is not understood.`);
    if (!("kernel" in given)) throw new LineError(`Line ${number}: the kernel's size is missing.`);
    const { kernel, stride = /pool/i.test(name) ? kernel : 1, padding = 0 } = given;
    return { number, name, kernel, stride, padding };
  });
}

/** For each layer: how many units it has, and field, jump and start of its receptive fields on an image of n rows. */
export function receptiveFields(layers, n) {
  let [size, field, jump, start] = [n, 1, 1, 0];
  return layers.map((layer) => {
    const { number, kernel, stride, padding } = layer;
    if (kernel > size + 2 * padding)
      throw new LineError(`Line ${number}: a kernel of ${kernel} does not fit into ${size} rows and their padding.`);
    size = Math.floor((size + 2 * padding - kernel) / stride) + 1;
    [start, field, jump] = [start - padding * jump, field + (kernel - 1) * jump, jump * stride];
    return { ...layer, size, field, jump, start };
  });
}

/** The rows of an image of n rows that a unit sees, first and last, without the padding; null if it sees only padding. */
export function rowsOf({ jump, start, field }, unit, n) {
  const first = Math.max(jump * unit + start, 0);
  const last = Math.min(jump * unit + start + field - 1, n - 1);
  return first <= last ? [first, last] : null;
}

/** Branches, one on a line: convolutions with kernel and filters, as in "conv 1 64, conv 3 192"; a pool stays as it is. */
export function parseBranches(text) {
  return linesOf(text).map(({ number, line }) => ({
    number,
    line,
    steps: line.split(/\s*(?:,|;|→|->)\s*/).filter(Boolean).map((step) => {
      if (/^(max |mean )?pool\b/i.test(step)) return { pool: true };
      const found = /^(?:conv\s+)?(\d+)(?:\s*[x×]\s*(\d+))?\s+(\d+)$/i.exec(step);
      if (!found)
        throw new LineError(`Line ${number}: "${step}" should be conv, its kernel and its filters, such as conv 3 192.`);
      const [, rows, columns = rows, filters] = found;
      const [height, width] = [rows, columns].map((size) => whole(number, "kernel", 1, size));
      return { height, width, filters: whole(number, "number of filters", 1, filters) };
    }),
  }));
}

/** What each convolution of the branches costs on an image of side x side pixels, which keeps its size. */
export function costs(branches, side, channels) {
  const rows = [];
  let outputs = 0;
  for (const { number, line, steps } of branches) {
    let depth = channels;
    for (const { pool, height, width, filters } of steps) {
      if (pool) continue;
      const products = height * width * depth; // for one number of the output
      rows.push({
        number,
        name: `${height}×${width}, ${depth} → ${filters}`,
        parameters: (products + 1) * filters,
        products: side * side * products * filters,
        activations: side * side * filters,
      });
      depth = filters;
    }
    if (!steps.length) throw new LineError(`Line ${number}: "${line}" holds no step.`);
    outputs += depth;
  }
  const total = { parameters: 0, products: 0, activations: 0 };
  for (const row of rows) for (const key of Object.keys(total)) total[key] += row[key];
  return { rows, total, outputs };
}
