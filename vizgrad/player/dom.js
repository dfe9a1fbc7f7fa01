// Making elements. Everything that comes from a program becomes a text node here, and never markup.

const SPACES = { math: "http://www.w3.org/1998/Math/MathML", svg: "http://www.w3.org/2000/svg" };

/** An element: its tag with classes ("p.vg-say"), attributes if there are any, and children in lists of any depth. */
function make(space, tagAndClasses, parts) {
  const [tag, ...classes] = tagAndClasses.split(".");
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  if (classes.length) made.setAttribute("class", classes.join(" "));
  const attributes = parts[0]?.constructor === Object ? parts.shift() : {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...parts.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export function html(tag, ...parts) {
  return make(null, tag, parts);
}

/** A button among others. */
export function choice(name, action) {
  const made = html("button.vg-choice", { type: "button" }, name);
  made.addEventListener("click", action);
  return made;
}

/** A button that can do nothing now keeps its focus, so that the keyboard is not thrown out of the figure. */
export function setOff(button, off) {
  button.setAttribute("aria-disabled", String(off));
}

export function math(tag, ...parts) {
  return make(SPACES.math, tag, parts);
}

export function svg(tag, ...parts) {
  return make(SPACES.svg, tag, parts);
}

/** What scrolls by itself has a name, and the keyboard can reach it. */
export function setScroller(element, name) {
  for (const [key, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": name })) element.setAttribute(key, value);
  return element;
}

export function scroller(name, ...parts) {
  return setScroller(html("div.vg-scroll", parts), name);
}

/** A name that a program has given, cut where it is long, and then with the whole as its title. */
export function brief(text, longest = 40) {
  const shown = cut(text, longest);
  return shown === text ? text : html("span", { title: text }, shown);
}

export function cut(text, longest = 40) {
  const letters = [...text.slice(0, 2 * longest + 2)];
  return letters.length > longest ? letters.slice(0, longest - 1).join("") + "…" : text;
}

/** Lets the browser do what waits, such as answering the reader, between two pieces of long work. */
export function breath() {
  return globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));
}
