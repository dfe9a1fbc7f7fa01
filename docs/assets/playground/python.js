// Python for all pages of the site: one interpreter in a worker, which stays warm when the theme swaps pages, and a
// second one in reserve, so that a program can be stopped at once. Nothing is downloaded before somebody asks for it.
import { startWorker } from "./sandbox.js";

const MANIFEST = new URL("../vendor/manifest.json", import.meta.url);
const PATIENCE = 60_000; // ms without a sign of life, after which booting has failed
const LIMIT = 10_000; // ms that a program may run
const RESERVE_DELAY = 1_000; // ms after a run, so that the two do not compete

let manifest = null; // a promise of it

/** What Python consists of, a kilobyte of text: the loader needs it first, and a reader wants to know how much it is. */
function fetchManifest() {
  manifest ??= fetch(MANIFEST, { cache: "no-cache" }).then((answer) => answer.json());
  manifest.catch(() => (manifest = null)); // to be tried again
  return manifest;
}

function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}

function secondsSince(time) {
  return (performance.now() - time) / 1000;
}

/** Whether a second Python, of about 150 MB, is too much to ask for. Not every browser tells how much there is. */
function isScarce() {
  const memory = navigator.deviceMemory ?? (matchMedia("(pointer: coarse)").matches ? 2 : 8); // in GB
  return memory < 4 || Boolean(navigator.connection?.saveData);
}

/** One worker with Python in it: boots, runs a program at a time, and ends for good. */
export class Interpreter {
  phase = "downloading";
  loaded = 0; // bytes of Python's files
  spent = false; // whether it should not be used for another run
  trace = null; // of the last program, as JSON, as soon as it is there: the drawing may still take a while
  #ready = deferred();
  #answer = null;
  #onPhase;
  #onOutput = () => {};
  #worker = null;
  #watchdog = 0;
  #ended = false;

  constructor(onPhase) {
    this.#onPhase = onPhase;
    this.#ready.promise.catch(() => {}); // whoever waits for it will hear
    this.#start().catch(({ message }) => this.#fail(message));
  }

  /** Resolves when programs can be run; rejects when Python cannot be started. */
  get ready() {
    return this.#ready.promise;
  }

  /** Runs a program; resolves to its drawing, and then `trace` is there. Or grades an answer; resolves to `{verdict}`. */
  run(request, onOutput) {
    this.trace = null;
    this.#onOutput = onOutput;
    this.#answer = deferred();
    this.#worker.postMessage(request);
    return this.#answer.promise;
  }

  end() {
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#worker?.terminate();
  }

  async #start() {
    this.#watch();
    const worker = await startWorker("worker.js", await fetchManifest());
    if (this.#ended) return worker.terminate();
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || "its files could not be loaded");
    };
  }

  #hear({ loaded, phase, output, trace, svg, problem, verdict, spent, fatal }) {
    if (this.#ended) return;
    if (this.phase !== "ready") this.#watch();
    if (spent) this.spent = true;
    if (loaded) this.#note({ loaded });
    if (phase) this.#enter(phase);
    if (output) this.#onOutput(output);
    if (trace) this.#note({ trace });
    if (svg !== undefined) this.#answer?.resolve({ svg, problem });
    if (verdict) this.#answer?.resolve({ verdict });
    if (fatal) this.#fail(fatal);
  }

  #enter(phase) {
    this.phase = phase;
    if (phase === "ready") {
      clearTimeout(this.#watchdog);
      this.#ready.resolve();
    }
    this.#onPhase(this);
  }

  #note(news) {
    Object.assign(this, news);
    this.#onPhase(this);
  }

  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#fail("there was no sign of life for a minute"), PATIENCE);
  }

  #fail(reason) {
    this.end();
    this.phase = "failed";
    const error = new Error(reason);
    this.#ready.reject(error);
    this.#answer?.reject(error);
    this.#onPhase(this);
  }
}

/**
 * The site's Python. Its `phase` is off, downloading, starting, loading, ready, running, drawing or failed; a "phase"
 * event tells of each change, and of each step of the download.
 */
class Python extends EventTarget {
  #current = null;
  #reserve = null;
  #run = null; // what the caller of run() waits for; `started` is when the program began
  #total = null; // bytes

