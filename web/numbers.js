// Numbers in a program that a reader changes without typing: Alt+Up and Alt+Down change the last digit, and so does a
// drag sideways, with Alt held down or on the handle that stands below a number while the cursor is in it.
import { syntaxTree } from "@codemirror/language";
import { StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, keymap } from "@codemirror/view";

const PIXELS = 6; // of a drag that change the last digit by one
const PLAIN = /^-?(\d+(\.\d+)?|\.\d+)(e[-+]?\d+)?$/i;
const LONGEST = 15; // characters: more digits than that are not exact

/** The number at a place in the text, with its sign: { from, text }; null where there is none. */
export function numberAt(state, place) {
  for (const side of [-1, 1]) {
    const node = syntaxTree(state).resolveInner(place, side);
    if (node.name !== "Number") continue;
    const { parent } = node;
    const isSigned = parent.name === "UnaryExpression" && state.sliceDoc(parent.from, node.from) === "-";
    const from = isSigned ? parent.from : node.from;
    const text = state.sliceDoc(from, node.to);
    if (PLAIN.test(text) && text.length <= LONGEST) return { from, text };
  }
  return null;
}

/** A number as it is written, its last digit changed by so many units: "0.95" by 10 is "1.05". */
export function moved(text, units) {
  const [, digits, power = ""] = /^([^e]*)(e.*)?$/i.exec(text);
  const places = digits.includes(".") ? digits.length - digits.indexOf(".") - 1 : 0;
  const scale = 10 ** places;
  return ((Math.round(Number(digits) * scale) + units) / scale).toFixed(places) + power;
}

function replace(view, from, old, fresh) {
  const changes = { from, to: from + old.length, insert: fresh };
  view.dispatch({ changes, selection: { anchor: from + fresh.length }, userEvent: "input.type.number" });
}

function drag(view, { from, text }, event, onNumber) {
  event.preventDefault();
  let now = text;
  const stop = new AbortController();
  const on = (type, action) => addEventListener(type, (other) => other.pointerId === event.pointerId && action(other), stop);
  on("pointermove", ({ clientX }) => {
    const fresh = moved(text, Math.round((clientX - event.clientX) / PIXELS));
    if (fresh === now) return;
    replace(view, from, now, fresh);
    now = fresh;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    on(end, () => {
      stop.abort();
      if (now !== text) onNumber();
    });
  }
}

class Handle extends WidgetType {
  constructor(number, onNumber) {
    super();
    this.number = number;
    this.onNumber = onNumber;
  }

  eq({ number }) {
    return number.from === this.number.from && number.text === this.number.text;
  }

  toDOM(view) {
    const handle = document.createElement("span");
    handle.className = "cm-numberHandle";
    handle.setAttribute("aria-hidden", "true"); // the keyboard has keys for it
    handle.append(document.createElement("span")); // its ↔ is in the style: the line holds the program's text only
    handle.addEventListener("pointerdown", (event) => {
      const number = numberAt(view.state, view.state.selection.main.head);
      if (number) drag(view, number, event, this.onNumber);
    });
    return handle;
  }
}

function handles(onNumber) {
  const make = (state) => {
    const { ranges, main } = state.selection;
    const number = ranges.length === 1 && main.empty ? numberAt(state, main.head) : null;
    if (!number) return Decoration.none;
    const widget = Decoration.widget({ widget: new Handle(number, onNumber), side: 1 });
    return Decoration.set(widget.range(number.from + number.text.length));
  };
  return StateField.define({
    create: make,
    update: (before, { startState, state, docChanged, selection }) => {
      const isReadFurther = syntaxTree(state) !== syntaxTree(startState); // a program is read in pieces
      return docChanged || selection || isReadFurther ? make(state) : before;
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

/** The extension; `onNumber()` is called after a number has been changed in one of these ways. */
export function numbers(onNumber = () => {}) {
  const change = (units) => (view) => {
    const number = numberAt(view.state, view.state.selection.main.head);
    if (!number) return false; // then the key moves the line
    replace(view, number.from, number.text, moved(number.text, units));
    onNumber();
    return true;
  };
  const onPointer = (event, view) => {
    const place = event.altKey && event.button === 0 ? view.posAtCoords(event) : null;
    const number = place === null ? null : numberAt(view.state, place);
    if (!number) return false;
    drag(view, number, event, onNumber);
    return true;
  };
  return [
    keymap.of([
      { key: "Alt-ArrowUp", run: change(1) },
      { key: "Alt-ArrowDown", run: change(-1) },
    ]),
    EditorView.domEventHandlers({ pointerdown: onPointer }),
    handles(onNumber),
  ];
}
