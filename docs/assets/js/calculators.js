// Calculators on the pages of the course: <div data-calculator="receptive-field">, "counting" and "vanishing".
// What stands in the element is for readers without JavaScript. Pages swap without a reload, so each page is looked at.
import { ACTIVATIONS, gradientNorms, parseDraws } from "./chain.js";
import { LineError, costs, parseBranches, parseStack, receptiveFields, rowsOf } from "./layers.js";

const vgg = [2, 2, 3, 3, 3].flatMap((convs) => [...Array(convs).fill("conv 3, padding 1"), "pool 2"]);
const STACKS = {
  "VGG16, to its second pool": [224, vgg.slice(0, 6).join("\n")],
  "VGG16, all convolutions and pools": [224, vgg.join("\n")],
  "Two convolutions, 32 rows": [32, "conv 5\npool 2\nconv 5\npool 2"],
  "LeNet-5, 32 rows": [32, "conv 5\npool 2\nconv 5\npool 2\nconv 5"],
  "Two convolutions, 28 rows": [28, "conv 5\npool 2\nconv 5\npool 2"],
  "Six convolutions, 28 rows": [
    28,
    "conv 4\nconv 3\nconv 5, padding 2\npool 3, stride 2\n" +
      "conv 3, padding 1\nconv 3, padding 1\nconv 3, padding 1\npool 3, stride 2",
  ],
};
const plain = (c) => `conv 1 ${c}\nconv 3 192\nconv 5 96\npool`;
const bottleneck = (c) => `conv 1 ${c}\nconv 1 64, conv 3 192\nconv 1 64, conv 5 96\npool, conv 1 64`;
const MODULES = {
  "Plain, 128 channels": plain(128),
  "Bottleneck, 128 channels": bottleneck(128),
  "Plain, 124 channels": plain(124),
  "Bottleneck, 124 channels": bottleneck(124),
};

const number = (value) => value.toLocaleString("en");

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

let count = 0;

/** A label and its control, one below the other; a hint is read out with the control. */
export function field(label, control, hint) {
  control.id = `vg-calculator-${++count}`;
  const parts = [element("label", { for: control.id }, label), control];
  if (hint) {
    control.setAttribute("aria-describedby", `${control.id}-hint`);
    parts.push(element("small", { id: `${control.id}-hint` }, hint));
  }
  return element("div", { class: "vg-calculator-field" }, ...parts);
}

function select(names) {
  const options = names.map((name) => element("option", { value: name }, name));
  return element("select", {}, ...options, element("option", { value: "" }, "your own"));
}

function numberInput(value, least) {
  return element("input", { type: "number", inputmode: "numeric", min: least, step: 1, value });
}

