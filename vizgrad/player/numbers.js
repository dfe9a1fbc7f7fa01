// Arrays as text and as colour: the same digits as vizgrad/trace/text.py, the same colours as vizgrad/draw/heat.py.
import { html } from "./dom.js";

export const POSITIVE = [37, 99, 235];
export const NEGATIVE = [217, 70, 39];
export const CELL_OPACITY = 0.35; // behind numbers the colour stays pale
const MINUS = "−";
const DIGITS = 4;
const FEW = 6; // arrays up to this many entries are written out inside a sentence

/** A number with four significant digits, as Python's `f"{x:.4g}"` writes it. */
export function number(x) {
  if (typeof x === "boolean") return x ? "True" : "False";
  if (Number.isNaN(x)) return "nan";
  const sign = x < 0 || Object.is(x, -0) ? MINUS : "";
  if (!Number.isFinite(x)) return sign + "∞";
  if (x === 0) return sign + "0";
  const [digits, exponent] = significant(Math.abs(x));
  if (exponent >= -4 && exponent < DIGITS) return sign + plain(digits, exponent);
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${sign}${plain(digits, 0)}e${exponent < 0 ? MINUS : "+"}${size}`;
}

/** Rounds half to even, which JavaScript's own toPrecision does not. */
function significant(x) {
  const [mantissa, power] = x.toExponential(60).split("e");
  const all = mantissa.replace(".", "");
  const rest = all.slice(DIGITS);
  const half = "5".padEnd(rest.length, "0");
  let first = Number(all.slice(0, DIGITS));
  if (rest > half || (rest === half && first % 2)) first += 1;
  return first === 10 ** DIGITS ? ["1000", Number(power) + 1] : [String(first), Number(power)];
}

function plain(digits, exponent) {
  const whole = exponent < 0 ? "0" : digits.slice(0, exponent + 1);
  const part = exponent < 0 ? "0".repeat(-exponent - 1) + digits : digits.slice(exponent + 1);
  const fraction = part.replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}

/** A shape as Python writes a tuple: (), (3,), (3, 4). */
export function shapeText(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** An array inside a sentence: its numbers if they are few, else its shape. */
export function short(array) {
  return array.data && array.size <= FEW ? nested(array.data, array.shape) : `an array of shape ${shapeText(array.shape)}`;
}

function nested(entries, [first, ...rest]) {
  if (first === undefined) return number(entries[0]);
  const size = entries.length / first || 0;
  const parts = Array.from({ length: first }, (_, i) => nested(entries.slice(i * size, (i + 1) * size), rest));
  return `[${parts.join(", ")}]`;
}

/** A contribution on its way along an edge: one number, or several if they fit, else the shape. */
export function chipText(array, room) {
  if (array.size === 1 && array.data) return number(array.data[0]);
  const numbers = array.data && array.size <= 4 ? short(array) : "";
  return numbers && numbers.length <= room ? numbers : array.shape.join("×");
}

/** Rows and columns that an array is shown with: a vector is one row, leading axes are stacked. */
export function asMatrix(shape) {
  const columns = shape.length ? shape[shape.length - 1] : 1;
  return [shape.slice(0, -1).reduce((a, b) => a * b, 1), columns];
}

/** Each entry relative to the largest: from -1 to 1, and 0 for what is not a finite number. */
export function levels(entries) {
  const finite = entries.map((x) => (Number.isFinite(Number(x)) ? Number(x) : 0));
  const largest = finite.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return largest ? finite.map((x) => x / largest) : finite;
}

export function colour(level) {
  return `rgb(${(level < 0 ? NEGATIVE : POSITIVE).join(", ")})`;
}

/** An array as a picture, one pixel for each entry (for a large one, of its thumbnail); `tiles` lays out rows that are pictures. */
export function heatUrl(array, tiles = null) {
  const { data, shape } = array.data ? array : array.summary.thumbnail;
  const [rows, columns, place] = tiles && array.data ? sheet(array.size, tiles) : [...asMatrix(shape), (i) => i];
  if (!rows || !columns) return "";
  const canvas = html("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  levels(data).forEach((level, i) => {
    pixels.data.set([...(level < 0 ? NEGATIVE : POSITIVE), Math.round(Math.abs(level) * 255)], 4 * place(i));
  });
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL("image/png");
}

/** Tiles with a pixel of space between them: rows, columns, and where each entry goes. */
function sheet(size, { height, width, across }) {
  const count = Math.ceil(size / (height * width));
  const columns = across * (width + 1) - 1;
  const place = (i) => {
    const [tile, inside] = [Math.floor(i / (height * width)), i % (height * width)];
    const row = Math.floor(tile / across) * (height + 1) + Math.floor(inside / width);
    return row * columns + (tile % across) * (width + 1) + (inside % width);
  };
  return [Math.ceil(count / across) * (height + 1) - 1, columns, place];
}
