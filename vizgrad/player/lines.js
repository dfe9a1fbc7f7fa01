// The library's own lines: which piece of a method's text gives which of its results. A result that is returned by name
// comes from the statements that set this name. What the text alone cannot tell is left open, and said so.
const PYTHON_WORDS = /("""|''')[\s\S]*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*|[=!<>]=|:=|./gsu;
const WRITES = String.raw`^[\w.]+\(\s*NAME\s*,`; // as in np.add.at(gradient, ...)

/** The pieces [from, to] of a method's text that give each of `count` results; `open` if not all of them need have run. */
export function givingLines(source, count) {
  const statements = outermost(statementsOf(source));
  const returns = statements.filter(({ text }) => /^return\b/.test(text));
  const parted = returns.map(({ from, to, commas }) => elementsOf(source, from + "return".length, to, commas));
  const fitting = parted.filter((parts) => parts.length === count);
  const whole = parted.map((parts) => Array(count).fill([parts[0][0], parts.at(-1)[1]]));
  const chosen = fitting.length ? fitting : whole;
  const giving = (part) => {
    const set = settingsOf(source.slice(...part), statements);
    return set.length ? set : [part];
  };
  const results = Array.from({ length: count }, (_, i) => chosen.flatMap((parts) => giving(parts[i])));
  return { results, together: count > 1 && !fitting.length, open: chosen.length > 1 };
}

/** The statements that give a name its value, or write into what it names. */
function settingsOf(name, statements) {
  if (!/^\w+(\["\w+"\])?$/.test(name)) return [];
  const writes = new RegExp(WRITES.replace("NAME", () => name.replace(/[[\]]/g, "\\$&")));
  const sets = ({ targets, value, text }) => writes.test(text) || (value !== "None" && targets.some((one) => one === name || one.startsWith(`${name}[`)));
  return statements.filter(sets).map(({ from, to }) => [from, to]);
}

function elementsOf(source, from, to, commas) {
  const cuts = [...commas.filter((at) => at >= from && source.slice(at + 1, to).trim()), to];
  return cuts.map((end, i) => {
    const start = i ? cuts[i - 1] + 1 : from;
    return [start + source.slice(start, end).search(/\S|$/), end];
  });
}

/** Statements with their places, their commas and what they assign to; brackets hold lines together. */
function statementsOf(source) {
  const statements = [];
  let [from, end, depth, commas, equals] = [0, 0, 0, [], []];
  const finish = (next) => {
    const start = from + source.slice(from, end).search(/\S|$/);
    const text = source.slice(start, end);
    const sides = [start, ...equals.map((at) => at + 1)].map((at, i) => source.slice(at, equals[i] ?? end).trim());
    const targets = sides.slice(0, -1).flatMap((side) => side.split(/,(?![^[(]*[\])])/)).map((one) => one.trim().replace(/\s*[-+*/@|&]$/, ""));
    if (text) statements.push({ from: start, to: end, indent: start - from, text, commas, targets, value: sides.at(-1) });
    [from, commas, equals] = [next, [], []];
  };
  for (const { 0: word, index } of `${source}\n`.matchAll(PYTHON_WORDS)) {
    if ("([{".includes(word)) depth += 1;
    else if (")]}".includes(word)) depth -= 1;
    else if (word === "\n" && depth === 0) finish(index + 1);
    else if (word === "," && depth === 0) commas.push(index);
    else if (word === "=" && depth === 0) equals.push(index);
    if (!/^(#|\s)/.test(word)) end = index + word.length;
  }
  return statements;
}

/** Those of the method itself: what a function inside it returns is not its result. */
function outermost(statements) {
  let inner = Infinity;
  let seen = false;
  return statements.filter(({ text, indent }) => {
    if (indent <= inner) inner = Infinity;
    const skip = indent > inner;
    if (/^(async )?def\b/.test(text)) {
      if (seen && !skip) inner = indent;
      seen = true;
    }
    return !skip;
  });
}
