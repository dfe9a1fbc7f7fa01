// The state after each step, looked up in lists that are made once: nothing is computed again, so that stepping,
// scrubbing and jumping to a step show the same.

const PHASES = {
  forward: "forward",
  failed: "failed",
  start: "backward",
  backward: "backward",
  accumulate: "backward",
  update: "update",
  zero: "update",
};

/** The last of the sorted [step, ...] entries at or before step k. */
function latest(changes, k) {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle][0] <= k) low = middle + 1;
    else high = middle;
  }
  return changes[low - 1];
}

export class Timeline {
  #trace;
  #values = new Map(); // tensor id -> [[step, place in arrays], ...]
  #grads = new Map(); // the same, with null where the gradient was forgotten
  #arrivals = new Map(); // tensor id -> [[step, arrived, of], ...]
  #fired = new Map(); // op id -> its forward step
  #flights = []; // contributions: where from, where to, when sent and when landed
  #starts = [];

  constructor(trace) {
    this.#trace = trace;
    this.read();
  }

  /** Looks through the steps: once, and again whenever the numbers in the trace are others. */
  read() {
    const trace = this.#trace;
    [this.#flights, this.#starts] = [[], []];
    for (const tensor of trace.tensors) {
      this.#values.set(tensor.id, tensor.source === null ? [[-1, tensor.array]] : []);
      this.#grads.set(tensor.id, Number.isInteger(tensor.grad) ? [[-1, tensor.grad]] : []);
      this.#arrivals.set(tensor.id, []);
    }
    trace.steps.forEach((step, k) => this.#enter(step, k));
  }

  get length() {
    return this.#trace.steps.length;
  }

  step(k) {
    return this.#trace.steps[k];
  }

  phase(k) {
    return this.length ? PHASES[this.step(k).kind] : "forward";
  }

  /** The place of a tensor's value in the trace's arrays; null before it was computed. */
  value(id, k) {
    return latest(this.#values.get(id), k)?.[1] ?? null;
  }

  /** The place of a tensor's gradient; null while none has arrived. */
  grad(id, k) {
    return latest(this.#grads.get(id), k)?.[1] ?? null;
  }

  /** How many gradients have arrived at a tensor in this walk, and how many it expects. */
  arrival(id, k) {
    const [, arrived, of] = latest(this.#arrivals.get(id), k) ?? [0, 0, 0];
    return { arrived, of, waiting: arrived > 0 && arrived < of };
  }

  /** Whether an op has run; one that ran before the recording began has. */
  fired(op, k) {
    return (this.#fired.get(op) ?? -1) <= k;
  }

  /** The step at which an op ran forward, if it was recorded. */
  firing(op) {
    return this.#fired.get(op) ?? null;
  }

  /** Contributions of the current walk: travelling along their edge, landing at this very step, or landed. */
  flights(k) {
    const start = this.walk(k);
    return this.#flights
      .filter((flight) => flight.sent <= k && flight.sent > start)
      .map((flight) => ({ ...flight, state: k < flight.landed ? "travels" : k === flight.landed ? "lands" : "landed" }));
  }

  /** The step at which the latest backward began, or the number of steps if none has. */
  walk(k) {
    return latest(this.#starts, k)?.[0] ?? this.length;
  }

  /** What takes part in a step: ids of tensors and ops, and edges as "op:port" or "op:tensor". */
  active(k) {
    const active = { tensors: new Set(), ops: new Set(), edges: new Set() };
    const step = this.step(k);
    if (!step) return active;
    if (["forward", "failed", "backward"].includes(step.kind)) this.#activate(step, active);
    if (["start", "accumulate", "update"].includes(step.kind)) active.tensors.add(step.tensor);
    if (step.kind === "accumulate") active.edges.add(`${step.op}:${step.port}`);
    for (const id of step.tensors) active.tensors.add(id);
    return active;
  }

  #activate(step, active) {
    const op = this.#trace.op(step.op);
    active.ops.add(op.id);
    op.inputs.forEach((_, port) => {
      if (step.kind !== "backward" || Number.isInteger(step.gradients[port])) active.edges.add(`${op.id}:${port}`);
    });
    for (const id of op.outputs) {
      active.edges.add(`${op.id}:${id}`);
      if (step.kind === "forward") active.tensors.add(id);
    }
  }

  /** The next step (or with -1 the one before) at which a tensor's value or gradient changes; null if there is none. */
  change(id, k, direction = 1) {
    const steps = [...this.#values.get(id), ...this.#grads.get(id)].map(([step]) => step);
    const there = steps.filter((step) => step >= 0 && (direction > 0 ? step > k : step < k));
    return there.length ? (direction > 0 ? Math.min(...there) : Math.max(...there)) : null;
  }

  /** The step at which an op runs backward after (or at) step k, else the last one. */
  backwardOf(op, k) {
    const steps = this.#trace.steps.flatMap((step, i) => (step.kind === "backward" && step.op === op ? [i] : []));
    return steps.find((i) => i >= k) ?? steps.at(-1) ?? null;
  }

  /** Runs of steps of one phase. */
  get zones() {
    const zones = [];
    for (let k = 0; k < this.length; k += 1) {
      const last = zones.at(-1);
      if (last?.phase === this.phase(k)) last.to = k;
      else zones.push({ phase: this.phase(k), from: k, to: k });
    }
    return zones;
  }

  /** The steps at which a tensor with several consumers receives a gradient. */
  get ticks() {
    return this.#trace.steps.flatMap((step, k) => (step.kind === "accumulate" && step.of > 1 ? [k] : []));
  }

  /** The step that an author means: a number, "start", "end", or "wait", the first at which a tensor waits. */
  resolve(wanted) {
    const last = Math.max(this.length - 1, 0);
    if (wanted === "end") return last;
    if (wanted === "wait") {
      return Math.max(this.#trace.steps.findIndex((step) => step.kind === "accumulate" && step.arrived < step.of), 0);
    }
    const k = Number.parseInt(wanted, 10);
    return Number.isNaN(k) ? 0 : Math.min(Math.max(k, 0), last);
  }

  #enter(step, k) {
    if (step.kind === "forward") {
      this.#fired.set(step.op, k);
      for (const id of this.#trace.op(step.op).outputs) this.#values.get(id).push([k, this.#trace.tensor(id).array]);
    } else if (step.kind === "failed") {
      this.#fired.set(step.op, k);
    } else if (step.kind === "start") {
      this.#starts.push([k]);
      this.#grads.get(step.tensor).push([k, step.after ?? step.array]);
      for (const [id, arrivals] of this.#arrivals) arrivals.push([k, 0, step.expected[id] ?? 0]);
    } else if (step.kind === "backward") {
      this.#send(step, k);
    } else if (step.kind === "accumulate") {
      this.#land(step, k);
    } else if (step.kind === "update") {
      this.#values.get(step.tensor).push([k, step.after]);
    }
    for (const id of step.tensors) this.#grads.get(id).push([k, null]);
  }

  #send(step, k) {
    this.#trace.op(step.op).inputs.forEach((input, port) => {
      const array = step.gradients[port];
      if (Number.isInteger(array)) {
        this.#flights.push({ op: step.op, port, tensor: input.tensor, array, sent: k, landed: Infinity });
      }
    });
  }

  #land(step, k) {
    this.#grads.get(step.tensor).push([k, step.after]);
    this.#arrivals.get(step.tensor).push([k, step.arrived, step.of]);
    const flight = this.#flights.findLast((one) => one.op === step.op && one.port === step.port);
    if (flight?.landed === Infinity) flight.landed = k;
  }
}
