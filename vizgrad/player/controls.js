// The bar under the graph: buttons, the timeline with its zones and marks, speed and the number of the step.
import { html, setOff, svg } from "./dom.js";

const ICONS = {
  first: "M6 5v14 M19 5l-9 7 9 7z",
  back: "M15 5l-9 7 9 7z M18 5v14",
  play: "M7 4.5l12 7.5-12 7.5z",
  pause: "M8 5v14 M16 5v14",
  forward: "M9 5l9 7-9 7z M6 5v14",
  last: "M5 5l9 7-9 7z M18 5v14",
};
const SPEEDS = [0.5, 1, 2, 4];

export class Controls {
  #buttons = {};
  #count = html("span.vg-count");
  #marks = html("div.vg-marks");

  /** `act` has go(k), move(by) and toggle(); the player reads `speed`. */
  constructor(timeline, act) {
    this.speed = 1;
    this.timeline = timeline;
    const last = Math.max(timeline.length - 1, 0);
    this.slider = html("input.vg-slider", { type: "range", min: "0", max: last, "aria-label": "Step" });
    this.slider.disabled = last === 0;
    this.slider.addEventListener("input", () => act.go(Number(this.slider.value)));
    const buttons = [
      this.#button("first", "First step", () => act.go(0)),
      this.#button("back", "Previous step", () => act.move(-1)),
      this.#button("play", "Play", () => act.toggle()),
      this.#button("forward", "Next step", () => act.move(1)),
      this.#button("last", "Last step", () => act.go(last)),
    ];
    const track = html("div.vg-track", this.#zones(last), this.slider);
    this.element = html("div.vg-bar", html("div.vg-buttons", buttons), track, html("div.vg-end", this.#count, this.#speedSelect()));
  }

  show(k) {
    const last = Number(this.slider.max);
    this.slider.value = k;
    this.slider.setAttribute("aria-valuetext", `step ${k} of ${last}, ${this.timeline.phase(k)}`);
    this.#count.replaceChildren(html("span", "step "), `${k} of ${last}`);
    for (const name of ["first", "back"]) setOff(this.#buttons[name], k === 0);
    for (const name of ["forward", "last"]) setOff(this.#buttons[name], k === last);
    setOff(this.#buttons.play, last === 0);
  }

  /** The marks that the reader has set, as flags above the timeline. */
  showMarks(steps) {
    const last = Number(this.slider.max) || 1;
    const flags = [...steps].map((k) => html("i.vg-flag", { style: `left: ${(100 * k) / last}%` }));
    this.#marks.replaceChildren(...flags);
  }

  showPlaying(playing) {
    const name = playing ? "Pause" : "Play";
    this.#buttons.play.setAttribute("aria-label", name);
    this.#buttons.play.title = name;
    this.#buttons.play.querySelector("path").setAttribute("d", playing ? ICONS.pause : ICONS.play);
  }

  #button(icon, name, action) {
    const picture = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[icon] }));
    const button = html(`button.vg-button.vg-${icon}`, { type: "button", "aria-label": name, title: name }, picture);
    button.addEventListener("click", action);
    this.#buttons[icon] = button;
    return button;
  }

  #zones(last) {
    const place = (k) => `${(100 * Math.min(Math.max(k, 0), last)) / (last || 1)}%`;
    const zones = this.timeline.zones.map(({ phase, from, to }) => {
      const zone = html(`div.vg-zone.vg-zone-${phase}`, html("span", phase));
      const [left, right] = [from - 0.5, to + 0.5].map((k) => Math.min(Math.max(k, 0), last));
      zone.style.left = place(left);
      zone.style.width = last ? `${(100 * (right - left)) / last}%` : "100%";
      return zone;
    });
    const ticks = this.timeline.ticks.map((k) => {
      const tick = html("i.vg-tick");
      tick.style.left = place(k);
      return tick;
    });
    return html("div.vg-zones", { "aria-hidden": "true" }, zones, ticks, this.#marks);
  }

  #speedSelect() {
    const options = SPEEDS.map((speed) => html("option", { value: speed, selected: speed === 1 }, `${String(speed).replace("0.5", "½")}×`));
    const select = html("select.vg-speed", { "aria-label": "Speed", title: "Speed" }, options);
    select.addEventListener("change", () => (this.speed = Number(select.value)));
    return select;
  }
}
