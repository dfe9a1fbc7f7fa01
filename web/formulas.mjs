// Renders formulas: a JSON list of [TeX, whether it stands alone] comes in, a list of HTML goes out.
import { text } from "node:stream/consumers";
import katex from "katex";

const formulas = JSON.parse(await text(process.stdin));
const rendered = formulas.map(([tex, alone]) => katex.renderToString(tex, { displayMode: alone, strict: "ignore" }));
process.stdout.write(JSON.stringify(rendered));
