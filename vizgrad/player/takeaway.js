// What a reader can take away from a figure: this frame as a picture, the steps as a strip to print, the whole figure as
// one file, the trace, and a link to this very step.
import { html, setScroller } from "./dom.js";
import { say } from "./card.js";

// What a drawing needs of its style sheet, as attributes of its own: a picture has no page around it.
const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "text-anchor"];
const DRAWN = "path, rect, circle, ellipse, polygon, text, tspan, line, image";
const PIXELS = 2; // for each px of the drawing
const LONGEST_STRIP = 60;
const LATER = /\bimport\("\.\/((\w+)\.js)"\)/g; // of a module that exports one thing of its own name
const IMPORT = /^import \{[^}]*\} from "\.\/([^"]+)";\n/gm;

export const takeaway = {
  open(figure, panel) {
    const said = html("p.vg-say", { role: "status" });
    const entry = (name, action) => {
      const button = html("button.vg-choice", { type: "button" }, name);
      button.addEventListener("click", async () => {
        try {
          said.textContent = await action();
        } catch (error) {
          said.textContent = `${name}: this did not work. ${error.message}`;
        }
      });
      return button;
    };
    const pictures = figure.graph ? [entry("SVG of this step", () => saveSvg(figure)), entry("PNG of this step", () => savePng(figure))] : [];
    const strip = figure.graph ? [entry("Strip of all steps", () => saveStrip(figure))] : [];
    const whole = [entry("One file (HTML)", () => savePage(figure)), entry("Trace (JSON)", () => saveTrace(figure))];
    const link = figure.element.id ? [entry("Copy link to this step", () => copyLink(figure))] : [];
    panel.append(say("Colours are those of the page as you see it."), html("div.vg-choices", pictures, strip, whole, link), said);
  },
};

/** The address of a step of a figure: what follows the figure's id is read by the player. */
export function fragmentOf(figure) {
  return `#${figure.element.id}=${figure.step}`;
}

async function copyLink(figure) {
  const address = location.href.replace(/#.*$/, "") + fragmentOf(figure);
  await navigator.clipboard.writeText(address);
  return `Copied: ${address}`;
}

function saveSvg(figure) {
  return save(`${nameOf(figure)}.svg`, "image/svg+xml", svgText(figure));
}

async function savePng(figure) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(figure))}`;
  await picture.decode();
  const canvas = html("canvas", { width: picture.naturalWidth * PIXELS, height: picture.naturalHeight * PIXELS });
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(figure.element).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return save(`${nameOf(figure)}.png`, "image/png", blob);
}

function saveTrace(figure) {
  return save(`${nameOf(figure, false)}.json`, "application/json", JSON.stringify(figure.record, null, 1));
}

/** A page of frames, each with its sentence; of long traces only the steps of ops. */
function saveStrip(figure) {
  const { trace, step: here, graph } = figure;
  const all = trace.steps.map((_, k) => k);
  const ofOps = all.filter((k) => ["forward", "backward", "failed", "update"].includes(trace.steps[k].kind));
  const chosen = (all.length > LONGEST_STRIP ? ofOps : all).slice(0, LONGEST_STRIP);
  const frames = chosen.map((k) => {
    graph.show(k);
    const caption = html("figcaption", html("b", `${k} `), trace.steps[k].text).outerHTML;
    return `<figure>${svgText(figure)}${caption}</figure>`;
  });
  graph.show(here);
  const { backgroundColor, color } = getComputedStyle(figure.element);
  const style =
    `body{margin:1.5rem;background:${backgroundColor};color:${color};font:14px/1.45 system-ui,sans-serif}` +
    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1.5rem}" +
    "figure{margin:0;break-inside:avoid}svg{width:100%;height:auto}@media print{body{background:#fff}}";
  save(`${nameOf(figure, false)}-steps.html`, "text/html", pageText(titleOf(figure), style, `<main>${frames.join("\n")}</main>`, "'none'"));
  const left = all.length - chosen.length;
  return left ? `Saved ${chosen.length} frames, of which the others follow: ${left} steps were left out.` : `Saved all ${chosen.length} steps.`;
}

/** The figure as one page that needs nothing else: the scripts are put one after another, as in a saved trace. */
export async function savePage(figure) {
  const { script, style } = await sources();
  const holder = html("template.vg-trace");
  holder.content.append(JSON.stringify(figure.record));
  const drawing = figure.whole?.drawing.cloneNode(true);
  const parts = figure.pages.packed.map(([ops, packed]) => {
    const part = html("template.vg-part", { "data-ops": ops });
    part.content.append(packed);
    return part;
  });
  const player = html("vg-player.vg-player", { id: "vg", "data-step": figure.step }, setScroller(html("div.vg-stage", drawing), "Graph"), parts, holder);
  const body = `<main><h1>${html("p", titleOf(figure)).innerHTML}</h1>${player.outerHTML}</main>\n<script type="module">${script}<\/script>`;
  const digest = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script)))));
  return save(`${nameOf(figure, false)}.html`, "text/html", pageText(titleOf(figure), style, body, `'sha256-${digest}'`));
}

/** The player's own scripts and style: in a saved page they stand in it, on a site they are fetched. */
async function sources() {
  const inline = document.querySelector("body.vg-page > script[type=module]");
  if (inline) return { script: inline.textContent, style: document.querySelector("style").textContent };
  const entry = new URL("vg-player.js", import.meta.url).href;
  const done = new Map();
  const add = async (address) => {
    if (done.has(address)) return;
    done.set(address, "");
    const text = await (await fetch(address)).text();
    for (const [, name] of [...text.matchAll(IMPORT), ...text.matchAll(LATER)]) await add(new URL(name, address).href);
    done.delete(address); // after what it imports
    done.set(address, text.replace(IMPORT, "").replace(LATER, "Promise.resolve({ $2 })").replace(/^export (?=(?:async )?function|const|class)/gm, ""));
  };
  await add(entry);
  const sheets = ["graph.css", "player.css"].map(async (name) => (await fetch(new URL(name, entry))).text());
  return { script: `\n${[...done.values()].join("\n")}`, style: (await Promise.all(sheets)).join("\n") };
}

/** A page that fetches nothing, and runs nothing but `scripts`, a source of a content security policy. */
function pageText(title, style, body, scripts) {
  const policy = `default-src 'none'; script-src ${scripts}; style-src 'unsafe-inline'; img-src data:`;
  const heading = html("title", title).outerHTML;
  return (
    `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n` +
    `<meta http-equiv="Content-Security-Policy" content="${policy}">\n` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">\n${heading}\n<style>${style}</style>\n</head>\n` +
    `<body class="vg-page">\n${body}\n</body>\n</html>\n`
  );
}