  constructor() {
    super();
    // No event: nothing has happened yet, and a page may be saying something else. If this fails, starting will tell.
    fetchManifest().then(
      ({ bytes }) => (this.#total = bytes),
      () => {},
    );
  }

  get phase() {
    if (this.#run?.started) return this.#current.trace ? "drawing" : "running";
    return this.#current?.phase ?? "off";
  }

  /** Bytes of the download: how many there are (null: not known yet), and how many have come. */
  get size() {
    return { total: this.#total, loaded: this.#current?.loaded ?? 0 };
  }

  /** Whether there is room for a second Python. */
  get hasRoom() {
    return !isScarce();
  }

  /** Whether a second Python stands by, so that a program can be stopped at once. */
  get standby() {
    return this.#reserve?.phase === "ready";
  }

  /** Starts Python, if it is not there yet: call it when somebody seems about to run something. */
  warm() {
    if (this.#current === null || this.#current.phase === "failed") this.#current = this.#boot();
  }

  /**
   * Runs a program. Resolves to `{trace, svg, problem, seconds}`, where `problem` says why there is no drawing;
   * to `{stopped: "asked" | "limit"}`; or to `{failed: reason, started}`, when Python itself did not start or broke
   * down.
   */
  run(source, options) {
    return this.#perform({ source }, options);
  }

  /**
   * Grades an answer to an exercise. Resolves to `{verdict, seconds}`, or to what `run` says about a program that did
   * not come to its end.
   */
  check(exercise, answer, options) {
    return this.#perform({ exercise, answer }, options);
  }

  /** Whether a program is running, of whichever page. */
  get busy() {
    return this.#run !== null;
  }

  async #perform(request, { limit = LIMIT, onOutput = () => {} } = {}) {
    if (this.#run) throw new Error("Python is running another program.");
    const run = (this.#run = deferred());
    this.warm();
    this.#start(run, request, limit, onOutput).catch(({ message }) => {
      run.resolve({ failed: message, started: run.started !== undefined });
    });
    try {
      return await run.promise;
    } finally {
      clearTimeout(run.timer);
      this.#run = null;
      if (this.#current.spent) this.#replace();
      this.#tell();
      if (this.#current.phase === "ready") setTimeout(() => this.#keepReserve(), RESERVE_DELAY);
    }
  }

  /** Ends the program that runs, or that waits for Python to start. */
  stop() {
    this.#halt("asked");
  }

  async #start(run, request, limit, onOutput) {
    const interpreter = this.#current;
    await interpreter.ready;
    if (this.#run !== run) return;
    run.started = performance.now();
    run.timer = setTimeout(() => this.#halt("limit"), limit);
    try {
      const answer = interpreter.run(request, onOutput);
      this.#tell();
      const { verdict, ...drawing } = await answer;
      const seconds = secondsSince(run.started);
      if (verdict) run.resolve({ verdict: JSON.parse(verdict), seconds });
      else run.resolve({ trace: JSON.parse(interpreter.trace), ...drawing, seconds });
    } catch (error) {
      if (this.#run === run) this.#replace();
      throw error;
    }
  }

  #halt(stopped) {
    if (!this.#run) return;
    const { started, resolve } = this.#run;
    const { trace } = this.#current;
    if (started) this.#replace();
    if (!started || !trace) return resolve({ stopped });
    const problem = "Placing its nodes took too long.";
    resolve({ trace: JSON.parse(trace), svg: "", problem, seconds: secondsSince(started) });
  }

  #replace() {
    this.#current.end();
    this.#current = this.#reserve ?? this.#boot();
    this.#reserve = null;
  }

  #keepReserve() {
    if (this.hasRoom && !this.#reserve && this.#current.phase === "ready") this.#reserve = this.#boot();
  }

  #boot() {
    return new Interpreter((interpreter) => {
      if (interpreter === this.#current) this.#tell();
      else if (interpreter.phase === "failed" && interpreter === this.#reserve) this.#reserve = null;
    });
  }

  #tell() {
    this.dispatchEvent(new Event("phase"));
  }
}

export const python = new Python();
