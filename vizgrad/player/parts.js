// Of a graph that is too large to be drawn at once, the page holds drawings of parts, packed: each has the ops that ran
// one after another, with their tensors. One of them is unpacked when a reader comes to it.
import { safeDrawing } from "./sanitise.js";

export class Parts {
  #trace;
  #all; // [{ first, last, packed, drawing }]

  /** `templates` are those of the page; each names its first and last op. */
  constructor(templates, trace) {
    this.#trace = trace;
    this.#all = [...templates].map(({ dataset, content }) => {
      const [first, last] = dataset.ops.split(" ").map((id) => Number(id.slice(1)));
      return { first, last, packed: content.textContent, drawing: null };
    });
  }

  get count() {
    return this.#all.length;
  }

  /** Each as a page holds it: the names of its first and last op, and the packed drawing. */
  get packed() {
    return this.#all.map(({ first, last, packed }) => [`o${first} o${last}`, packed]);
  }

  /** The number of the part with an op, or with the op that made a tensor, else with the first that uses it; or -1. */
  of(id) {
    const tensor = this.#trace.tensor(id);
    const op = tensor ? (tensor.source ?? this.#trace.consumers(id)[0]?.id) : id;
    const at = Number(op?.slice(1));
    return this.#all.findIndex(({ first, last }) => first <= at && at <= last);
  }

  /** The drawing of a part, unpacked once. */
  async drawing(i) {
    const part = this.#all[i];
    part.drawing ??= unpacked(part.packed).then(safeDrawing);
    return part.drawing;
  }
}

function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}
