// <vg-frames>: steps through a recorded run of the library, frame by frame. The page comes with the steps as an ordered
// list, and with the lines of every function; this shows one step at a time: the stack of calls, the line, its values.
// What was recorded becomes text nodes, never markup.
import { button, made } from "../exercise/dom.js";

class Frames extends HTMLElement {
  #steps = [];
  #sources = {};
  #at = 0;
  #depth = 0; // the frame that is looked at, counted from the program
  #listings = new Map();
  #count = made("span", "", { class: "vg-frames-count" });
  #said = made("p", "", { class: "vg-frames-said", role: "status" });
  #stack = made("div", "", { class: "vg-frames-stack", role: "tablist", "aria-orientation": "vertical" });
  #panel = made("div", "", { class: "vg-frames-panel", role: "tabpanel" });
  #values = made("table", "", { class: "vg-frames-values" });
  #back;
  #forth;

  connectedCallback() {
    if (this.#steps.length) return;
    const { steps, sources } = JSON.parse(this.dataset.run);
    this.#steps = steps;
    this.#sources = sources;
    for (const listing of this.querySelectorAll("figure[data-function]")) {
      this.#listings.set(listing.dataset.function, listing);
    }
    this.#back = button("← Back", () => this.go(this.#at - 1));
    this.#forth = button("Next →", () => this.go(this.#at + 1));
    const bar = made("div", "", { class: "vg-frames-bar" });
    bar.append(
      button("Start", () => this.go(0)),
      this.#back,
      this.#forth,
      button("End", () => this.go(this.#steps.length - 1)),
      this.#count,
    );
    this.#stack.setAttribute("aria-label", "The stack of calls, from the program to the innermost");
    this.#stack.addEventListener("keydown", (event) => this.#roam(event));
    this.addEventListener("keydown", (event) => this.#key(event));
    const body = made("div", "", { class: "vg-frames-body" });
    body.append(this.#stack, this.#panel);
    this.querySelector(".vg-frames-steps").replaceWith(bar, this.#said, body);
    this.querySelector(".vg-frames-sources").remove();
    this.go(0);
    this.toggleAttribute("ready", true);
  }

  /** The number of the step that is shown. */
  get step() {
    return this.#at;
  }

  go(step) {
    this.#at = Math.min(Math.max(step, 0), this.#steps.length - 1);
    const { text, stack } = this.#steps[this.#at];
    this.#depth = stack.length - 1;
    this.#said.replaceChildren(...prose(text));
    this.#count.textContent = `${this.#at + 1} of ${this.#steps.length}`;
    this.#back.setAttribute("aria-disabled", String(this.#at === 0));
    this.#forth.setAttribute("aria-disabled", String(this.#at === this.#steps.length - 1));
    this.#show();
  }

  #show() {
    const { stack, gives } = this.#steps[this.#at];
    const frame = stack[this.#depth];
    const inner = this.#depth === stack.length - 1;
    const focused = this.#stack.contains(document.activeElement);
    this.#stack.replaceChildren(...stack.map(({ function: name, line }, depth) => {
      const tab = button("", () => this.#look(depth));
      tab.append(made("code", name), made("small", `${this.#sources[name]}, line ${line}`));
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(depth === this.#depth));
      tab.tabIndex = depth === this.#depth ? 0 : -1;
      return tab;
    }));
    if (focused) this.#stack.children[this.#depth].focus();
    const listing = this.#listings.get(frame.function);
    for (const line of listing.querySelectorAll("[data-line]")) {
      const here = Number(line.dataset.line) === frame.line;
      line.classList.toggle("vg-frames-here", here && inner);
      line.classList.toggle("vg-frames-waits", here && !inner);
      line.toggleAttribute("aria-current", here);
    }
    this.#values.replaceChildren(made("caption", inner ? "In this line" : "Waits in this line"));
    for (const [name, text] of frame.rows) this.#values.append(row(name, text, ""));
    if (inner) for (const [name, text] of gives) this.#values.append(row(name, text, "then "));
    this.#panel.setAttribute("aria-label", `${frame.function}, line ${frame.line}`);
    this.#panel.replaceChildren(listing, this.#values);
    const code = listing.querySelector("pre");
    const here = listing.querySelector("[aria-current]");
    code.scrollTop = here.offsetTop - code.clientHeight / 2;
  }

  #look(depth) {
    this.#depth = depth;
    this.#show();
    this.#stack.children[depth].focus();
  }

  #roam(event) {
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const depth = this.#depth + move;
    if (this.#stack.children[depth]) this.#look(depth);
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("pre")) return; // the code scrolls
    const to = { ArrowLeft: this.#at - 1, ArrowRight: this.#at + 1, Home: 0, End: this.#steps.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.go(to);
  }
}

function row(name, text, before) {
  const line = made("tr");
  const head = made("th", before, { scope: "row" });
  head.append(made("code", name));
  line.append(head, made("td", text));
  return line;
}

/** A sentence in which code stands between backticks. */
function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? made("code", part) : part));
}

if (!customElements.get("vg-frames")) customElements.define("vg-frames", Frames);
