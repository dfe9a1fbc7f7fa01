// <vg-progress>: which exercises are done, in a table of them all; a file to keep or to hand in; and a way to forget.
// With the attribute `compact`, only how many are done.
import { button, made, statusLine } from "./dom.js";
import { ProgressError, progress } from "./progress.js";

const FILE = "vizgrad-exercises.json";
const FORGET = "Forget what you have written and done on this site? An exported file can bring it back.";

class Summary extends HTMLElement {
  #leaving = null;
  #count = made("p", "", { class: "vg-ex-count" });
  #status = statusLine();

  connectedCallback() {
    if (this.#leaving) return;
    this.#leaving = new AbortController();
    this.prepend(this.#count);
    if (!this.hasAttribute("compact")) this.#build();
    this.#show();
    progress.addEventListener("change", () => this.#show(), { signal: this.#leaving.signal });
    this.toggleAttribute("ready", true);
  }

  disconnectedCallback() {
    if (!this.isConnected) this.#leaving.abort();
  }

  get #uids() {
    const rows = [...this.querySelectorAll("tbody tr")].map((row) => row.dataset.uid);
    return this.dataset.uids?.split(" ").filter(Boolean) ?? rows;
  }

  #build() {
    this.querySelector("thead tr").append(made("th", "state", { scope: "col" }));
    for (const row of this.querySelectorAll("tbody tr")) row.insertCell();
    const file = made("input", "", { type: "file", accept: ".json,application/json", "aria-label": "A file to import" });
    file.hidden = true;
    file.addEventListener("change", () => this.#import(file));
    const bar = made("div", "", { class: "vg-ex-bar" });
    bar.append(
      button("Export", () => this.#export()),
      button("Import", () => file.click()),
      button("Reset", () => this.#reset()),
      file,
      this.#status,
    );
    this.append(bar);
  }

  #show() {
    const uids = this.#uids;
    const done = uids.filter((uid) => progress.isDone(uid)).length;
    this.#count.textContent = `Exercises done: ${done} of ${uids.length}.`;
    for (const row of this.querySelectorAll("tbody tr")) row.lastElementChild.textContent = state(row.dataset.uid);
  }

  #export() {
    const address = URL.createObjectURL(new Blob([progress.exported()], { type: "application/json" }));
    made("a", "", { href: address, download: FILE }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    this.#say(`Saved as ${FILE}: what is done, in how many tries, with which help, and your answers.`);
  }

  async #import(field) {
    const [chosen] = field.files;
    if (!chosen) return;
    try {
      const count = progress.import(await chosen.text());
      this.#say(`Taken in: ${count} ${count === 1 ? "exercise" : "exercises"}.`);
    } catch (error) {
      if (!(error instanceof ProgressError)) throw error;
      this.#say(error.message);
    }
    field.value = "";
  }

  #reset() {
    if (!confirm(FORGET)) return;
    progress.reset();
    this.#say("Forgotten.");
  }

  #say(text) {
    this.#status.textContent = text;
  }
}

function state(uid) {
  const { tries, done, hints, solution } = progress.of(uid);
  const help = [hints ? `${hints} ${hints === 1 ? "hint" : "hints"}` : "", solution ? "solution seen" : ""];
  if (!tries && !done) return ["open", ...help].filter(Boolean).join(", ");
  const times = `${tries} ${tries === 1 ? "try" : "tries"}`;
  return [done ? `✓ done` : "tried", times, ...help].filter(Boolean).join(", ");
}

if (!customElements.get("vg-progress")) customElements.define("vg-progress", Summary);
