// CodeMirror 6 set up for short Python programs. The site sees CodeMirror through makeEditor only.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { numbers } from "./numbers.js";

// Material's own variables, so that the palette switch reaches the editor; the fallbacks serve any other page.
const color = (name, fallback) => `var(--md-${name}, ${fallback})`;
const ink = color("default-fg-color", "CanvasText");
const quiet = color("default-fg-color--light", "GrayText");
const line = color("default-fg-color--lightest", "rgb(128 128 128 / 20%)");
const accent = color("accent-fg-color", "Highlight");

const theme = EditorView.theme({
  "&": { color: ink, backgroundColor: color("code-bg-color", "Canvas"), borderRadius: "0.3rem" },
  "&.cm-focused": { outline: `2px solid ${accent}`, outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: color("code-font-family", "ui-monospace, monospace"), lineHeight: "1.6" },
  ".cm-content": { caretColor: ink, padding: "0.6em 0 1.6em" }, // room for the handle of the last line
  ".cm-cursor": { borderLeftColor: ink },
  ".cm-gutters": { color: quiet, backgroundColor: "transparent", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: `color-mix(in srgb, ${line} 50%, transparent)` },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: `color-mix(in srgb, ${accent} 25%, transparent)`,
  },
  ".cm-stepLine": {
    backgroundColor: `color-mix(in srgb, ${accent} 7%, transparent)`,
    boxShadow: `inset 3px 0 ${accent}`,
  },
  ".cm-errorLine": {
    backgroundColor: "color-mix(in srgb, var(--vg-error, #c62828) 14%, transparent)",
    boxShadow: "inset 3px 0 var(--vg-error, #c62828)",
  },
  // No text makes room for the handle, or it would move whenever the cursor comes to a number.
  ".cm-numberHandle": { position: "relative", display: "inline-block", width: "0" },
  ".cm-numberHandle > span": {
    position: "absolute",
    zIndex: "1",
    top: "0.45em",
    left: "-1.6em",
    padding: "0 0.5em",
    borderRadius: "0.7em",
    color: color("default-bg-color", "Canvas"),
    backgroundColor: accent,
    fontFamily: "system-ui, sans-serif",
    lineHeight: "1.35",
    cursor: "ew-resize",
    touchAction: "none",
    userSelect: "none",
  },
  ".cm-numberHandle > span::before": { content: "'↔'" },
  "@media (pointer: coarse)": { ".cm-numberHandle > span": { left: "-2em", padding: "0.3em 0.9em" } },
  "&:not(.cm-focused) .cm-numberHandle": { display: "none" },
});

const highlighting = HighlightStyle.define([
  { tag: tags.keyword, color: color("code-hl-keyword-color", "inherit") },
  { tag: [tags.string, tags.special(tags.string)], color: color("code-hl-string-color", "inherit") },
  { tag: [tags.number, tags.bool, tags.null], color: color("code-hl-number-color", "inherit") },
  { tag: [tags.comment, tags.docComment], color: color("code-hl-comment-color", "inherit"), fontStyle: "italic" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.className)],
    color: color("code-hl-function-color", "inherit"),
  },
  { tag: [tags.operator, tags.punctuation], color: color("code-hl-operator-color", "inherit") },
]);

/** A mark on one line: the effect that sets it to a number, counted from 1, or to null; and the extension. */
function lineMark(name) {
  const set = StateEffect.define();
  const mark = (doc, number) => {
    if (number === null || number < 1 || number > doc.lines) return Decoration.none;
    return Decoration.set(Decoration.line({ class: name }).range(doc.line(number).from));
  };
  const field = StateField.define({
    create: () => Decoration.none,
    update(marks, transaction) {
      const effect = transaction.effects.find((one) => one.is(set));
      return effect ? mark(transaction.state.doc, effect.value) : marks.map(transaction.changes);
    },
    provide: (field) => EditorView.decorations.from(field),
  });
  return [set, field];
}
const [setError, errorLine] = lineMark("cm-errorLine");
const [setStep, stepLine] = lineMark("cm-stepLine");

/** Scrolls to a line inside the editor only: the page stays where the reader has it. */
function reveal(view, number) {
  if (number === null || number < 1 || number > view.state.doc.lines) return;
  const { top, bottom } = view.lineBlockAt(view.state.doc.line(number).from);
  const { scrollTop, clientHeight } = view.scrollDOM;
  if (top < scrollTop || bottom > scrollTop + clientHeight) view.scrollDOM.scrollTop = top - clientHeight / 3;
}

function extensions({ label, describedBy, onRun, onChange, onNumber }) {
  const run = () => (onRun?.(), true);
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    python(),
    indentUnit.of("    "),
    stepLine,
    errorLine,
    theme,
    syntaxHighlighting(highlighting),
    EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": describedBy }),
    EditorView.updateListener.of((update) => update.docChanged && onChange?.(update.state.doc.toString())),
    // Ours first: the default keymap has its own Mod-Enter. After Esc, CodeMirror lets the next Tab leave.
    keymap.of([{ key: "Mod-Enter", run }, { key: "Shift-Enter", run }]),
    numbers(onNumber),
    keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap]),
  ];
}

/**
 * Puts an editor into `parent`. `describedBy` is the id of an element that tells how to run and how to leave.
 * `onRun()` is called for Ctrl/Cmd+Enter and Shift+Enter, `onChange(text)` after every edit, `onNumber()` after a number
 * was dragged, or changed with Alt and an arrow key.
 */
export function makeEditor(parent, { doc = "", label = "Python code", describedBy = "", onRun, onChange, onNumber } = {}) {
  const view = new EditorView({
    parent,
    state: EditorState.create({ doc, extensions: extensions({ label, describedBy, onRun, onChange, onNumber }) }),
  });
  return {
    get text() {
      return view.state.doc.toString();
    },
    set text(insert) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert } });
    },
    /** Marks line `number`, counted from 1, as the one that failed; null takes the mark away. */
    setErrorLine(number) {
      view.dispatch({ effects: setError.of(number) });
      reveal(view, number);
    },
    /** Marks the line of the step that is shown, in the same way. */
    setStepLine(number) {
      view.dispatch({ effects: setStep.of(number) });
      reveal(view, number);
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
