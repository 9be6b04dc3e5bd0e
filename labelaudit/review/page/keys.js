// Which key was meant, whatever the keyboard: by what it types, and where it types another script by its place.

const PLACES = { BracketLeft: "[", BracketRight: "]", Slash: "/", Minus: "-", Equal: "=" };
const SHOWN = {
  arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", " ": "Space", backspace: "⌫",
  pageup: "PgUp", pagedown: "PgDn",
};
const WORDS = {
  left: "the label on the left is correct", right: "the label on the right is correct",
  none: "no class of the dataset fits", skip: "can’t tell: skip", undo: "undo, back to that image",
  search: "search any class", note: "a note for the next verdict", grid: "24 images of one pair at once",
  whole: "one verdict for all images of a group with this label",
  zoom: "zoom in and out; wheel, drag", zoom_in: "zoom in", zoom_out: "zoom out", pixels: "smooth or exact pixels",
  back: "look back without judging", forward: "look forth without judging", help: "these keys",
};

/** A key as it is written on a button. */
export const shownKey = key => SHOWN[key] ?? key.toUpperCase();

/** The digit of the key in the top row or on the keypad, by its place; 0 to 9, or null. */
export function digitOf(event) {
  const found = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (found && !event.shiftKey) return Number(found[1]);
  return /^\d$/.test(event.key) ? Number(event.key) : null;
}

/** What `event` asks for among `keys` (action -> its keys); undefined where it asks for nothing. */
export function actionOf(event, keys) {
  const typed = event.key.toLowerCase();
  const digit = digitOf(event);
  const latin = /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase();
  const names = [typed, digit === null ? "" : String(digit), PLACES[event.code] ?? ""];
  if (latin && /[^\x00-\x7f]/.test(event.key)) names.push(latin);  // a letter of another script: by its place
  for (const name of names) {
    const action = name && Object.keys(keys).find(one => keys[one].includes(name));
    if (action) return action;
  }
  return undefined;
}

/** Whether `event` is a shortcut of the browser; AltGr, with which some keyboards type brackets, is not. */
export const isShortcut = event => !event.getModifierState("AltGraph") && (event.ctrlKey || event.metaKey || event.altKey);

/** Write the keys on the buttons that carry one, and into the list of keys. */
export function labelKeys(keys, classes, fixed) {
  const first = action => shownKey(keys[action][0] ?? "");
  const buttons = {
    another: "search", none: "none", whole: "whole", skip: "skip", note: "note", undo: "undo", "grid-undo": "undo", "grid-leave": "grid",
    "end-undo": "undo", "choose-left": "left", "choose-right": "right",
  };
  for (const [id, action] of Object.entries(buttons)) document.querySelector(`#${id} kbd`).textContent = first(action);
  const row = (shown, words) => {
    const line = document.createElement("div"), term = document.createElement("dt"), said = document.createElement("dd");
    for (const key of shown) term.append(Object.assign(document.createElement("kbd"), { textContent: key }), " ");
    said.append(words);
    line.append(term, said);
    return line;
  };
  const lines = Object.entries(keys).map(([action, mine]) => row(mine.map(shownKey), WORDS[action]));
  const digits = fixed ? [row(["1", "…", String(classes)], "the class with that number, always the same one")]
    : [row(["1", "2"], "left, right"), row(["3", "…", "7"], "another likely class")];
  const grid = [row(["←", "→", "↑", "↓"], "in the grid: move"), row(["Space", "X"], "in the grid: mark or unmark"),
    row(["A"], "in the grid: mark all, or none"), row(["Enter"], "in the grid: save the page"), row(["Esc"], "back from the grid; closes what is open")];
  document.getElementById("help-keys").replaceChildren(...digits, ...lines, ...grid);
}
