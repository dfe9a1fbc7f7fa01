// Elements with text in them. What comes from an answer is hostile: it becomes text nodes, never markup.

export function made(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export function button(text, action) {
  const element = made("button", text, { type: "button" });
  element.addEventListener("click", action);
  return element;
}

/** A line that tells screen readers what has happened. */
export function statusLine() {
  return made("p", "", { class: "vg-ex-status", role: "status" });
}
