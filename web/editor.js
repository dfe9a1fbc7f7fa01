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

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
const HINT = `${isApple ? "⌘" : "Ctrl"}+Enter runs. Tab indents; Esc, then Tab leaves the editor.`;

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
  ".cm-content": { caretColor: ink, padding: "0.6em 0" },
  ".cm-cursor": { borderLeftColor: ink },
  ".cm-gutters": { color: quiet, backgroundColor: "transparent", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: `color-mix(in srgb, ${line} 50%, transparent)` },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: `color-mix(in srgb, ${accent} 25%, transparent)`,
  },
  ".cm-errorLine": {
    backgroundColor: "color-mix(in srgb, var(--vg-error, #c62828) 14%, transparent)",
    boxShadow: "inset 3px 0 var(--vg-error, #c62828)",
  },
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

const markError = StateEffect.define();
const errorLine = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    const effect = transaction.effects.find((one) => one.is(markError));
    return effect ? errorMark(transaction.state.doc, effect.value) : marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function errorMark(doc, number) {
  if (number === null || number < 1 || number > doc.lines) return Decoration.none;
  return Decoration.set(Decoration.line({ class: "cm-errorLine" }).range(doc.line(number).from));
}

let editors = 0;

function addHint(parent) {
  const hint = document.createElement("p");
  hint.className = "vg-editor-hint";
  hint.id = `vg-editor-hint-${++editors}`;
  hint.textContent = HINT;
  parent.append(hint);
  return hint;
}

function extensions({ label, hint, onRun, onChange }) {
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
    errorLine,
    theme,
    syntaxHighlighting(highlighting),
    EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": hint.id }),
    EditorView.updateListener.of((update) => update.docChanged && onChange?.(update.state.doc.toString())),
    // Ours first: the default keymap has its own Mod-Enter. After Esc, CodeMirror lets the next Tab leave.
    keymap.of([{ key: "Mod-Enter", run }, { key: "Shift-Enter", run }]),
    keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap]),
  ];
}

/**
 * Puts an editor into `parent`, with a hint below it that tells how to run and how to leave.
 * `onRun()` is called for Ctrl/Cmd+Enter and Shift+Enter, `onChange(text)` after every edit.
 */
export function makeEditor(parent, { doc = "", label = "Python code", onRun, onChange } = {}) {
  const hint = addHint(parent);
  const view = new EditorView({
    state: EditorState.create({ doc, extensions: extensions({ label, hint, onRun, onChange }) }),
  });
  hint.before(view.dom);
  return {
    get text() {
      return view.state.doc.toString();
    },
    set text(insert) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert } });
    },
    /** Marks line `number`, counted from 1, as the one that failed; null takes the mark away. */
    setErrorLine(number) {
      view.dispatch({ effects: markError.of(number) });
    },
    focus: () => view.focus(),
    destroy() {
      view.destroy();
      hint.remove();
    },
  };
}