function textArea(rows) {
  return element("textarea", { rows, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
}

function table(caption, head, rows) {
  const cell = (tag, scope) => (text) => element(tag, scope ? { scope } : {}, text);
  return element(
    "table",
    { class: "vg-calculator-table" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head.map(cell("th", "col")))),
    element("tbody", {}, ...rows.map(([name, ...rest]) =>
      element("tr", {}, cell("th", "row")(name), ...rest.map(cell("td"))))),
  );
}

function typed(input, what, least) {
  const value = Number(input.value);
  if (input.value === "" || !Number.isInteger(value) || value < least || value > 1e6)
    throw new LineError(`${what} must be a whole number from ${least} to 1,000,000.`);
  return value;
}

/** Put controls and results into a place, and compute again whenever something is typed. */
function mount(place, fields, compute) {
  const said = element("p", { role: "status" });
  // It may scroll on a phone, and what scrolls must be within reach of the keyboard.
  const shown = element("div", { class: "vg-calculator-result", role: "region", "aria-label": "Result", tabindex: 0 });
  const form = element("form", {}, ...fields);
  const update = () => {
    try {
      const { sentence, parts } = compute();
      said.textContent = sentence;
      shown.replaceChildren(...parts);
      said.classList.remove("vg-calculator-error");
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      said.textContent = error.message;
      shown.replaceChildren();
      said.classList.add("vg-calculator-error");
    }
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  place.replaceChildren(form, said, shown);
  update();
}

/** The image as a strip, with the rows that a unit sees. */
function strip(rows, n) {
  const seen = element("span");
  const length = rows ? rows[1] - rows[0] + 1 : 0;
  seen.style.insetInlineStart = `${(100 * (rows ? rows[0] : 0)) / n}%`;
  seen.style.inlineSize = `${(100 * length) / n}%`;
  return element("div", { class: "vg-calculator-strip", "aria-hidden": "true" }, seen);
}

function receptiveField(place) {
  const [name, [rows, layers]] = Object.entries(STACKS)[0];
  const preset = select(Object.keys(STACKS));
  const size = numberInput(rows, 1);
  const unit = numberInput(20, 0);
  const text = textArea(8);
  preset.value = name;
  text.value = layers;
  preset.addEventListener("input", () => {
    if (preset.value) [size.value, text.value] = STACKS[preset.value];
    if (Number(unit.value) >= 1 && preset.value) {
      const stack = receptiveFields(parseStack(text.value), Number(size.value));
      unit.value = Math.floor((stack.at(-1).size - 1) / 2);
    }
  });
  for (const input of [size, text]) input.addEventListener("input", () => (preset.value = ""));
  const hint = "One layer on a line: a name, the kernel, the stride, the padding. Left out, the padding is 0, and the " +
    "stride is 1, or for a pool its kernel.";
  const fields = [
    field("A network", preset),
    field("Rows of the image", size),
    field("Layers", text, hint),
    field("Unit of the last layer", unit),
  ];
  mount(place, fields, () => {
    const n = typed(size, "The number of rows", 1);
    const stack = receptiveFields(parseStack(text.value), n);
    if (!stack.length) throw new LineError("Write at least one layer.");
    const last = stack.at(-1);
    const i = typed(unit, "The unit", 0);
    if (i >= last.size) throw new LineError(`The last layer has units 0 to ${last.size - 1}.`);
    const seen = rowsOf(last, i, n);
    const sentence = seen
      ? `Unit ${i} of ${number(last.size)} sees rows ${seen[0]} to ${seen[1]} of the image's 0 to ${n - 1}: ` +
        `${number(seen[1] - seen[0] + 1)} of the ${number(last.field)} rows of its field.`
      : `Unit ${i} sees nothing but padding.`;
    const head = ["layer", "units", "field", "jump", "start"];
    const cells = stack.map((layer) => [
      `${layer.name} ${layer.kernel}, ${layer.stride}, ${layer.padding}`,
      ...[layer.size, layer.field, layer.jump].map(number),
      number(layer.start).replace("-", "−"),
    ]);
    return { sentence, parts: [strip(seen, n), table("Layer: kernel, stride, padding", head, cells)] };
  });
}

function counting(place) {
  const [name, branches] = Object.entries(MODULES)[0];
  const preset = select(Object.keys(MODULES));
  const side = numberInput(32, 1);
  const channels = numberInput(256, 1);
  const text = textArea(5);
  preset.value = name;
  text.value = branches;
  preset.addEventListener("input", () => {
    if (preset.value) [side.value, channels.value, text.value] = [32, 256, MODULES[preset.value]];
  });
  for (const input of [side, channels, text]) input.addEventListener("input", () => (preset.value = ""));
  const hint = "One branch on a line, with commas between its steps: conv, the kernel, the number of filters. The size of " +
    "the image stays as it is.";
  const fields = [
    field("A module", preset),
    field("Rows and columns", side),
    field("Channels", channels),
    field("Branches", text, hint),
  ];
  mount(place, fields, () => {
    const counted = costs(
      parseBranches(text.value),
      typed(side, "The number of rows and columns", 1),
      typed(channels, "The number of channels", 1),
    );
    if (!counted.outputs) throw new LineError("Write at least one branch.");
    const { parameters, products, activations } = counted.total;
    const sentence = `${number(parameters)} parameters, ${number(products)} multiplications and as many additions, ` +
      `${number(activations)} activations; ${number(counted.outputs)} channels come out.`;
    const head = ["convolution", "parameters", "multiplications", "activations"];
    const cells = counted.rows.map((row) => [
      row.name, ...[row.parameters, row.products, row.activations].map(number),
    ]);
    cells.push(["all", ...[parameters, products, activations].map(number)]);
    return { sentence, parts: [table("One row for each convolution", head, cells)] };
  });
}

/** A slider, with what its value means beside the label. */
function slider(label, settings, meaning = String) {
  const control = element("input", { type: "range", ...settings });
  const made = field(label, control);
  // The slider itself is read out with this text, so the output need not be.
  const said = element("output", { for: control.id, "aria-live": "off" });
  made.append(said);
  const value = () => {
    said.textContent = meaning(Number(control.value));
    control.setAttribute("aria-valuetext", said.textContent);
    return Number(control.value);
  };
  return { control, field: made, value };
}

/** Three digits, and a power of ten where there would be many zeros. */
function short(value) {
  if (value === 0) return "0";
  return (value >= 1e-3 && value < 1e3 ? value.toPrecision(3) : value.toExponential(2)).replace("+", "");
}

/** A number as the length of a bar, on a logarithmic scale from 1e-14 to 1e2. */
function bar(value) {
  const made = element("span", { class: "vg-calculator-bar" });
  made.style.inlineSize = `${value ? Math.min(Math.max(((Math.log10(value) + 14) / 16) * 100, 1), 100) : 0}%`;
  return made;
}

function vanishing(place) {
  const network = parseDraws(place.dataset.draws, 4);
  const names = Object.keys(ACTIVATIONS);
  const activation = element("select", {}, ...names.map((name) => element("option", { value: name }, name)));
  const depth = slider("Layers", { min: 2, max: network.hidden.length + 1, value: 8 });
  const changed = slider("Layer to change", { min: 1, max: 8, value: 5 });
  const scale = slider("Its weights, times", { min: -4, max: 1, step: 0.5, value: 0 }, (exponent) =>
    String(Number((10 ** exponent).toPrecision(2))));
  const shift = slider("Its biases, plus", { min: -40, max: 40, value: 0 }, (value) => String(value).replace("-", "−"));
  const fields = [field("Function", activation), ...[depth, changed, scale, shift].map((one) => one.field)];
  mount(place, fields, () => {
    changed.control.max = depth.value();
    const found = gradientNorms(network, {
      depth: depth.value(),
      activation: activation.value,
      changed: changed.value(),
      scale: 10 ** scale.value(),
      shift: shift.value(),
    });
    const [first, last] = [found[0].weights, found.at(-1).weights];
    const sentence = first
      ? `The gradient of the first layer's weights has norm ${short(first)}, that of the last ${short(last)}.`
      : "No gradient at all arrives at the first layer.";
    const altered = scale.value() !== 0 || shift.value() !== 0;
    const cells = found.map(({ weights, biases, slope }, index) => [
      altered && index + 1 === changed.value() ? `${index + 1} *` : String(index + 1),
      bar(weights),
      short(weights),
      short(biases),
      slope === null ? "linear" : slope.toFixed(3),
    ]);
    const head = ["layer", "1e-14 to 100", "weights", "biases", "slope"];
    const caption = `Norms of the gradients, and mean slopes${altered ? "; * was changed" : ""}`;
    return { sentence, parts: [table(caption, head, cells)] };
  });
}

const KINDS = { "receptive-field": receptiveField, counting, vanishing };

document$.subscribe(({ body }) => {
  for (const place of body.querySelectorAll("[data-calculator]:not([data-ready])")) {
    place.dataset.ready = "";
    KINDS[place.dataset.calculator](place);
  }
});
