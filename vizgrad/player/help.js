// What each key does.
import { html } from "./dom.js";

const KEYS_TOLD = [
  [["←", "→"], "one step back or on"],
  [["Shift", "← →"], "to the mark before or after; without marks, to the next operation or closed module"],
  [["Home", "End"], "to the first or the last step"],
  [["Space"], "play, and stop"],
  [["↑", "↓"], "in the graph, from node to node; at the program, from line to line; in a matrix, from number to number"],
  [["Enter"], "at a node, its details; at a module, open or close it; at a line, stop there"],
  [["/"], "find a tensor, an operation, a module or a line"],
  [["+", "−", "0"], "zoom in, zoom out, fit in"],
  [["Esc"], "close what is open, and go back to where you were"],
  [["?"], "this list"],
];

export const help = {
  open(figure, panel) {
    const row = ([keys, what]) => [html("dt", keys.flatMap((key, i) => [i ? " " : "", html("kbd", key)])), html("dd", what)];
    panel.append(html("dl.vg-facts", KEYS_TOLD.map(row)));
  },
};
