// Forward and backward of a chain of layers with one output, in plain numbers. Knows nothing of the page.

/** Each function, with its slope as a function of what it gave. */
export const ACTIVATIONS = {
  sigmoid: [(z) => 1 / (1 + Math.exp(-z)), (y) => y * (1 - y)],
  tanh: [Math.tanh, (y) => 1 - y * y],
  ReLU: [(z) => Math.max(z, 0), (y) => (y > 0 ? 1 : 0)],
};

const norm = (x) => Math.hypot(...x);
const dot = (x, y) => x.reduce((sum, entry, place) => sum + entry * y[place], 0);

/** Numbers in a row as an input, hidden layers of the same width, and a last layer with one unit. */
export function parseDraws(text, width) {
  const rows = [];
  const numbers = text.trim().split(/\s+/).map(Number);
  for (let place = 0; place < numbers.length; place += width) rows.push(numbers.slice(place, place + width));
  const hidden = [];
  for (let place = 1; place < rows.length - 1; place += width) hidden.push(rows.slice(place, place + width));
  return { input: rows[0], hidden, last: [rows.at(-1)] };
}

/**
 * For each of `depth` layers: the norms of the gradients of its weights and biases, and the mean slope of its units (null
 * for the last, which is linear). The weights of layer `changed` are multiplied by `scale`, and `shift` is added to its
 * biases, which are 0 otherwise.
 */
export function gradientNorms({ input, hidden, last }, { depth, activation, changed, scale, shift }) {
  const [f, slope] = ACTIVATIONS[activation];
  const layers = [];
  let y = input;
  for (let k = 1; k <= depth; k++) {
    const drawn = k < depth ? hidden[k - 1] : last;
    const weights = k === changed ? drawn.map((row) => row.map((weight) => scale * weight)) : drawn;
    const z = weights.map((row) => dot(row, y) + (k === changed ? shift : 0));
    const output = k < depth ? z.map(f) : z;
    layers.push({ weights, input: y, slopes: k < depth ? output.map(slope) : null });
    y = output;
  }
  const found = [];
  let gradient = [1]; // of the layer's output
  for (const { weights, input: given, slopes } of layers.reverse()) {
    const delta = slopes ? gradient.map((entry, unit) => entry * slopes[unit]) : gradient;
    found.unshift({
      weights: norm(delta) * norm(given), // the gradient is a column times a row
      biases: norm(delta),
      slope: slopes && slopes.reduce((sum, one) => sum + one, 0) / slopes.length,
    });
    gradient = given.map((_, place) => dot(weights.map((row) => row[place]), delta));
  }
  return found;
}
