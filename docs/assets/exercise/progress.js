// What the reader has done, kept by this browser only: for each exercise, by its id, how many tries it took, whether it
// is done, what help was used, and the last text. A teacher may be given it as a file.
const KEY = "vizgrad-exercises";
const FORMAT = "vizgrad-exercises-1";
const LARGEST_FILE = 2_000_000; // bytes
const MOST = 1_000; // exercises
const LONGEST_TEXT = 20_000; // characters

/** Says in one sentence why a file cannot be read. */
export class ProgressError extends Error {}

class Progress extends EventTarget {
  #all = read(localStorageText());

  constructor() {
    super();
    window.addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return; // null: everything was cleared
      this.#all = read(localStorageText());
      this.#tell();
    });
  }

  /** What is known about an exercise. */
  of(uid) {
    return this.#all.get(uid) ?? nothing();
  }

  isDone(uid) {
    return this.of(uid).done !== "";
  }

  update(uid, changes) {
    this.#all.set(uid, { ...this.of(uid), ...changes });
    this.#keep();
  }

  /** Notes a try. The first right one is what counts. */
  note(uid, title, right) {
    const { tries, done } = this.of(uid);
    if (done) return;
    this.update(uid, { title, tries: tries + 1, done: right ? new Date().toISOString() : "" });
  }

  reset() {
    this.#all.clear();
    this.#keep();
    this.dispatchEvent(new Event("reset"));
  }

  /** Everything, as the text of a file. */
  exported() {
    const exercises = Object.fromEntries(this.#all);
    return JSON.stringify({ format: FORMAT, exported: new Date().toISOString(), exercises }, null, 2);
  }

  /** Takes a file in, beside what is there: what is done stays done. Gives how many exercises the file told of. */
  import(text) {
    if (text.length > LARGEST_FILE) throw new ProgressError("The file is too large to be one of this page.");
    const given = read(text, true);
    for (const [uid, theirs] of given) {
      const ours = this.of(uid);
      if (!ours.done || (theirs.done && theirs.done < ours.done)) this.#all.set(uid, theirs);
    }
    this.#keep();
    this.dispatchEvent(new Event("reset"));
    return given.size;
  }

  #keep() {
    try {
      localStorage.setItem(KEY, this.exported());
    } catch {
      // Full or forbidden: then it is forgotten with the page.
    }
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

function nothing() {
  return { title: "", tries: 0, done: "", hints: 0, solution: false, text: null };
}

function localStorageText() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** A file's exercises. Whatever is not exactly as this page writes it is left out, or refused if `strict`. */
function read(text, strict = false) {
  try {
    const { format, exercises } = JSON.parse(text);
    if (format !== FORMAT) throw new Error(format);
    const pairs = Object.entries(exercises).slice(0, MOST);
    return new Map(pairs.map(([uid, entry]) => [uid, checked(entry)]));
  } catch {
    if (strict) throw new ProgressError("This is no file that “Export” has made, or a part of it is missing.");
    return new Map();
  }
}

function checked({ title, tries, done, hints, solution, text }) {
  const counts = [tries, hints].every((count) => Number.isSafeInteger(count) && count >= 0);
  const texts = [title, done, text ?? ""].every((one) => typeof one === "string" && one.length <= LONGEST_TEXT);
  if (!counts || !texts || typeof solution !== "boolean") throw new Error("not an entry");
  if (done && Number.isNaN(Date.parse(done))) throw new Error("not a date");
  return { title, tries, done, hints, solution, text: text ?? null };
}

export const progress = new Progress();
