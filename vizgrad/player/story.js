// A story: an author's beats, each a text, a step and something to look at. Text and graph share one clock: the text
// follows the step, and turning to the next text moves the graph there. The beats stand in the page as an ordered list.
import { choice, html, setOff } from "./dom.js";

const PACE_OF_STORY = 450; // ms for each step between two beats

/** The beats of a list in the page, or null where there is none: { element, show(k) }. */
export function storyOf(list, figure) {
  const beats = [...(list?.children ?? [])].map((item) => ({ step: Number(item.dataset.step), focus: item.dataset.focus, parts: [...item.childNodes] }));
  if (!beats.length) return null;
  let [at, timer, coming] = [0, 0, -1]; // coming: the step that a turn takes the graph to next
  const text = html("div.vg-beat", { role: "status" });
  const turn = (by) => {
    at = Math.min(Math.max(at + by, 0), beats.length - 1);
    const { step } = beats[at];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const walk = () => {
      const far = by > 0 && !still && figure.step < step - 1;
      coming = far ? figure.step + 1 : step;
      figure.go(coming);
      if (far) timer = setTimeout(walk, PACE_OF_STORY);
    };
    walk();
  };
  const [back, next] = [choice("Back", () => turn(-1)), choice("Next", () => turn(1))];
  const count = html("span.vg-count");
  const show = (k) => {
    if (k !== coming) {
      clearTimeout(timer); // the reader goes elsewhere
      if (beats[at].step !== k) at = Math.max(beats.findLastIndex(({ step }) => step <= k), 0);
    }
    const beat = beats[at];
    if (text.firstChild !== beat.parts[0]) text.replaceChildren(...beat.parts);
    count.textContent = `${at + 1} of ${beats.length}`;
    setOff(back, at === 0);
    setOff(next, at === beats.length - 1);
    figure.graph?.drawing.querySelector(".vg-told")?.classList.remove("vg-told");
    figure.graph?.node(beat.focus)?.classList.add("vg-told");
  };
  return { element: html("section.vg-story", { "aria-label": "Story" }, text, html("div.vg-turn", back, count, next)), show };
}
