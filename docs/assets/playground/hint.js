// What the keys do in an editor, for below it. It is no part of the editor, which comes later than the page: the room for
// these lines is there before, and nothing moves when the editor comes.
const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
const [MOD, ALT] = isApple ? ["⌘", "⌥"] : ["Ctrl", "Alt"];
const KEYS = `${MOD}+Enter runs. ${ALT}+↑ and ${ALT}+↓ change a number. Tab indents; Esc, then Tab leaves the editor. `;
const HANDLES = "Drag the ↔ of a number to change it.";

let hints = 0;

/** A paragraph, with an id by which the editor is described. */
export function editorHint() {
  const hint = document.createElement("p");
  hint.className = "vg-editor-hint";
  hint.id = `vg-editor-hint-${++hints}`;
  const keys = document.createElement("span");
  keys.className = "vg-editor-keys"; // a style sheet hides it where there is hardly a keyboard
  keys.textContent = KEYS;
  hint.append(keys, HANDLES);
  return hint;
}
