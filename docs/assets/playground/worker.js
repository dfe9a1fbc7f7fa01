// Python in a worker: boots once, then runs one program after the other.
//
// It is told {source} and answers with any number of {output}, then {trace}, then {svg, problem}; or it is told
// {exercise, answer} and answers with {output}s, then {verdict}. While it boots it says {arrived} for each file and
// {phase}; {phase: "ready"} is the last. After {fatal} it is of no use any more.
import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";
import { instance as loadGraphviz } from "../vendor/viz.js";

const PYODIDE = new URL("../vendor/pyodide/", import.meta.url).href;
const LARGE_FILES = [".wasm", ".zip", "wasm32.whl"]; // nearly all of the download
const MOST_OPERATIONS = 300; // in a drawing: more take seconds to show, and nobody finds their way in them
const LONGEST_OUTPUT = 200_000; // characters
const AT_ONCE = 2_000; // characters of output that are passed on piece by piece, in case an endless loop comes next
const PAUSE = 50; // ms between two messages after that: 100,000 lines must not become 100,000 messages

// Python calls between Python and JavaScript use the stack of the worker, which ends before Python's own limit: 250
// levels are safe for every kind of call.
const SETUP = `
import builtins, json, sys
from vizgrad import trace
from vizgrad.check.exercise import grade
from vizgrad.draw import dot, layout, needs_graphviz, svg

def no_input(prompt=""):
    raise EOFError("input() waits for a keyboard, and there is none here: write the value into the program.")

def record(source, write):
    recorded = trace.run(source, "program.py", write)
    recorded.output = recorded.output[:${LONGEST_OUTPUT}]
    return recorded

def judge(exercise, answer, write):
    return grade(exercise, answer, write).to_json()

def graph(recorded):
    return dot(recorded, labels=False) if needs_graphviz(recorded) else ""

def picture(recorded, places):
    return svg(recorded, places=layout.parse(json.loads(places)) if places else None, css=False, insides=True)

builtins.input = no_input
sys.setrecursionlimit(250)
`;

function reportDownloads() {
  const missing = new Set(LARGE_FILES);
  new PerformanceObserver((list) => {
    for (const { name } of list.getEntries()) {
      postMessage({ arrived: name });
      LARGE_FILES.filter((ending) => name.endsWith(ending)).forEach((ending) => missing.delete(ending));
      if (missing.size === 0) postMessage({ phase: "starting" });
    }
  }).observe({ type: "resource", buffered: true });
}

async function boot() {
  reportDownloads();
  const graphviz = loadGraphviz();
  graphviz.catch(() => {}); // whoever awaits it will hear
  // What `import js` gives to programs: nothing.
  const jsglobals = Object.create(null);
  const python = await loadPyodide({ indexURL: PYODIDE, packages: ["vizgrad-course"], jsglobals });
  postMessage({ phase: "loading" });
  const scope = python.globals.get("dict")();
  python.runPython(SETUP, { globals: scope });
  const [record, judge, graph, picture] = ["record", "judge", "graph", "picture"].map((name) => scope.get(name));
  return { python, record, judge, graph, picture, graphviz: await graphviz };
}

/** Passes on what is printed, much of it in large pieces. No timer can do that: a worker that computes hears none. */
function makeOutput() {
  let [waiting, room, last] = ["", LONGEST_OUTPUT, performance.now()];
  const flush = () => {
    if (waiting) postMessage({ output: waiting });
    [waiting, last] = ["", performance.now()];
  };
  const write = (text) => {
    if (room <= 0) return;
    waiting += text.slice(0, room);
    room -= text.length;
    if (room <= 0) waiting += "\n… (cut here: only the first 200,000 characters are shown)\n";
    const few = LONGEST_OUTPUT - room < AT_ONCE;
    if (few || room <= 0 || performance.now() - last > PAUSE) flush();
  };
  return { write, flush };
}

/** Says where to send what a program writes past sys.stdout: to sys.stderr, or from C. */
function listen(python, batched) {
  python.setStdout({ batched });
  python.setStderr({ batched });
}

/** Calls something in Python with a function that takes what is printed meanwhile. */
function listening(python, call) {
  const { write, flush } = makeOutput();
  listen(python, (text) => write(`${text}\n`));
  const result = call(write);
  flush();
  listen(python, () => {}); // what comes later belongs to no run
  return result;
}

function check({ python, judge }, { exercise, answer }) {
  postMessage({ verdict: listening(python, (write) => judge(exercise, answer, write)) });
}

function run({ python, record, ...drawing }, { source }) {
  const recorded = listening(python, (write) => record(source, write));
  postMessage({ trace: recorded.to_json() });
  postMessage(draw(recorded, drawing));
  recorded.destroy();
}

/** The drawing, or why there is none: a program that fails to be drawn has still been recorded. */
function draw(recorded, { graph, picture, graphviz }) {
  const size = recorded.ops.length;
  if (size === 0) return { svg: "", problem: "" };
  if (size > MOST_OPERATIONS) return { svg: "", problem: tooLarge(size) };
  const described = graph(recorded);
  if (!described) return { svg: picture(recorded, ""), problem: "" }; // laid out by vizgrad itself
  const { status, output, errors } = graphviz.render(described, { format: "json" });
  if (status !== "success") return { svg: "", problem: errors.map(({ message }) => message).join(" ") };
  return { svg: picture(recorded, output), problem: "" };
}

function tooLarge(size) {
  const advice = "Put the part to look at into a block that begins with “with vg.record():”; it alone is shown.";
  return `It has ${size} operations, and more than ${MOST_OPERATIONS} cannot be read. ${advice}`;
}

function reportFatal(error) {
  postMessage({ fatal: String(error?.message ?? error).slice(0, 2000) });
}

try {
  const tools = await boot();
  self.onmessage = ({ data }) => {
    try {
      (data.exercise === undefined ? run : check)(tools, data);
    } catch (error) {
      reportFatal(error);
    }
  };
  postMessage({ phase: "ready" });
} catch (error) {
  reportFatal(error);
}
