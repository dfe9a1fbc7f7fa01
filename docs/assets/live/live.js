// <vg-live>: a figure whose program can be edited and run in its place, or opened in the playground. The editor and all
// that belongs to Python are fetched when the reader asks for them.
import { toFragment } from "../playground/link.js";

const PLAYGROUND = new URL("../../playground/", import.meta.url).href;
const edited = new Set(); // figures, by page and id, whose editor was open when the reader left the page

class Live extends HTMLElement {
  #leaving = null;
  #name = ""; // by which it is known when the reader returns
  #desk = null;
  #edit = null;
  #link = null;

  connectedCallback() {
    if (this.#edit) return;
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    this.#name = `${location.pathname}#${this.#player.id}`;
    this.#edit = Object.assign(document.createElement("button"), { type: "button", textContent: "Edit and run" });
    this.#edit.setAttribute("aria-expanded", "false");
    this.#edit.addEventListener("click", () => this.#toggle());
    this.#link = Object.assign(document.createElement("a"), { href: PLAYGROUND, textContent: "Open in playground" });
    const bar = document.createElement("div");
    bar.className = "vg-live-bar";
    bar.append(this.#edit, this.#link);
    this.append(bar);
    this.addEventListener("vg-step", () => this.#show(), { signal });
    this.addEventListener("vg-run", (event) => this.#onAsked(event), { signal });
    if (this.#player.figure) this.#show();
    if (edited.has(this.#name)) this.#open();
  }

  disconnectedCallback() {
    if (this.isConnected) return;
    if (this.#desk) edited.add(this.#name);
    else edited.delete(this.#name);
    this.#desk?.leave();
    this.#leaving.abort();
  }

  get #player() {
    return this.querySelector("vg-player");
  }

  async #toggle() {
    if (this.#desk) return this.#close();
    await this.#open();
    this.#desk?.enter();
  }

  async #open() {
    if (this.hasAttribute("opening")) return;
    this.toggleAttribute("opening", true);
    const player = this.#player;
    try {
      if (!player.figure) await new Promise((done) => this.addEventListener("vg-step", done, { once: true })); // its first
      const { Desk } = await import("./desk.js");
      if (this.#leaving.signal.aborted) return;
      this.#desk = new Desk(this.#name, player, this.#leaving.signal, () => this.#show());
      await this.#desk.open();
      this.toggleAttribute("editing", true);
      this.#edit.textContent = "Close the editor";
      this.#edit.setAttribute("aria-expanded", "true");
    } catch (error) {
      this.#desk = null;
      this.#edit.textContent = `Edit and run: the editor could not be loaded (${error.message}). Try again`;
    } finally {
      this.toggleAttribute("opening", false);
    }
  }

  #close() {
    this.#desk.close();
    this.#desk = null;
    this.toggleAttribute("editing", false);
    this.#edit.textContent = "Edit and run";
    this.#edit.setAttribute("aria-expanded", "false");
    this.#show();
  }

  /** The figure asks for another run of its program, with a number that the reader has changed in it. */
  async #onAsked(event) {
    event.preventDefault();
    if (!this.#desk) await this.#open();
    this.#desk?.run(event.detail.source);
  }

  /** The link leads to the program as it stands, at the step that is shown. */
  async #show() {
    const { figure, step } = this.#player;
    if (!figure) return;
    this.#desk?.markStep();
    const source = this.#desk?.source ?? figure.trace.files[0].source.trimEnd();
    this.#link.href = PLAYGROUND + (await toFragment({ source, step }).catch(() => "")); // too long for a link
  }
}

if (!customElements.get("vg-live")) customElements.define("vg-live", Live);
