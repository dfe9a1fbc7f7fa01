// What the grader says, as elements.
import { made } from "./dom.js";

/** Everything about a verdict but its headline. */
export function explained(verdict) {
  const right = verdict.right.map((text) => remark("vg-ex-good", "Right so far", [made("p", text)]));
  const known = verdict.known ? [made("p", `A usual mistake gives the same numbers: ${verdict.known}.`)] : [];
  const faults = verdict.faults.map((fault, index) => faultRemark(fault, index === 0 ? known : []));
  return [...right, ...faults];
}

function faultRemark({ what, why, do: advice, line, table }, more) {
  const content = [made("p", what)];
  if (table) content.push(tables(table));
  if (why) content.push(paragraph("Why: ", why));
  content.push(...more);
  if (advice) content.push(paragraph("What to do: ", advice));
  return remark("vg-ex-bad", line ? `To mend, at line ${line}` : "To mend", content);
}

function paragraph(lead, text) {
  const element = made("p", sentence(text));
  element.prepend(made("strong", lead));
  return element;
}

function remark(kind, title, content) {
  const element = made("div", "", { class: `vg-ex-remark ${kind}` });
  element.append(made("p", title, { class: "vg-ex-remark-title" }), ...content);
  return element;
}

function tables({ found, expected, wrong }) {
  const both = made("div", "", { class: "vg-ex-tables", tabindex: "0", role: "region", "aria-label": "The numbers" });
  both.append(matrix("your answer", found, wrong), matrix("expected", expected));
  return both;
}

/** Wrong entries are bold and underlined, and say so. */
function matrix(caption, rows, wrong = null) {
  const table = document.createElement("table");
  table.append(made("caption", caption));
  rows.forEach((row, i) => {
    const line = table.insertRow();
    row.forEach((text, j) => {
      const cell = line.insertCell();
      if (!wrong?.[i][j]) return cell.append(text);
      cell.append(made("strong", text), made("span", " (wrong)", { class: "vg-ex-unseen" }));
    });
  });
  return table;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
