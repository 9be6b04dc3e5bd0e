// Keys and buttons: which action each of them starts.

import { actionOf, digitOf, isShortcut } from "./keys.js";

const $ = id => document.getElementById(id);
const REPEATED = ["zoom_in", "zoom_out", "back", "forward"];  // of the others a key held down is one
const BUTTONS = {
  "choose-left": "left", "choose-right": "right", another: "search", none: "none", skip: "skip", note: "note",
  whole: "whole", undo: "undo", "help-button": "help", "grid-button": "grid", "end-undo": "undo",
};

/** Have the keys of the table `keys` and the buttons of the page start `actions`; `digit` finds what
 * a digit starts, and while the grid is open its own keys come first. */
export function listen(keys, actions, digit, grid) {
  document.addEventListener("keydown", event => {
    if (event.isComposing) return;
    const action = actionOf(event, keys);
    if (action === "help" && $("help").open) {
      event.preventDefault();
      return $("help").close();
    }
    if (document.querySelector("dialog[open]")) return;
    if (isShortcut(event)) {
      if (event.key !== "z" || event.altKey) return;
      event.preventDefault();
      return grid.open ? grid.undo() : actions.undo();
    }
    const button = event.target.closest?.("button, a");
    const pressed = button && [" ", "Enter"].includes(event.key);  // the browser presses it
    if (grid.open) {
      if (pressed && !button.closest("#grid-cells")) return;
      if (grid.key(event, action)) event.preventDefault();
      else if (action === "help") actions.help();
      return;
    }
    if (pressed) return;
    const act = action ? actions[action] : digit(digitOf(event));
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || REPEATED.includes(action)) act();
  });
  for (const [id, action] of Object.entries(BUTTONS)) press(id, actions[action]);
}

/** Have a button do `act`; a mouse leaves the focus where the keys work. */
export function press(id, act) {
  $(id).addEventListener("click", event => {
    if (event.detail) event.currentTarget.blur();
    act();
  });
}
