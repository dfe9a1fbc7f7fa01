// The program beside the graph: the line and the very expression of a step are marked, and each piece of the text knows
// the op that it calls and the tensor that it names.
import { html } from "./dom.js";
import { stopButton } from "./marks.js";

const WORDS =
  "and as assert async await break class continue def del elif else except False finally for from global if import in is " +
  "lambda None nonlocal not or pass raise return True try while with yield";
const KEYWORDS = new Set(WORDS.split(" "));
const PYTHON = /#.*|(?:\b[rbfu]{1,2})?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b\d[\w.]*|[\p{L}_][\p{L}\p{N}_]*|./gu;

/** One file of the program, and the places in it of the ops that it calls. */
export class CodePane {
  #lines = [];
  #pieces = new Map(); // op id -> the pieces of text that make up its expression
  #current = { line: null, pieces: [] };

  constructor(trace, file) {
    this.file = file;
    const source = trace.files[file].source.replace(/\n$/, "");
    const names = new Map(trace.tensors.map((tensor) => [tensor.name, tensor.id]).reverse());
    const ops = trace.ops.filter((op) => op.place?.[0] === file && op.place[3] > 0);
    this.list = html("ol.vg-lines");
    source.split("\n").forEach((text, i) => this.#addLine([...text], i + 1, ops, names));
    this.list.style.setProperty("--vg-digits", String(this.#lines.length).length);
  }

  /** Marks the line and the expression of a step. */
  show(place, op) {
    this.#current.line?.classList.remove("vg-current");
    this.#current.line?.removeAttribute("aria-current");
    for (const piece of this.#current.pieces) piece.classList.remove("vg-here");
    const line = (place?.[0] === this.file && this.#lines[place[1] - 1]) || null;
    this.#current = { line, pieces: (line && this.#pieces.get(op)) ?? [] };
    for (const piece of this.#current.pieces) piece.classList.add("vg-here");
    if (!line) return;
    line.classList.add("vg-current");
    line.setAttribute("aria-current", "step");
  }

  /** Brings the marked line into view, inside the scrolling `pane` only. */
  follow(pane) {
    const { line } = this.#current;
    if (!line) return;
    const [box, view] = [line.getBoundingClientRect(), pane.getBoundingClientRect()];
    if (box.top < view.top || box.bottom > view.bottom) pane.scrollTop += box.top - view.top - view.height / 3;
  }

  /** Gives each line at which something happens a button that marks it; one of them is within reach of Tab. */
  offerMarks(marks, toggle) {
    const last = this.list.contains(document.activeElement) ? document.activeElement.closest("li") : null;
    this.list.querySelectorAll(".vg-stop").forEach((button) => button.remove());
    for (const [i, line] of this.#lines.entries()) {
      const mark = this.file ? `${this.file}:${i + 1}` : String(i + 1);
      if (marks.stepsOf(mark).length) line.prepend(stopButton("vg-stop", mark, marks, toggle, `Stop at line ${i + 1}`));
    }
    this.list.querySelectorAll(".vg-stop").forEach((button, i) => (button.tabIndex = i ? -1 : 0));
    if (last) this.reach(last.querySelector(".vg-stop"));
  }

  /** Moves the focus to a line's button, or from it to that of the next line (or with -1, of the one before). */
  reach(button, direction = 0) {
    const all = [...this.list.querySelectorAll(".vg-stop")];
    const next = all[(all.indexOf(button) + direction + all.length) % all.length];
    for (const one of all) one.tabIndex = one === next ? 0 : -1;
    next?.focus();
  }

  /** The pieces of text that call an op. */
  pieces(op) {
    return this.#pieces.get(op) ?? [];
  }

  #addLine(letters, number, ops, names) {
    const here = ops.filter((op) => op.place[1] <= number && number <= op.place[3]).map((op) => spanIn(op, number, letters));
    const tokens = tokensOf(letters.join(""));
    const cuts = new Set([0, letters.length, ...here.flatMap((span) => [span.from, span.to]), ...tokens.map((t) => t.from)]);
    const edges = [...cuts].sort((a, b) => a - b);
    const code = html("code");
    for (const [i, from] of edges.slice(0, -1).entries()) {
      const around = here.filter((span) => span.from <= from && from < span.to);
      code.append(this.#piece(letters.slice(from, edges[i + 1]).join(""), around, tokens.findLast((t) => t.from <= from), names));
    }
    const line = html("li", { "data-line": number }, code);
    this.#lines.push(line);
    this.list.append(line);
  }

  #piece(text, around, token, names) {
    const inmost = around.reduce((best, span) => (best && best.to - best.from <= span.to - span.from ? best : span), null);
    const named = token?.kind === "name" ? names.get(text) : undefined;
    const kind = ["name", "other"].includes(token?.kind) ? null : `vg-py-${token?.kind}`;
    const piece = html("span", { class: kind, "data-op": named ? null : inmost?.op, "data-tensor": named }, text);
    for (const { op } of around) this.#pieces.set(op, [...(this.#pieces.get(op) ?? []), piece]);
    return piece;
  }
}

/** The part of one line that belongs to an op's expression. */
function spanIn(op, number, letters) {
  const [, first, from, last, to] = op.place;
  return { op: op.id, from: number === first ? from : 0, to: number === last ? to : letters.length };
}

/** Python's words, roughly: enough to tell comments, strings, numbers, keywords and names apart in one line. */
function tokensOf(line) {
  const tokens = [];
  let from = 0;
  let before = "";
  for (const [text] of line.matchAll(PYTHON)) {
    tokens.push({ from, kind: kindOf(text, before) });
    from += [...text].length;
    before = text;
  }
  return tokens;
}

function kindOf(text, before) {
  if (text.startsWith("#")) return "comment";
  if (/["']$/.test(text) && text.length > 1) return "string";
  if (/^\d/.test(text)) return "number";
  if (KEYWORDS.has(text)) return "keyword";
  return /^[\p{L}_]/u.test(text) && before !== "." ? "name" : "other";
}
