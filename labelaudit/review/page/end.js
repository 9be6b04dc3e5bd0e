// The last page: what was found, how often each pair's suggestion held, what to do next.

import { ask } from "./deck.js";
import { make, shorten } from "./view.js";

const $ = id => document.getElementById(id);
const count = number => number.toLocaleString("en");

/** Fill the last page; `unseen` images could not be shown. Returns the figures. */
export async function fillEnd(about, total, unseen) {
  const none = { ...about.progress, total, share: "", pairs: [], file: about.file };
  const told = await ask("api/ending").catch(() => none);
  const left = count(told.total - told.done);
  const parts = [about.blind ? `${count(told.done)} judged, ${left} left`
    : `${count(told.wrong)} wrong, ${count(told.right)} correct, ${left} left`];
  if (told.skipped) parts.push(`, ${count(told.skipped)} skipped`);
  parts.push(".", told.share ? ` ${told.share}` : "");
  if (unseen) parts.push(` ${count(unseen)} could not be shown.`);
  $("end-title").textContent = unseen ? "That is all that can be judged" : "All done";
  $("end-text").textContent = parts.join("");
  const name = label => make("bdi", { textContent: shorten(about.classes[label], 40) });
  const pair = ([given, better, held, all]) =>
    make("li", {}, name(given), " → ", name(better), ` ${count(held)} of ${count(all)}`);
  $("end-pairs").replaceChildren(...told.pairs.map(pair));
  $("end-scale").textContent = told.scale ?? "";
  $("end-next").replaceChildren(`The verdicts are in ${told.file}. Next: `, make("code", { textContent: about.advice }));
  $("end-again").hidden = !told.skipped;
  return told;
}

/** Put the next command on the clipboard. */
export async function copyAdvice(about) {
  const said = await navigator.clipboard.writeText(about.advice).then(() => "Copied", () => "Not allowed");
  $("end-copy").textContent = said;
  setTimeout(() => { $("end-copy").textContent = "Copy the next command"; }, 1500);
}
