// <vg-mistake>: the reader marks the line of a derivation that is wrong. The page comes with the lines and the answer,
// folded; this puts a radio button beside each line, and unfolds the answer when the line is found.
import { button, made, statusLine } from "./dom.js";
import { progress } from "./progress.js";

let groups = 0;

class Mistake extends HTMLElement {
  #leaving = null;
  #status = statusLine();
  #done = made("span", "", { class: "vg-ex-done" });

  connectedCallback() {
    if (this.#leaving) return;
    this.#leaving = new AbortController();
    this.#build();
    this.#showHelp();
    progress.addEventListener("reset", () => this.#showHelp(), { signal: this.#leaving.signal });
    this.toggleAttribute("ready", true);
  }

  disconnectedCallback() {
    if (!this.isConnected) this.#leaving.abort();
  }

  #build() {
    const group = `vg-mistake-${++groups}`;
    const lines = this.querySelector(".vg-ex-lines");
    const field = made("fieldset", "", { class: "vg-ex-choice" });
    field.append(made("legend", "Which line is wrong?"));
    [...lines.children].forEach((line, index) => {
      const label = made("label");
      const radio = made("input", "", { type: "radio", name: group, value: String(index + 1) });
      const text = made("span");
      text.append(...line.childNodes);
      label.append(radio, made("span", `${index + 1}.`, { class: "vg-ex-number" }), text);
      field.append(label);
    });
    const bar = made("div", "", { class: "vg-ex-bar" });
    const check = button("Check", () => this.#check());
    check.className = "vg-ex-check";
    bar.append(check, this.#status);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#check();
    });
    lines.replaceWith(field, bar);
    this.querySelector(".vg-ex-title").append(" ", this.#done);
    const answer = this.querySelector(".vg-ex-solution");
    answer.addEventListener("toggle", () => {
      const { uid, title } = this.dataset;
      if (answer.open && !progress.isDone(uid)) progress.update(uid, { solution: true, title });
    });
  }

  #check() {
    const chosen = this.querySelector("input:checked");
    if (!chosen) return this.#say("Mark the line that is wrong first.");
    const found = chosen.value === this.dataset.place;
    progress.note(this.dataset.uid, this.dataset.title, found);
    this.#showHelp();
    for (const because of this.querySelectorAll(".vg-ex-because")) {
      because.hidden = found || Number(because.dataset.line) !== Number(chosen.value) - 1;
    }
    this.querySelector(".vg-ex-choice").dataset.verdict = found ? "right" : "wrong";
    if (found) this.querySelector(".vg-ex-solution").open = true;
    this.#say(found ? `Yes: line ${chosen.value} is wrong.` : `Line ${chosen.value} is right. Look at the others.`);
  }

  #say(text) {
    this.#status.textContent = text;
  }

  #showHelp() {
    const { tries, done } = progress.of(this.dataset.uid);
    this.querySelector(".vg-ex-solution").hidden = tries === 0 && !done;
    this.#done.textContent = done ? `✓ done, ${tries} ${tries === 1 ? "try" : "tries"}` : "";
    this.toggleAttribute("done", Boolean(done));
  }
}

if (!customElements.get("vg-mistake")) customElements.define("vg-mistake", Mistake);
