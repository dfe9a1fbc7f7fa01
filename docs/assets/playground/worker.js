// Python in a worker: boots once, then runs one program after the other.
//
// It is told {source} and answers with any number of {output}, then {trace}, then {svg, problem, spent}; or it is told
// {exercise, answer} and answers with {output}s, then {verdict, spent}. While it boots it says {loaded}, in bytes, and
// {phase}; {phase: "ready"} is the last. After {fatal} it is of no use any more; where it is `spent`, it had better end.
import { FOLDER, Download } from "./download.js";

const MOST_OPERATIONS = 300; // in a drawing: more take seconds to show, and nobody finds their way in them
const LONGEST_OUTPUT = 200_000; // characters
const AT_ONCE = 2_000; // characters of output that are passed on piece by piece, in case an endless loop comes next
const PAUSE = 50; // ms between two messages after that: 100,000 lines must not become 100,000 messages
const PAGE = 2 ** 16; // bytes: the unit of WebAssembly's memory
const MOST_MEMORY = 2 ** 29; // bytes: beyond it Python says MemoryError, long before the browser's tab gives up
const KEPT_MEMORY = 2 ** 27; // bytes: this memory never shrinks, so an interpreter with more of it is not used again
const PACKAGES = "/lib/python3.12/site-packages";
const RUNNER = `${PACKAGES}/runner.py`; // not a file of the reader's, messages must see
// What a program could leave something in, for other pages at this address, should it ever get hold of JavaScript.
const WITHHELD = ["BroadcastChannel", "SharedWorker", "Worker", "caches", "indexedDB", "navigator"];

const tell = self.postMessage.bind(self);
let memory = null; // Python's

/** Boots Python from the files that the manifest lists, and from then on runs what it is told to. */
export async function boot(manifest) {
  try {
    const tools = await start(manifest);
    self.onmessage = ({ data }) => {
      try {
        (data.exercise === undefined ? run : check)(tools, data);
      } catch (error) {
        reportFatal(error);
      }
    };
    tell({ phase: "ready" });
  } catch (error) {
    reportFatal(error);
  }
}

async function start(manifest) {
  limitMemory();
  const download = new Download(manifest, (loaded) => tell({ loaded }));
  download.done.then(() => tell({ phase: "starting" })).catch(() => {}); // whoever awaits it will hear
  const graphviz = download.module("viz.js");
  const packages = download.unpacked("packages.bin");
  packages.catch(() => {}); // the download as a whole fails with it
  const [{ loadPyodide }] = await Promise.all([download.module("pyodide.mjs"), download.module("pyodide.asm.js")]);
  const options = {
    indexURL: FOLDER,
    jsglobals: Object.freeze(Object.create(null)), // what `import js` gives to programs: nothing
  };
  // Pyodide waits for ever for a file that does not come.
  const python = await Promise.race([download.serve(() => loadPyodide(options)), download.failure]);
  await download.done;
  tell({ phase: "loading" });
  install(python, await packages);
  const scope = python.globals.get("dict")();
  python.runPython(await download.text("runner.py"), { globals: scope, filename: RUNNER });
  const { instance } = await graphviz;
  const tools = { python, graphviz: await instance() };
  for (const name of ["record", "judge", "graph", "picture"]) tools[name] = scope.get(name);
  withhold();
  return tools;
}

/** Not by `loadPackage`: that would compile every library of NumPy, of which most programs need a few. */
function install({ FS }, files) {
  for (const [path, bytes] of files) {
    const place = `${PACKAGES}/${path}`;
    FS.mkdirTree(place.slice(0, place.lastIndexOf("/")));
    FS.writeFile(place, bytes, { canOwn: true });
  }
}

function limitMemory() {
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(options) {
      super({ ...options, maximum: MOST_MEMORY / PAGE });
      memory = this;
    }
  };
}

function withhold() {
  for (const name of WITHHELD) {
    for (let scope = self; scope; scope = Object.getPrototypeOf(scope)) delete scope[name];
  }
}

/** Passes on what is printed, much of it in large pieces. No timer can do that: a worker that computes hears none. */
function makeOutput() {
  let [waiting, room, last] = ["", LONGEST_OUTPUT, performance.now()];
  const flush = () => {
    if (waiting) tell({ output: waiting });
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
  const verdict = listening(python, (write) => judge(exercise, answer, write));
  tell({ verdict, spent: isSpent() });
}

function run({ python, record, ...drawing }, { source }) {
  const recorded = listening(python, (write) => record(source, write));
  tell({ trace: recorded.to_json() });
  tell({ ...draw(recorded, drawing), spent: isSpent() });
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

function isSpent() {
  return memory.buffer.byteLength > KEPT_MEMORY;
}

/** Of a Python traceback, the last line says what happened. */
function reportFatal(error) {
  const lines = String(error?.message ?? error).trim().split("\n");
  const reason = lines.at(-1).slice(0, 500);
  tell({ fatal: reason.startsWith("MemoryError") ? "the program needs more than the 512 MB of memory that it may have" : reason });
}
