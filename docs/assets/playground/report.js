// What is said about a run, in words. All of it may come from a hostile program: it becomes text nodes, never markup.
import { python } from "./python.js";

const PROGRAM = "program.py";
const PHASES = {
  starting: "Starting Python …",
  loading: "Loading NumPy and vizgrad …",
  ready: "Python is ready.",
  running: "Running …",
  drawing: "Drawing the graph …",
  failed: "Python did not start. Press Run to try again.",
};

export function phaseText(phase) {
  const { total, loaded } = python.size;
  if (phase === "off") return `The first run downloads Python${total ? `, ${megabytes(total)} MB at most` : ""}.`;
  if (phase === "downloading" && total) return `Downloading Python: ${megabytes(loaded)} of ${megabytes(total)} MB …`;
  return PHASES[phase] ?? "Downloading Python …";
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** One sentence about how a run ended. */
export function outcome({ trace, stopped, failed, started, seconds }) {
  if (failed && !started) return `Python did not start: ${failed.slice(0, 200)}. Press Run to try again.`;
  if (failed) return `Python itself broke down and was started anew. It said: ${failed.slice(0, 200)}`;
  if (stopped === "limit") return "Stopped after 10 seconds, the most a program may take here. Does a loop never end?";
  if (stopped) return "Stopped. What the program had computed is gone; your text is as it was.";
  if (trace.error) return `Stopped by ${article(trace.error.type)}${at(lineOf(trace, trace.error.place))}.`;
  const size = `${count(trace.tensors, "tensor")}, ${count(trace.ops, "operation")}, ${count(trace.steps, "step")}`;
  return `Finished in ${seconds.toFixed(2)} s: ${size}.`;
}

/** What a learner should know about a run beyond its numbers: a list of elements. `go` leads to a step. */
export function remarks({ trace, problem }, go) {
  if (!trace) return [];
  return [
    ...(trace.error ? [failureRemark(trace)] : []),
    ...(problem ? [remark("pg-note", "The graph is not drawn", [made("p", problem)])] : []),
    ...trace.notes.map((note) => noteRemark(trace, note, go)),
  ];
}

/** The line of the reader's program that a place means, or null if it means another file. */
export function lineOf(trace, place) {
  return place && trace.files[place[0]]?.name === PROGRAM ? place[1] : null;
}

function failureRemark(trace) {
  const { type, message, place } = trace.error;
  const line = lineOf(trace, place);
  const code = line && trace.files[place[0]].source.split("\n")[line - 1]?.trim();
  const partial = trace.ops.length ? [made("p", "The graph shows what had been computed until then.")] : [];
  const quote = code ? [made("pre", code)] : [];
  return remark("pg-bad", `${type}${at(line)}`, [...quote, ...explained(message), ...partial]);
}

function noteRemark(trace, note, go) {
  const title = `Note${at(lineOf(trace, note.place))}`;
  if (!Number.isInteger(note.step)) return remark("pg-note", title, explained(note.text));
  const button = made("button", `Go to step ${note.step}`);
  button.type = "button";
  button.addEventListener("click", () => go(note.step));
  return remark("pg-note", title, [...explained(note.text), button]);
}

/** The library's messages have parts, each on a line: what happened, then where, why, and what to do. */
function explained(message) {
  const parts = [];
  for (const line of message.split("\n")) {
    const [, name, text] = /^ {2}(where|why|do): +(.*)$/.exec(line) ?? [null, "", line];
    if (name || parts.length === 0) parts.push({ name, text });
    else parts.at(-1).text += `\n${line}`;
  }
  // Where it happened is said already: in the heading, and by the mark in the editor.
  return parts.filter(({ name, text }) => name !== "where" && text.trim()).map(paragraph);
}

function paragraph({ name, text }) {
  const lead = { why: "Why: ", do: "What to do: " }[name];
  const element = made("p", text);
  if (lead) element.prepend(made("strong", lead));
  return element;
}

function remark(kind, title, content) {
  const element = made("div", "");
  element.className = `pg-remark ${kind}`;
  const heading = made("p", title);
  heading.className = "pg-remark-title";
  element.append(heading, ...content);
  return element;
}

function made(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function at(line) {
  return line ? ` at line ${line}` : "";
}

function article(word) {
  return `${/^[AEIOU]/.test(word) ? "an" : "a"} ${word}`;
}

function count(things, name) {
  return `${things.length} ${name}${things.length === 1 ? "" : "s"}`;
}
