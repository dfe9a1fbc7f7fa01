// The sliders under a ravine, <div data-descent>: gradient descent with momentum on (x² + h y²) / 2, computed as they move.
// The page brings the drawing and the sentence for the first setting; here only their numbers change.
import { element, field } from "./calculators.js";

const START = [-9, 2];
const STEPS = 40;
const FAR = 1e3; // a path ends where it leaves this: a browser draws no larger numbers
const SLIDERS = {
  alpha: ["step size α", 0.01, 0.3, 0.01],
  beta: ["momentum β", 0, 0.99, 0.01],
  curvature: ["curvature h across the ravine", 1, 40, 1],
};

/** Every point of the path, [x, y], from the start: v ← g + β v, then w ← w − α v. */
export function descend({ alpha, beta, curvature }) {
  const slopes = [1, curvature];
  let [point, velocity] = [START, [0, 0]];
  const path = [point];
  for (let step = 0; step < STEPS; step += 1) {
    velocity = point.map((w, i) => slopes[i] * w + beta * velocity[i]);
    point = point.map((w, i) => w - alpha * velocity[i]);
    path.push(point);
  }
  return path;
}

/** What the sentence under the sliders says. */
export function told(settings) {
  const { alpha, beta, curvature } = settings;
  const [withIt, without] = [settings, { ...settings, beta: 0 }].map((one) => {
    const [x, y] = descend(one).at(-1);
    return short((x ** 2 + curvature * y ** 2) / 2);
  });
  const [step, limit] = [alpha * curvature, 2 * (1 + beta)];
  // Products of decimals are off by their last bit.
  const where = Math.abs(step - limit) < 1e-9 ? "at the limit" : step < limit ? "stable" : "it diverges";
  return `After ${STEPS} steps the loss is ${withIt}; without momentum it is ${without}. ` +
    `α h = ${short(step)}, and the limit 2 (1 + β) is ${short(limit)}: ${where}.`;
}

/** A number with three digits, as the pages write it. */
function short(value) {
  if (!Number.isFinite(value)) return "beyond all numbers";
  const text = value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e3) ? value.toExponential(2) : value.toPrecision(3);
  return text.replace(/\.?0+(?=e|$)/, "").replace("e+", "e");
}

function lineOf(path) {
  const end = path.findIndex((point) => point.some((value) => !(Math.abs(value) <= FAR)));
  return (end < 0 ? path : path.slice(0, end + 1)).map((point) => point.map((value) => value.toPrecision(6)).join());
}

function mount(place) {
  const said = place.querySelector("output");
  const inputs = Object.entries(SLIDERS).map(([name, [label, min, max, step]]) => {
    const input = element("input", { type: "range", name, min, max, step, value: place.dataset[name] });
    return { name, label, input, shown: element("span") };
  });
  const update = () => {
    const settings = Object.fromEntries(inputs.map(({ name, input }) => [name, Number(input.value)]));
    for (const { label, input, shown } of inputs) shown.textContent = `${label}: ${Number(input.value)}`;
    for (const ring of place.querySelectorAll("ellipse"))
      ring.setAttribute("ry", Number(ring.getAttribute("rx")) / Math.sqrt(settings.curvature));
    [settings, { ...settings, beta: 0 }].forEach((one, i) => {
      const points = lineOf(descend(one));
      const [line, dots] = place.querySelectorAll(`svg .vg-path-${i + 1} path`);
      line.setAttribute("d", `M${points.join(" ")}`);
      dots.setAttribute("d", points.map((point) => `M${point}h0`).join(""));
    });
    said.textContent = told(settings);
  };
  const form = element("form", {}, ...inputs.map(({ shown, input }) => field(shown, input)));
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  place.prepend(form);
  update();
}

document$.subscribe(({ body }) => {
  for (const place of body.querySelectorAll("[data-descent]:not([data-ready])")) {
    place.dataset.ready = "";
    mount(place);
  }
});
