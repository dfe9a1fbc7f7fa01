// A tool that goes to the places that are often looked for, and to those that the reader has marked.
import { choice, html } from "./dom.js";
import { say, tensorName } from "./card.js";
import { markName } from "./marks.js";

const allFinite = ({ data, summary }) => (data ? data.every((x) => Number.isFinite(Number(x))) : summary.nonfinite === 0);
const allZero = ({ data, summary }) => (data ? data.every((x) => !x) : summary.min === 0 && summary.max === 0);
const PLACES = {
  "First NaN or infinity": (trace, step) => arraysMade(trace, step).some((array) => !allFinite(array)),
  "First zero gradient": (trace, step) => step.kind === "accumulate" && step.arrived === step.of && allZero(trace.array(step.after)),
  "First wait": (trace, step) => step.arrived < step.of,
  Backward: (trace, step) => step.kind === "start",
  Update: (trace, step) => step.kind === "update",
};

function arraysMade(trace, step) {
  const made = step.kind === "forward" ? trace.op(step.op).outputs.map((id) => trace.tensor(id).array) : [];
  return [...made, ...step.gradients, step.after].map((place) => trace.array(place)).filter(Boolean);
}

/** The places that there are in a trace: their name, their step, and what changes there. */
export function placesOf(trace) {
  return Object.entries(PLACES).flatMap(([name, test]) => {
    const k = trace.steps.findIndex((step) => test(trace, step));
    const { tensor, op } = trace.steps[k] ?? {};
    return k < 0 ? [] : [{ name, k, where: tensor ? tensorName(trace, trace.tensor(tensor)) : op ? trace.op(op).op : "" }];
  });
}

export const goTo = {
  open(figure, panel) {
    const { trace, marks } = figure;
    const list = html("div.vg-choices");
    const places = placesOf(trace).map(({ name, k, where }) => choice([name, html("span.vg-quiet", ` ${where} · ${k}`)], () => figure.go(k)));
    const help = say("A line number of the program, or “Stop here” in the details of a node, sets a mark. Playing stops there, and Shift with ← or → goes from mark to mark.");
    panel.append(html("div.vg-choices", places), help, list);
    const next = (mark) => figure.go(marks.stepsOf(mark).find((k) => k > figure.step) ?? marks.stepsOf(mark)[0]);
    return {
      show() {
        const all = marks.list.map((mark) => choice([html("span.vg-flag"), markName(trace, mark)], () => next(mark)));
        const clear = marks.list.length ? choice("Remove all marks", () => (figure.element.marks = [])) : null;
        list.replaceChildren(...all, ...[clear].filter(Boolean));
      },
    };
  },
};
