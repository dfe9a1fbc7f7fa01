// <vg-playground>: where a reader writes programs, starts from others, shares them and keeps them. The graph is shown by
// the page's <vg-player>, which begins with a recording made when the site was built.
import { Bench } from "./bench.js";
import { notebookFile, pythonFile } from "./files.js";
import { LinkError, fromFragment, toFragment } from "./link.js";
import { work } from "./work.js";

const programAddress = (name) => new URL(`programs/${name}.py`, import.meta.url);
const TAKEAWAY = new URL("../vizgrad/takeaway.js", import.meta.url).href;

class Playground extends HTMLElement {
  #leaving = null;
  #bench = null;
  #recorded = null; // the page's player, with a recording of the first start program
  #player = null; // a player for what is run here, which takes the place of the other
  #opening = Promise.resolve(); // of a start program: Run waits for it

  async connectedCallback() {
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    this.#bench = new Bench(this, work, signal, {
      player: () => this.#player,
      showGraph: (result) => this.#showGraph(result),
      showNothing: () => this.#showNoResult(),
      onEdit: () => (this.#part("address").parentElement.hidden = true),
      before: () => this.#opening,
      mayRun: () => work.result !== null || work.chosen !== "", // what came from a link waits for Run
    });
    try {
      this.#recorded = document.querySelector("vg-player");
      this.#player = document.createElement("vg-player");
      this.#player.className = this.#recorded.className;
      const problem = await this.#findProgram();
      await this.#bench.open("Your program");
      if (signal.aborted) return;
      this.#listen(signal);
      this.#showOrigin();
      if (problem) this.#bench.say(problem);
    } catch (error) {
      this.#bench.say(`The playground could not be loaded: ${error.message}`);
    }
    this.toggleAttribute("ready", true);
  }

  disconnectedCallback() {
    this.#leaving.abort();
    if (work.result) Object.assign(work, { step: this.#player.step, node: nodeOf(this.#player) });
  }

  #part(name) {
    return this.#bench.part(name);
  }

  // --- the program ---------------------------------------------------------------------------------------------------

  /** A link's program, else what the reader had here, else the start program. Answers what is wrong with the link. */
  async #findProgram() {
    const problem = await this.#openLink();
    if (work.source === null) await this.#openStart(this.#first);
    return problem;
  }

  async #openLink() {
    try {
      const link = location.hash;
      // Once is enough: on a return to the page, it would go over whatever was written since.
      const linked = link === work.link ? null : await fromFragment(link);
      if (linked) {
        work.stop();
        work.clear();
        work.open({ ...linked, chosen: "", link });
      }
      return "";
    } catch (error) {
      if (error instanceof LinkError) return error.message;
      throw error;
    }
  }

  async #openStart(chosen) {
    const answer = await fetch(programAddress(chosen));
    if (!answer.ok) throw new Error(`the start program could not be loaded: ${answer.status}`);
    work.open({ source: (await answer.text()).trimEnd(), chosen });
  }

  /** The name of the start program that the page's own recording shows. */
  get #first() {
    return this.#part("start").querySelector("option[selected]").value;
  }

  #showProgram() {
    this.#bench.showProgram();
    this.#showOrigin();
  }

  #showOrigin() {
    const linked = work.chosen === "";
    this.#part("origin").hidden = !linked;
    const select = this.#part("start");
    select.querySelector('option[value=""]').hidden = !linked;
    select.value = work.chosen;
  }

  // --- what the reader does ------------------------------------------------------------------------------------------

  #listen(signal) {
    const on = (part, type, action) => this.#part(part).addEventListener(type, action, { signal });
    on("reset", "click", () => this.#reset());
    on("link", "click", () => this.#copyLink());
    on("start", "change", (event) => this.#choose(event.target.value));
    const page = location.href.replace(/#.*$/, ""); // where a program is too long for a link
    on("py", "click", () => this.#save(({ save }) => save(...pythonFile(work.source))));
    on("ipynb", "click", () =>
      this.#save(async ({ save }) => save(...notebookFile(work.source, await this.#link().catch(() => page)))),
    );
    on("html", "click", () => this.#save(({ savePage }) => savePage(this.#drawn)));
    this.#listenToMenu(signal);
    on("keep", "change", (event) => this.#keep(event.target));
    this.#part("keep").checked = work.isKept;
    window.addEventListener("hashchange", () => this.#onHash(), { signal });
    window.addEventListener("vg-run", (event) => this.#onAsked(event), { signal });
  }

  /** The figure asks for another run of its program, with a number that the reader has changed in it. */
  #onAsked(event) {
    event.preventDefault();
    work.stop();
    work.edit(event.detail.source);
    this.#showProgram();
    this.#bench.run();
  }

  #choose(name) {
    work.stop();
    this.#opening = this.#openStart(name).then(
      () => this.#showProgram(),
      (error) => this.#bench.say(`Nothing was changed: ${error.message}`),
    );
  }

  #reset() {
    work.stop();
    work.edit(work.start);
    this.#showProgram();
  }

  async #onHash() {
    const before = work.link;
    const problem = await this.#openLink();
    if (work.link !== before) this.#showProgram();
    if (problem) this.#bench.say(problem);
  }

  // --- taking it along -----------------------------------------------------------------------------------------------

  async #copyLink() {
    try {
      await this.#copy(await this.#link());
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#bench.say(error.message);
    }
  }

  async #link() {
    const shown = this.#shown;
    const place = { step: shown?.step ?? null, node: shown && nodeOf(shown) };
    return new URL(await toFragment({ source: work.source, ...place }), location.href).href;
  }

  /** The player that shows the program as it stands, if one does. */
  get #shown() {
    const { result, source } = work;
    if (result) return result.source === source && result.trace ? this.#player : null;
    return this.#showsRecording() ? this.#recorded : null;
  }

  async #copy(link) {
    const field = this.#part("address");
    try {
      await navigator.clipboard.writeText(link);
      field.parentElement.hidden = true;
      this.#bench.say("Link copied. It holds the program, the step that is shown, and what is selected in the graph.");
    } catch {
      // Not allowed to, or not over https: the reader can still do it by hand.
      field.value = link;
      field.parentElement.hidden = false;
      field.select();
      this.#bench.say("The browser does not let this page copy. Here is the link, to copy by hand.");
    }
  }

  get #menu() {
    return this.querySelector(".pg-save");
  }

  /** A menu closes by Esc, and when something else is clicked. */
  #listenToMenu(signal) {
    const menu = this.#menu;
    const close = () => menu.toggleAttribute("open", false);
    document.addEventListener("pointerdown", ({ target }) => menu.contains(target) || close(), { signal });
    const onKey = ({ key }) => {
      if (key !== "Escape") return;
      close();
      menu.firstElementChild.focus();
    };
    menu.addEventListener("keydown", onKey, { signal });
  }

  /** `make` is given the player's own ways to save something, which are fetched now. */
  async #save(make) {
    this.#menu.open = false;
    this.#menu.firstElementChild.focus();
    try {
      this.#bench.say(await make(await import(TAKEAWAY)));
    } catch (error) {
      this.#bench.say(`Nothing was saved: ${error.message}`);
    }
  }

  /** What a page can be made of. */
  get #drawn() {
    const figure = this.#shown?.figure;
    if (!figure) throw new Error("run the program first; the page holds what was recorded.");
    return figure;
  }

  #keep(box) {
    const done = work.setKept(box.checked);
    if (!done) this.#bench.say("This browser does not let the page keep anything.");
    else if (box.checked) this.#bench.say("Kept for your next visit, in this browser only. Untick the box to have it forgotten.");
    else this.#bench.say("Forgotten. The program stays until this tab is closed.");
    box.checked = work.isKept;
  }

  // --- what is shown -------------------------------------------------------------------------------------------------

  #showNoResult() {
    for (const figure of [this.#player, this.#recorded]) figure.classList.toggle("pg-old", work.running);
    if (work.running) return;
    this.#player.replaceWith(this.#recorded);
    this.#recorded.hidden = !this.#showsRecording();
  }

  #showsRecording() {
    return work.chosen === this.#first && work.source === work.start;
  }

  #showGraph({ trace, svg }) {
    const player = this.#player;
    this.#recorded.replaceWith(player);
    player.hidden = trace.ops.length === 0;
    player.classList.remove("pg-old");
    player.dataset.step = "end";
    player.load(trace, svg);
  }
}

/** The id of the tensor or op that the reader has chosen in a graph. */
function nodeOf(player) {
  const { chosen } = player.state;
  return chosen?.tensor ?? chosen?.op ?? null;
}

if (!customElements.get("vg-playground")) customElements.define("vg-playground", Playground);