/** The drawing as it stands, with its styles as attributes, and without what is not shown. */
function svgText({ graph }) {
  const { drawing } = graph;
  drawing.classList.add("vg-still"); // no colour on its way to another
  const copy = drawing.cloneNode(true);
  const shown = [...drawing.querySelectorAll("*")];
  const copies = [...copy.querySelectorAll("*")];
  shown.forEach((element, i) => dress(copies[i], getComputedStyle(element), element.matches(DRAWN) ? STYLES : ["opacity"]));
  drawing.classList.remove("vg-still");
  for (const unneeded of copy.querySelectorAll(".vg-reach, [data-hidden]")) unneeded.remove();
  for (const element of [copy, ...copy.querySelectorAll("*")]) {
    for (const name of ["class", "style", "tabindex", "role", "aria-label", "aria-roledescription", "data-hidden"]) element.removeAttribute(name);
  }
  const { fontFamily, fontSize } = getComputedStyle(drawing);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("font-family", fontFamily);
  copy.setAttribute("font-size", fontSize);
  return new XMLSerializer().serializeToString(copy);
}

function dress(copy, style, names) {
  if (style.visibility === "hidden" || style.display === "none") return void copy.setAttribute("data-hidden", "");
  for (const name of names) copy.setAttribute(name, plainColour(style.getPropertyValue(name)));
}

/** Colours that were mixed by the style sheet, in the notation that every program for pictures knows. */
function plainColour(value) {
  return value.replace(/color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)(?: \/ ([\d.]+))?\)/g, (_, r, g, b, alpha = 1) => {
    const [red, green, blue] = [r, g, b].map((part) => Math.round(255 * part));
    return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
  });
}

function titleOf({ element, trace }) {
  return element.querySelector(".vg-title")?.textContent || trace.files[0]?.name || "vizgrad";
}

function nameOf(figure, withStep = true) {
  const name = titleOf(figure).toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40).replace(/^-+|-+$/g, "") || "figure";
  return withStep ? `${name}-step-${figure.step}` : name;
}

/** Has the browser save a file; says so. */
export function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = html("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return `Saved ${name}.`;
}
