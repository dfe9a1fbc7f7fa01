// The playground's own session. Its text outlives a reload of the page; a new visit only if the reader wants that.
import { Session } from "./session.js";

const KEY = "vizgrad-playground";

class Work extends Session {
  chosen = ""; // the name of the start program; empty for one from a link
  link = ""; // the fragment that it came from

  constructor() {
    super();
    Object.assign(this, restored("sessionStorage") ?? restored("localStorage"));
  }

  open({ chosen, link = this.link, ...program }) {
    super.open(program);
    Object.assign(this, { chosen, link });
    this.#keep();
  }

  edit(source) {
    super.edit(source);
    this.#keep();
  }

  /** Whether this browser keeps the program for the next visit. */
  get isKept() {
    return stored("localStorage") !== null;
  }

  /** Keeps it from now on, or forgets it. Answers whether the browser has done so. */
  setKept(wanted) {
    if (wanted) store("localStorage", this.#text());
    else forget("localStorage");
    return this.isKept === wanted;
  }

  #text() {
    const { source, start, chosen, link } = this;
    return JSON.stringify({ source, start, chosen, link });
  }

  #keep() {
    store("sessionStorage", this.#text());
    if (this.isKept) store("localStorage", this.#text());
  }
}

// Storage may be full, or forbidden even to name: then a text is lost with its page, as on most pages.

function stored(storage) {
  try {
    return window[storage].getItem(KEY);
  } catch {
    return null;
  }
}

function store(storage, text) {
  try {
    window[storage].setItem(KEY, text);
  } catch {
    // See above.
  }
}

function forget(storage) {
  try {
    window[storage].removeItem(KEY);
  } catch {
    // See above.
  }
}

function restored(storage) {
  try {
    const { source, start, chosen, link } = JSON.parse(stored(storage));
    const kept = { source, start, chosen, link };
    return Object.values(kept).every((text) => typeof text === "string") ? kept : null;
  } catch {
    return null;
  }
}

export const work = new Work();
