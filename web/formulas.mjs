// Renders formulas: a JSON list of [TeX, whether it stands alone] comes in, a list of HTML goes out.
import { text } from "node:stream/consumers";
import katex from "katex";

const SHORT = 24; // letters that fit into a line of a phone, so a formula of so many is not divided

function render([tex, alone]) {
  const html = katex.renderToString(tex, { displayMode: alone, strict: "ignore" });
  const letters = html.replace(/^.*<\/math>/s, "").replace(/<[^>]*>/g, "");
  return alone || letters.length > SHORT ? html : html.replace('class="katex"', 'class="katex site-whole"');
}

const formulas = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(formulas.map(render)));
