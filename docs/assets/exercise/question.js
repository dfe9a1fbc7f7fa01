// <vg-question>: the reader chooses an answer first, and then sees what the program gave. The page comes with the choices
// and the answer, folded; this puts a radio button beside each choice, and keeps the answer back until one is chosen.
import { button, made, statusLine } from "./dom.js";

let groups = 0;

class Question extends HTMLElement {
  #status = statusLine();

  connectedCallback() {
    if (this.hasAttribute("ready")) return;
    const group = `vg-question-${++groups}`;
    const choices = this.querySelector(".vg-ex-lines");
    const field = made("fieldset", "", { class: "vg-ex-choice" });
    field.append(made("legend", "What do you expect?"));
    [...choices.children].forEach((choice, index) => {
      const label = made("label");
      const text = made("span");
      text.append(...choice.childNodes);
      label.append(
        made("input", "", { type: "radio", name: group, value: String(index + 1) }),
        made("span", `${index + 1}.`, { class: "vg-ex-number" }),
        text,
      );
      field.append(label);
    });
    const bar = made("div", "", { class: "vg-ex-bar" });
    const see = button("See", () => this.#see());
    see.className = "vg-ex-check";
    bar.append(see, this.#status);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#see();
    });
    choices.replaceWith(field, bar);
    this.querySelector(".vg-ex-solution").hidden = true;
    this.toggleAttribute("ready", true);
  }

  #see() {
    const chosen = this.querySelector("input:checked")?.value;
    if (!chosen) {
      this.#status.textContent = "Choose what you expect first.";
      return;
    }
    const right = chosen === this.dataset.place;
    this.querySelector(".vg-ex-choice").dataset.verdict = right ? "right" : "wrong";
    for (const because of this.querySelectorAll(".vg-ex-because")) {
      because.hidden = because.dataset.choice !== this.dataset.place && because.dataset.choice !== chosen;
    }
    const answer = this.querySelector(".vg-ex-solution");
    answer.hidden = false;
    answer.open = true;
    this.#status.textContent = right
      ? `Yes: answer ${chosen} is what happens.`
      : `Not answer ${chosen}: answer ${this.dataset.place} is what happens.`;
  }
}

if (!customElements.get("vg-question")) customElements.define("vg-question", Question);
