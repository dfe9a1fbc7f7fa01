// A drawing that a stranger's program may have made: it is built anew from what is known to be harmless. Links are not:
// even its pictures are left out, since the player draws its own.
import { svg } from "./dom.js";

const ELEMENTS = new Set(["svg", "g", "path", "rect", "circle", "text", "title", "image"]);
const NUMBERS = new Set(["x", "y", "r", "rx", "cx", "cy", "width", "height", "fill-opacity"]);
const PATTERNS = {
  class: /^[\w\s-]*$/,
  viewBox: /^[-\d.\s]+$/,
  transform: /^translate\([-\d.,\s]+\)$/,
  d: /^[-MLCZ\d.,\s]*$/,
  fill: /^(none|rgb\([\d,\s]+\))$/,
  display: /^none$/,
  role: /^group$/,
  "aria-label": /^/,
  preserveAspectRatio: /^none$/,
  "data-tensor": /^t\d+$/,
  "data-op": /^o\d+$/,
  "data-port": /^\d+$/,
};
const LARGEST_DRAWING = 8_000_000; // characters

/** The drawing as a new element, or null where the text is no drawing. */
export function safeDrawing(text) {
  if (typeof text !== "string" || text.length > LARGEST_DRAWING) return null;
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  return root.localName === "svg" && root.namespaceURI === "http://www.w3.org/2000/svg" ? rebuilt(root) : null;
}

function rebuilt(element) {
  const attributes = [...element.attributes].filter(({ name, value }) => allowed(name, value));
  const made = svg(element.localName, Object.fromEntries(attributes.map(({ name, value }) => [name, safeValue(name, value)])));
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && ["text", "title"].includes(element.localName)) made.append(child.data);
    if (child.nodeType === Node.ELEMENT_NODE && known(child)) made.append(rebuilt(child));
  }
  return made;
}

function known(element) {
  return ELEMENTS.has(element.localName) && element.namespaceURI === "http://www.w3.org/2000/svg";
}

function allowed(name, value) {
  if (NUMBERS.has(name)) return /^-?[\d.]+$/.test(value);
  if (Object.hasOwn(PATTERNS, name)) return PATTERNS[name].test(value);
  return /^data-[a-z-]+$/.test(name);
}

/** Only the drawing's own classes: others would bring styles of the page around it. */
function safeValue(name, value) {
  return name === "class" ? value.split(/\s+/).filter((one) => one.startsWith("vg-")).join(" ") : value;
}
