// Making elements. Everything that comes from a program becomes a text node here, and never markup.

const SPACES = { math: "http://www.w3.org/1998/Math/MathML", svg: "http://www.w3.org/2000/svg" };

function makeIn(space, tag, attributes, children) {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export function html(tag, attributes = {}, ...children) {
  return makeIn(null, tag, attributes, children);
}

export function math(tag, attributes = {}, ...children) {
  return makeIn(SPACES.math, tag, attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return makeIn(SPACES.svg, tag, attributes, children);
}

export function cut(text, longest = 40) {
  const letters = [...text.slice(0, 2 * longest + 2)];
  return letters.length > longest ? letters.slice(0, longest - 1).join("") + "…" : text;
}
