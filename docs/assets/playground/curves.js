// Numbers that a program prints again and again under the same names, as curves: "epoch 3, loss 0.52". What is drawn is
// what was printed. All of it may come from a hostile program: it becomes text and numbers, never markup.

const FEWEST = 5; // lines that make a curve
const MOST = 6; // curves
const LONGEST_LINE = 200; // characters
const POINTS = 1_000; // of a curve; of more, some are left out
const NUMBER = /(?<![\p{L}\p{N}_.])([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|[-+]?inf)(?![\p{L}\p{N}_])/giu;
const NAME = /^[\s,;|%]*([\p{L}_][\p{L}\p{N}_ ]*?)\s*[:=]?\s*$/u;
const [WIDTH, HEIGHT] = [320, 110];
const SPACE = "http://www.w3.org/2000/svg";

/** The curves in a text: a list of { name, by, points }, where `by` names the axis, if it has a name, and points are [x, y]. */
export function curvesIn(text) {
  const tables = new Map(); // the names on a line -> the rows of numbers that stand with them
  for (const line of text.split("\n")) {
    const row = rowOf(line);
    if (!row) continue;
    const key = row.names.join("\n");
    if (!tables.has(key)) tables.set(key, { names: row.names, rows: [] });
    tables.get(key).rows.push(row.numbers);
  }
  return [...tables.values()].filter(({ rows }) => rows.length >= FEWEST).flatMap(curvesOf).slice(0, MOST);
}

/** The names and numbers of a line that has nothing else in it. */
function rowOf(line) {
  if (line.length > LONGEST_LINE) return null;
  const parts = line.trim().split(NUMBER); // text, number, text, number, ..., and what is left
  const names = parts.filter((_, i) => i % 2 === 0).map((part) => NAME.exec(part)?.[1]);
  const rest = parts.at(-1);
  if (parts.length < 3 || !/^[\s,;|%]*$/.test(rest) || names.slice(0, -1).some((name) => !name)) return null;
  return { names: names.slice(0, -1), numbers: parts.filter((_, i) => i % 2).map(valueOf) };
}

function valueOf(text) {
  if (/inf/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return Number(text); // "nan" is NaN
}

/** A first column that only grows, or only shrinks, is the axis; without one, lines are counted. */
function curvesOf({ names, rows }) {
  const first = rows.map(([x]) => x);
  const isAxis = names.length > 1 && [1, -1].some((sign) => first.every((x, i) => i === 0 || sign * (x - first[i - 1]) > 0));
  const stride = Math.ceil(rows.length / POINTS);
  return names.slice(isAxis ? 1 : 0).map((name, i) => ({
    name,
    by: isAxis ? names[0] : "",
    points: rows.map((row, n) => [isAxis ? row[0] : n, row[i + (isAxis ? 1 : 0)]]).filter((_, n) => n % stride === 0),
  }));
}

/** A curve as a figure. */
export function plot({ name, by, points }) {
  const finite = points.filter((point) => point.every(Number.isFinite));
  const figure = document.createElement("figure");
  figure.className = "pg-curve";
  const caption = document.createElement("figcaption");
  caption.textContent = by ? `${name} by ${by}` : name;
  figure.append(caption);
  if (!finite.length) return figure;
  const [xs, ys] = [0, 1].map((axis) => finite.map((point) => point[axis]));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const place = (x, y) => `${along(x, left, right, WIDTH)} ${HEIGHT - along(y, low, high, HEIGHT)}`;
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  drawing.setAttribute("aria-label", spoken(caption.textContent, points, low, high));
  const jumps = points.map((point) => point.every(Number.isFinite)); // nothing is drawn where there is no number
  const path = points.map(([x, y], i) => (jumps[i] ? `${jumps[i - 1] ? "L" : "M"}${place(x, y)}` : "")).join("");
  drawing.append(svg("path", { d: path }));
  const scale = (kind, ...texts) => {
    const element = document.createElement("span");
    element.className = kind;
    element.setAttribute("aria-hidden", "true"); // the label says it
    for (const text of texts) element.append(Object.assign(document.createElement("span"), { textContent: text }));
    return element;
  };
  figure.append(scale("pg-high", number(high)), drawing, scale("pg-low", number(low)), scale("pg-axis", number(left), number(right)));
  return figure;
}

function spoken(title, points, low, high) {
  const [first, last] = [points[0][1], points.at(-1)[1]].map(number);
  return `${title}: ${points.length} values, from ${first} at first to ${last} at last; lowest ${number(low)}, highest ${number(high)}`;
}

function along(x, from, to, size) {
  return (to === from ? size / 2 : (size * (x - from)) / (to - from)).toFixed(1);
}

function number(x) {
  return Number.isFinite(x) ? String(Number(x.toPrecision(4))) : String(x);
}

function svg(tag, attributes) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
