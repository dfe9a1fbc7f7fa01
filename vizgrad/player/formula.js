// The rules of the ops, written in a small part of LaTeX, as MathML. \v{x} is the value of port x, \g{x} its gradient and
// \k{n} a setting: what stands for them, names or numbers, the caller says. What is not known here is shown as it is
// written.
import { math } from "./dom.js";

const OPERATORS = pairs(
  "odot ⊙ oslash ⊘ cdot · times × ast ∗ circ ∘ otimes ⊗ leftarrow ← rightarrow → to → le ≤ ge ≥ ne ≠ neq ≠ in ∈ " +
    "approx ≈ sum ∑ prod ∏ top ⊤ nabla ∇ partial ∂ infty ∞ ldots … cdots ⋯ lVert ‖ rVert ‖ { { } } | ‖ % %",
);
const GREEK = pairs("alpha α beta β gamma γ delta δ epsilon ε eta η theta θ lambda λ mu μ pi π rho ρ sigma σ tau τ phi φ");
const FUNCTIONS = new Set("exp log ln sin cos tan sinh cosh tanh max min arg argmax argmin det sup inf lim".split(" "));
const ACCENTS = pairs("hat ^ bar ¯ tilde ~");
const SIZES = new Set("left right big Big bigl bigr Bigl Bigr bigg Bigg".split(" "));
const SPACES_EM = { ",": "0.17em", ":": "0.22em", ";": "0.28em", "!": "-0.17em", " ": "0.25em", quad: "1em", qquad: "2em" };
const PLAIN = { "-": "−", "*": "∗", "'": "′" };
const TOKEN = /\\[a-zA-Z]+|\\[^a-zA-Z]|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\s+|./gsu;

function pairs(text) {
  const words = text.split(" ");
  return Object.fromEntries(words.flatMap((word, i) => (i % 2 ? [] : [[word, words[i + 1]]])));
}

/** A rule as a list of MathML elements. `terms` has value(port), gradient(port), setting(key) and `single`. */
export function formula(source, terms) {
  return new FormulaReader(source, terms).sequence();
}

/** The two sides of a rule and the sign between them. */
export function sides(source) {
  const found = /\s(=|\\leftarrow)\s/.exec(source);
  if (!found) return { left: "", relation: "=", right: source };
  const relation = found[1] === "=" ? "=" : "←";
  return { left: source.slice(0, found.index), relation, right: source.slice(found.index + found[0].length) };
}

class FormulaReader {
  #tokens;
  #terms;

  constructor(source, terms) {
    this.#tokens = source.match(TOKEN) ?? [];
    this.#terms = terms;
  }

  sequence(end = null) {
    const made = [];
    while (this.#tokens.length && this.#tokens[0] !== end) {
      const item = this.#scripted();
      if (item) made.push(item);
    }
    this.#tokens.shift();
    return made;
  }

  #scripted() {
    let base = this.#atom();
    let below = null;
    let above = null;
    while (base && ["^", "_"].includes(this.#tokens[0])) {
      const isAbove = this.#tokens.shift() === "^";
      const script = this.#atom() ?? math("mrow");
      // A second superscript, as of a gradient that is transposed, goes on top of what there is.
      if (isAbove ? above : below) [base, below, above] = [withScripts(base, below, above), null, null];
      if (isAbove) above = script;
      else below = script;
    }
    return base && withScripts(base, below, above);
  }

  #atom() {
    const token = this.#tokens.shift();
    if (token === undefined || /^\s/.test(token)) return token === undefined ? null : this.#skipSpace();
    if (token === "{") return row(this.sequence("}"));
    if (token.startsWith("\\")) return this.#command(token.slice(1));
    if (/^\d/.test(token)) return math("mn", token);
    if (/^\p{L}/u.test(token)) return math("mi", token);
    return math("mo", { stretchy: "false" }, PLAIN[token] ?? token);
  }

  #skipSpace() {
    return this.#tokens.length && !["^", "_", "}"].includes(this.#tokens[0]) ? this.#atom() : null;
  }

  #command(name) {
    if (name === "v") return this.#terms.value(this.#text());
    if (name === "g") return this.#terms.gradient(this.#text());
    if (name === "k") return this.#terms.setting(this.#text());
    if (Object.hasOwn(SPACES_EM, name)) return math("mspace", { width: SPACES_EM[name] });
    if (this.#terms.single && name === "odot") return math("mo", "·");
    if (this.#terms.single && name === "oslash") return math("mo", "∕");
    if (Object.hasOwn(OPERATORS, name)) return math("mo", { stretchy: "false" }, OPERATORS[name]);
    if (Object.hasOwn(GREEK, name)) return math("mi", GREEK[name]);
    if (FUNCTIONS.has(name)) return this.#applied(name);
    if (name === "operatorname") return this.#tokens[1] === "\\k" ? this.#atom() : this.#applied(this.#text());
    if (name === "mathrm") return math("mi.vg-upright", this.#text());
    if (name === "text") return math("mtext", this.#text());
    if (name === "mathbf") return math("mi.vg-bold", this.#text());
    if (name === "frac") return math("mfrac", this.#argument(), this.#argument());
    if (name === "sqrt") return math("msqrt", this.#argument());
    if (Object.hasOwn(ACCENTS, name)) return math("mover", { accent: "true" }, this.#argument(), math("mo", ACCENTS[name]));
    if (SIZES.has(name)) return this.#atom();
    return math("mtext.vg-unknown", `\\${name}`);
  }

  /** The name of a function; a space follows where its argument has no parenthesis. */
  #applied(name) {
    const bare = /^\s/.test(this.#tokens[0] ?? "");
    return row([math("mi.vg-upright", name), bare ? math("mspace", { width: "0.17em" }) : null]);
  }

  #argument() {
    return this.#scripted() ?? math("mrow");
  }

  /** What stands between braces, as it is written. */
  #text() {
    if (this.#tokens[0] !== "{") return this.#tokens.shift() ?? "";
    const end = this.#tokens.indexOf("}");
    const inside = this.#tokens.splice(0, end < 0 ? this.#tokens.length : end + 1);
    return inside.slice(1, end < 0 ? undefined : -1).join("");
  }
}

function row(items) {
  return items.length === 1 ? items[0] : math("mrow", items);
}

function withScripts(base, below, above) {
  if (below && above) return math("msubsup", base, below, above);
  if (above) return math("msup", base, above);
  return below ? math("msub", base, below) : base;
}
