// The files of Python, as the manifest lists them: all asked for at once, checked, and counted while they come.
//
// Their names hold a hash of their content, so whatever the browser has kept of them is right, and what it has not kept
// cannot be mistaken. Pyodide asks for them by the names that it knows.

export const FOLDER = new URL("../vendor/pyodide/", import.meta.url).href;

const STEPS = 20; // how often progress is told
const isModule = (name) => /\.m?js$/.test(name);

export class Download {
  #files;
  #answers = new Map(); // what is not a module, by the name that Pyodide knows
  #modules = new Map();
  #loaded = 0;
  #told = 0;
  #total;
  #onProgress;

  constructor({ files, bytes }, onProgress) {
    this.#files = files;
    this.#total = bytes;
    this.#onProgress = onProgress;
    for (const name of Object.keys(files)) {
      if (isModule(name)) this.#modules.set(name, this.#import(name));
      else this.#answers.set(name, this.#fetch(name));
    }
    const all = [...this.#modules.values(), ...this.#answers.values()];
    /** Resolves when all is there. */
    this.done = Promise.all(all.map(async (file) => (await file).counted));
    /** Rejects when something does not come; never resolves. */
    this.failure = new Promise((_, reject) => this.done.catch(reject));
    this.failure.catch(() => {}); // whoever awaits it will hear
  }

  async module(name) {
    return (await this.#modules.get(name)).module;
  }

  async text(name) {
    return (await this.#answers.get(name)).answer.text();
  }

  /** The files in a compressed tar archive: pairs of a path and bytes. */
  async unpacked(name) {
    const { body } = (await this.#answers.get(name)).answer;
    const unpacked = new Response(body.pipeThrough(new DecompressionStream("gzip")));
    return [...members(new Uint8Array(await unpacked.arrayBuffer()))];
  }

  /** Calls something whose requests for the files, by the names in the manifest, are answered from here. */
  async serve(call) {
    const { fetch } = self;
    self.fetch = async (address, options) => {
      const file = this.#answers.get(new URL(address, FOLDER).href.replace(FOLDER, ""));
      return file ? (await file).answer : fetch(address, options);
    };
    try {
      return await call();
    } finally {
      self.fetch = fetch;
    }
  }

  async #import(name) {
    const { file, bytes } = this.#files[name];
    const module = await import(FOLDER + file);
    this.#count(bytes);
    return { module };
  }

  async #fetch(name) {
    const { file, integrity } = this.#files[name];
    const ask = (cache) => fetch(FOLDER + file, { integrity, cache });
    // What the browser has kept is good for ever, unless it is damaged.
    const answer = await ask("force-cache").catch(() => ask("reload"));
    return { answer, counted: this.#follow(answer.clone().body.getReader()) };
  }

  async #follow(reader) {
    for (let part = await reader.read(); !part.done; part = await reader.read()) this.#count(part.value.length);
  }

  #count(bytes) {
    this.#loaded += bytes;
    if (this.#loaded - this.#told < this.#total / STEPS && this.#loaded < this.#total) return;
    this.#told = this.#loaded;
    this.#onProgress(this.#loaded);
  }
}

const BLOCK = 512; // bytes: in a tar archive, a header and each file fill as many of these as they need

/** What is in a tar archive (the format that POSIX calls ustar). */
function* members(archive) {
  for (let at = 0; archive[at]; ) {
    const field = (offset, length) => String.fromCharCode(...archive.subarray(at + offset, at + offset + length)).replace(/\0.*$/s, "");
    const path = [field(345, 155), field(0, 100)].filter(Boolean).join("/");
    const [start, size] = [at + BLOCK, parseInt(field(124, 12), 8)];
    yield [path, archive.subarray(start, start + size)];
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
}
