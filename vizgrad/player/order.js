// The order lab: the same graph, walked back in four orders. Each op sends what its own gradient is at that moment; so an
// op that is visited too early, or twice, sends too little or too much, and the first such visit is where a walk goes wrong.
import { html } from "./dom.js";
import { joined, say, tensorLink, tensorName } from "./card.js";
import { short } from "./numbers.js";
import { added, fire, replayOf, walkShown } from "./replay.js";

const MOST_VISITS = 400; // recursion visits an op once for each path to it
const MOST_SHOWN = 28;

export const orderLab = {
  open(figure, panel) {
    const { problem } = replayOf(figure.trace);
    panel.append(problem ? say(`Only Python can compute this figure again: ${problem}.`) : say("What every order gives for this graph, with the library's own gradient of each operation. The first visit that goes wrong is marked."));
    if (problem) return null;
    const policies = html("div.vg-policies");
    panel.append(policies);
    let shown = null;
    const show = (k) => {
      const start = walkShown(figure, k);
      if (shown === `${start} ${figure.trace.arrays.length}` && !figure.element.querySelector(".vg-mine:not([hidden])")) return;
      shown = `${start} ${figure.trace.arrays.length}`;
      const results = walks(figure.trace, figure.timeline, start);
      policies.replaceChildren(...results.map((result) => policyCard(figure, result, results[0])));
    };
    return { show };
  },
};

// --- walking -------------------------------------------------------------------------------------------------------------

const POLICIES = {
  "Latest first": ["The library's way: operations in the reverse of the order of computing.", (ops) => ops.toReversed()],
  Recursion: ["Each op sends, then each of its inputs' makers does the same.", (ops, next, last) => paths(last, next, (op, rest) => [op, ...rest])],
  "Once, on the way down": ["Recursion, but each op only the first time.", (ops, next, last) => [...new Set(paths(last, next, (op, rest) => [op, ...rest], new Set()))]],
  "Once, on the way up": ["First all that it was made of, then the op itself.", (ops, next, last) => paths(last, next, (op, rest) => [...rest, op], new Set())],
};

function paths(op, next, arrange, seen = null) {
  let count = 0;
  const from = (one) => {
    if (!one || seen?.has(one) || (count += 1) > MOST_VISITS) return [];
    seen?.add(one);
    return arrange(one, next(one).flatMap(from));
  };
  return from(op);
}

/** All policies from the loss of the walk that begins at `start`: visits, gradients, and the first visit that goes wrong. */
export function walks(trace, timeline, start) {
  const { tensor: loss, array } = trace.steps[start];
  const wanted = (id) => trace.tensor(id).requires_grad;
  const next = (op) => op.inputs.filter(({ tensor }) => wanted(tensor)).map(({ tensor }) => trace.maker(trace.tensor(tensor)));
  const last = trace.maker(trace.tensor(loss));
  const reached = new Set(paths(last, next, (op, rest) => [op, ...rest], new Set()));
  const ops = trace.ops.filter((op) => reached.has(op));
  const valueAt = (id, op) => trace.array(timeline.value(id, timeline.firing(op.id)));
  const fired = new Map(ops.map((op) => [op, fire(trace, op, op.inputs.map(({ tensor }) => valueAt(tensor, op)))]));
  const results = Object.entries(POLICIES).map(([name, [how, visiting]]) => {
    const visits = visiting(ops, next, last);
    const grads = new Map([[loss, trace.array(array)]]);
    const passed = visits.map((op) => {
      const { out, back } = fired.get(op);
      const upstream = grads.get(op.outputs[0]) ?? { ...out, data: out.data.map(() => 0) };
      back(upstream).forEach((gradient, port) => {
        const { tensor } = op.inputs[port];
        if (wanted(tensor)) grads.set(tensor, added(grads.get(tensor), gradient));
      });
      return upstream;
    });
    return { name, how, visits, passed, grads };
  });
  const [right] = results;
  const complete = (op, upstream) => alike(upstream, right.grads.get(op.outputs[0]));
  for (const result of results) {
    const { visits, passed } = result;
    result.wrong = visits.findIndex((op, i) => !complete(op, passed[i]) || visits.indexOf(op) < i);
    result.leaves = trace.tensors.filter(({ id, source }) => source === null && right.grads.has(id)).map(({ id }) => id);
  }
  return results;
}

function alike(a, b) {
  const largest = b.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-12);
  return Boolean(a) && b.data.every((x, i) => Math.abs(x - a.data[i]) <= 1e-9 * largest);
}

// --- showing -------------------------------------------------------------------------------------------------------------

function policyCard({ trace, choose }, { name, how, visits, passed, grads, leaves, wrong }, right) {
  const gradient = (one, id) => (one.grads.has(id) ? short(one.grads.get(id)) : "0");
  const leaf = (id) => {
    const good = alike(grads.get(id) ?? null, right.grads.get(id));
    const text = good ? ` = ${gradient({ grads }, id)} ✓` : ` = ${gradient({ grads }, id)} ✗ (${gradient(right, id)})`;
    return html(good ? "span" : "span.vg-wrong", tensorLink(trace, id), "∇", text);
  };
  const chip = (op, i) => {
    const kind = wrong < 0 || i < wrong ? "" : i === wrong ? ".vg-blame" : ".vg-after";
    const label = `visit ${i + 1}: ${op.op} of ${tensorName(trace, trace.tensor(op.outputs[0]))}${i === wrong ? ", the first that goes wrong" : ""}`;
    const button = html(`button.vg-visit${kind}`, { type: "button", "aria-label": label, title: label }, chipName(trace, op));
    button.addEventListener("click", () => choose(op.id));
    return html("li", button);
  };
  const more = visits.length - MOST_SHOWN;
  return html(
    "div.vg-policy",
    html("p", name),
    say(how),
    html("ol.vg-visits", visits.slice(0, MOST_SHOWN).map(chip), more > 0 ? html("li", `and ${visits.length >= MOST_VISITS ? "very many" : more} more`) : null),
    html("p", joined(leaves.slice(0, 6).map(leaf)), leaves.length > 6 ? ` and ${leaves.length - 6} more` : ""),
    wrong < 0 ? say("Every visit finds its gradient complete.") : blame(trace, visits, passed, wrong, right),
  );
}

function chipName(trace, op) {
  const { name } = trace.tensor(op.outputs[0]);
  return name && name.length <= 8 ? name : trace.symbol(op);
}

function blame(trace, visits, passed, wrong, right) {
  const op = visits[wrong];
  const [id] = op.outputs;
  const [has, should] = [short(passed[wrong]), short(right.grads.get(id))];
  const again = visits.indexOf(op) < wrong;
  return say(`Visit ${wrong + 1}: `, tensorLink(trace, id), again ? `∇ = ${has} is passed on a second time.` : `∇ is passed on as ${has}, but it will be ${should}.`);
}
