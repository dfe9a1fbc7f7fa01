// The context lens: what each forward keeps for the way back, how much memory that is, and from when to when.
import { brief, html, svg } from "./dom.js";
import { opLink, say, settingText } from "./card.js";
import { shapeText } from "./numbers.js";

const MOST_BARS = 40;
const WIDTH_OF_TYPE = /\d+$/;
const CURVE_HEIGHT = 40; // of the curve, in its own units

/**
 * What is kept: one entry for each op that saved arrays, with the steps at which they were saved, read and let go. The
 * engine lets go of them after the op's backward; what waits for a backward that never comes stays.
 */
export function keptBy(trace, timeline) {
  const walked = trace.steps.flatMap((step, k) => (step.kind === "backward" ? [k] : []));
  const backwards = Map.groupBy(walked, (k) => trace.steps[k].op);
  return trace.ops.flatMap((op) => {
    const arrays = Object.entries(op.context).flatMap(([name, value]) => (trace.array(value?.array) ? [{ name, array: trace.array(value.array) }] : []));
    const from = timeline.firing(op.id);
    const reads = backwards.get(op.id) ?? [];
    const to = reads.at(-1) ?? timeline.length - 1;
    return arrays.length && from !== null ? [{ op, arrays, from, to, reads, bytes: bytesOf(arrays) }] : [];
  });
}

/** The bytes that are held at each step; an array that several ops keep is there once. */
export function heldAt(kept, length) {
  const until = new Map(); // array -> the last step for which it has been counted
  const held = Array(length).fill(0);
  for (const { arrays, from, to } of kept.toSorted((a, b) => a.from - b.from)) {
    for (const { array } of arrays) {
      for (let k = Math.max(from, (until.get(array) ?? -1) + 1); k <= to; k += 1) held[k] += bytesOf([{ array }]);
      until.set(array, Math.max(to, until.get(array) ?? -1));
    }
  }
  return held;
}

function bytesOf(arrays) {
  const each = [...new Set(arrays.map(({ array }) => array))];
  return each.reduce((sum, { size, dtype }) => sum + (size * (Number(WIDTH_OF_TYPE.exec(dtype)?.[0]) || 8)) / 8, 0);
}

function bytesText(n) {
  if (n < 1000) return `${n} bytes`;
  return n < 1e6 ? `${(n / 1e3).toPrecision(3)} kB` : `${(n / 1e6).toPrecision(3)} MB`;
}

export const lens = {
  open(figure, panel) {
    const { trace, timeline } = figure;
    const all = keptBy(trace, timeline);
    if (!all.length) return panel.append(...withoutArrays(figure));
    const held = heldAt(all, timeline.length);
    const peak = held.indexOf(Math.max(...held));
    const now = html("b");
    const most = html("button.vg-jump", { type: "button" }, `${bytesText(held[peak])} at step ${peak}`);
    most.addEventListener("click", () => figure.go(peak));
    const largest = all.toSorted((a, b) => b.bytes - a.bytes).slice(0, MOST_BARS);
    const shown = all.filter((one) => largest.includes(one));
    const cursor = html("i.vg-now");
    const rows = shown.map((one) => lensRow(figure, one));
    panel.append(
      html("p", "Kept for the way back now: ", now, "; at most ", most),
      html("div.vg-lens", heldCurve(held), rows, cursor),
      say(
        all.length > shown.length ? `These are the ${MOST_BARS} largest of ${all.length}. ` : "",
        "An op lets go of what it has kept once its backward is done. Equal arrays are counted once; numbers and shapes are not counted.",
      ),
    );
    return {
      show(k) {
        now.textContent = bytesText(held[k] ?? 0);
        cursor.style.setProperty("--vg-at", (k + 0.5) / timeline.length);
        rows.forEach((row, i) => row.classList.toggle("vg-held", shown[i].from <= k && k <= shown[i].to));
      },
    };
  },
};

/** Where backward needs no array: what the ops have written down instead. */
function withoutArrays({ trace }) {
  const ops = trace.ops.filter(({ context }) => Object.keys(context).length);
  const entry = (key, value) => [html("code", brief(key)), ` = ${settingText(trace, value)}`];
  const row = (op) => {
    const entries = Object.entries(op.context).flatMap(([key, value], i) => [i ? ", " : "", ...entry(key, value)]);
    return html("li", opLink(trace, op), op.place ? `, line ${op.place[1]}, keeps ` : " keeps ", entries);
  };
  const left = ops.length - MOST_BARS;
  return [
    html("p", "No array is kept for the way back: no gradient here depends on the numbers that went forward. All that is kept are shapes and settings, which take hardly any memory."),
    html("ul.vg-plain", ops.slice(0, MOST_BARS).map(row), left > 0 ? html("li", `and ${left} more`) : null),
  ];
}

function lensRow(figure, { op, arrays, from, to, reads, bytes }) {
  const { length } = figure.timeline;
  const names = arrays.map(({ name, array }) => `${name} ${shapeText(array.shape)}`).join(", ");
  const line = op.place ? `, line ${op.place[1]}` : "";
  const until = reads.length ? `read at ${reads.join(", ")}` : "never read";
  const bar = html("button.vg-keep", { type: "button", "aria-label": `${bytesText(bytes)}: ${op.op}${line} keeps ${names}, saved at step ${from}, ${until}` }, html("span", bytesText(bytes)));
  bar.style.left = `${(100 * from) / length}%`;
  bar.style.width = `${(100 * (to + 1 - from)) / length}%`;
  bar.classList.toggle("vg-never", reads.length === 0);
  // Where it was saved, and from there to where it is read.
  bar.addEventListener("click", () => {
    figure.go(figure.step === from ? (reads[0] ?? to) : from);
    figure.choose(op.id);
  });
  return html("div.vg-kept", { "data-op": op.id }, html("span.vg-kept-by", html("b", figure.trace.symbol(op)), ` ${names}`), html("span.vg-lane", bar));
}

/** The memory over all steps. */
function heldCurve(held) {
  const most = Math.max(...held) || 1;
  const y = (n) => CURVE_HEIGHT - (n / most) * (CURVE_HEIGHT - 4);
  const path = held.map((n, k) => `H${k} V${y(n).toFixed(1)} H${k + 1}`).join(" ");
  const area = svg("path", { d: `M0,${CURVE_HEIGHT} ${path} V${CURVE_HEIGHT} Z` });
  const picture = svg("svg", { viewBox: `0 0 ${held.length} ${CURVE_HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, area);
  return html("div.vg-kept", html("span.vg-kept-by", "all"), html("span.vg-lane.vg-curve", picture));
}
