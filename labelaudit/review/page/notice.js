// What the page says: a message that can be closed and hides no picture, and a line about the last answer.

import { make } from "./view.js";

const $ = id => document.getElementById(id);
const closed = new Set();  // messages that were closed do not come back

/** Show a message; an alarm stays, any other is gone with the next answer. */
export function say(text, kind = "") {
  if (kind !== "alarm" && closed.has(text)) return;
  $("notice").querySelector("p").textContent = text;
  $("notice").dataset.kind = kind;
  $("notice").hidden = !text;
}

/** Take the message away: somebody works. */
export function dismiss() {
  if ($("notice").dataset.kind !== "alarm") $("notice").hidden = true;
}

/** Show `text` in the line about the last answer, which no message may cover; where it is `loud` as a message too. */
export function tell(text, loud = false) {
  $("last").textContent = text;
  if (loud) say(text);
  else dismiss();
}

/** Say that an answer, in the words `said`, is on disk, for that many images `more` than the one shown. */
export function tellSaved(said, more) {
  const words = make("b", {}, make("bdi", { textContent: said }));
  const rest = more ? `, for ${(more + 1).toLocaleString("en")} images. U undoes them.` : ". U undoes it.";
  $("last").replaceChildren("Saved: ", words, rest);
}

$("notice").querySelector("button").addEventListener("click", () => {
  closed.add($("notice").querySelector("p").textContent);
  $("notice").hidden = true;
});
