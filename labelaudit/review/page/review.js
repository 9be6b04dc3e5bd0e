// The flow of a review: show a question, take an answer, wait until it is on disk, show the next.
// Text from the data enters the page as textContent only.

import { Deck, Failure, ask } from "./deck.js";
import { Grid } from "./grid.js";
import { Group } from "./group.js";
import { actionOf, digitOf, isShortcut, labelKeys } from "./keys.js";
import { Pace } from "./pace.js";
import { Rerank } from "./rerank.js";
import { Search } from "./search.js";
import { Stage } from "./stage.js";
import { switchTheme } from "./theme.js";
import { View, make, shorten, spoken } from "./view.js";

const $ = id => document.getElementById(id);
const count = number => number.toLocaleString("en");
const GONE = "The review was stopped; every verdict is on disk. Start it again with labelaudit review and open the address that it prints.";
const TUNE = "A few images from all over the ranking; scores and suggestions are hidden so that nothing sways you. Which label is correct?";
const FIRST = "Nobody has judged anything yet. With --order tune the page first asks about twenty images from all over the list, and then says how far down it is worth a look.";

if (location.search) history.replaceState(null, "", location.pathname);  // the key is in a cookie by now

const about = await ask("api/about").catch(error => { fail(error); throw error; });
const deck = new Deck(about.total);
const view = new View(about, deck, answer);
const stage = new Stage($("view"), side => question && answer("class", question[side]));
const group = new Group(view);
const search = new Search($("search"), about.classes, label => answer("class", label));
const grid = new Grid(about, { taken: pageTaken, failed: fail, leave: leaveGrid });
const passed = new Set();
let question = null;   // what is shown
let ready = false;     // its image is on the screen, and nothing is being written
let noted = "";        // for the next verdict
const judged = [];     // place and row of what was judged in this tab, for undo
const pace = new Pace();
const anew = new Rerank(about, say, fail);
const closed = new Set();  // messages that were closed
let countTimer = 0, stopTimer = 0;

function begin() {
  document.title = `${about.run}: review`;
  document.documentElement.toggleAttribute("data-blind", about.blind);
  $("run").textContent = about.run;
  $("reviewer").textContent = about.reviewer;
  $("report").hidden = $("end-report").hidden = !about.report || about.blind;
  $("grid-button").hidden = about.blind;
  labelKeys(about.keys, about.classes.length, view.fixed);
  if (about.blind) say(about.order === "tune" ? TUNE : "Estimation sample: scores, suggestions and file names are hidden, and the sides are shuffled, so that nothing sways you. Which label is correct?");
  else if (!about.progress.done) say(FIRST, "hint");
  anew.tell();
  showProgress(about.progress);
  about.first.forEach(one => deck.update(one));
  go(about.next).then(askStop);  // the image first
}

/** Show one of the three parts of the page: the desk, the grid or the end. */
function turnTo(part) {
  for (const id of ["desk", "grid", "end"]) $(id).hidden = id !== part;
  $("grid-button").setAttribute("aria-pressed", String(part === "grid"));
}

async function go(place) {
  ready = false;
  try {
    if (place >= deck.total) {
      place = await deck.nextOpen(0, passed);
      if (place >= deck.total) return finish();
    }
    const next = await deck.question(place);
    turnTo("desk");
    question = next;
    view.render(question);
    group.render(question);
    const picture = await deck.picture(next.row);
    if (question !== next) return;
    if (picture.error) stage.showAbsent("This image cannot be judged", `${picture.error.message}. Press S to go on.`);
    else stage.show(picture.image);
    await painted();
    if (question !== next) return;
    question.absent = Boolean(picture.error);
    ready = true;
    document.body.dataset.shown = String(place);
    view.showNeighbours(next, () => question === next);
    deck.prepare(place).catch(() => {});
  } catch (error) {
    fail(error);
  }
}

const painted = () => new Promise(resolve => requestAnimationFrame(() => resolve()));

/** Where to go after a verdict: what the server says is open now, not what was open when the page asked ahead. */
async function after(taken) {
  (taken.following ?? []).forEach(one => deck.update(one));
  return passed.has(taken.next) ? deck.nextOpen(taken.next, passed) : taken.next;
}

async function answer(kind, label) {
  if (!ready || !question || label === null) return;
  if (question.absent) {
    if (kind !== "skip") return tell("This image cannot be judged: press S to go on.");
    passed.add(question.place);
    return go(await deck.nextOpen(question.place + 1, passed));
  }
  ready = false;
  closeHint();
  const asked = question;
  try {
    const { next, following, ...taken } = await ask("api/judge", { place: asked.place, row: asked.row, answer: kind, label, version: asked.version, note: noted, together: group.whole });
    if (taken.together) deck.forgetQuestions();
    deck.update(taken);
    judged.push({ place: asked.place, row: asked.row });
    pace.count(1);
    noted = "";
    $("note").removeAttribute("aria-pressed");
    if (label !== undefined) search.remember(label);
    tellAnswer(kind, label, taken.together);
    progressed();
    go(await after({ next, following }));
  } catch (error) {
    ready = true;
    if (error.kind === "stale") {
      deck.update(error.question);
      question = error.question;
      view.render(question);
      const shown = question;
      view.showNeighbours(shown, () => question === shown);
      tell("This image was judged in another tab meanwhile. Its verdict is shown; answer again to change it.", true);
    } else if (error.kind === "changed" || error.kind === "missing") {
      deck.pictures.delete(asked.row);
      go(asked.place);
    } else fail(error);
  }
}

async function undo() {
  if (question && !ready && !$("desk").hidden) return;
  ready = false;
  try {
    const back = await ask("api/undo", judged.pop() ?? { place: null });
    deck.forgetQuestions();
    deck.update(back);
    passed.delete(back.place);
    tell("Undone.");
    progressed();
    await go(back.place);
  } catch (error) {
    ready = true;
    error.kind === "nothing" || error.kind === "failure" ? tell(error.message) : fail(error);
  }
}

/** Look back or forth without judging; from the end back to the last image. */
async function look(step) {
  if (!question && $("end").hidden) return;
  const place = ($("end").hidden ? question.place : deck.total) + step;
  if (place >= 0 && place < deck.total) await go(place);
}

// --- grid mode

async function enterGrid() {
  if (about.blind) return;
  ready = false;
  closeHint();
  try {
    turnTo("grid");
    if (!await grid.show(question?.place ?? 0)) finish();
  } catch (error) {
    fail(error);
  }
}

async function leaveGrid(place) {
  deck.forgetQuestions();
  go(await deck.nextOpen(place ?? 0, passed));
}

async function pageTaken(taken, skipped) {
  pace.count(taken.length);
  judged.push(...taken);
  skipped.forEach(place => passed.add(place));
  deck.forgetQuestions();
  progressed();
  if (skipped.length) say(`${skipped.length} of the page could not be saved: they were changed, or judged elsewhere. They are open still.`);
  if (skipped.length && !taken.length) return leaveGrid(skipped[0]);
  question = null;
  if (!await grid.show(0)) finish();
}

// --- what is said

function tellAnswer(kind, label, more) {
  const said = make("b", {}, make("bdi", { textContent: spoken(kind, about.classes[label]) }));
  $("last").replaceChildren("Saved: ", said, more ? `, for ${count(more + 1)} images. U undoes them.` : ". U undoes it.");
}

function tell(text, loud = false) {
  $("last").textContent = text;
  if (loud) say(text);
}

/** A message above the page, which takes no room from the picture; one that was closed does not come back. */
function say(text, kind = "") {
  if (kind !== "alarm" && closed.has(text)) return;
  $("notice").querySelector("p").textContent = text;
  $("notice").dataset.kind = kind;
  $("notice").hidden = !text;
}

/** A hint is gone once somebody works. */
function closeHint() {
  if ($("notice").dataset.kind === "hint") $("notice").hidden = true;
}

$("notice").querySelector("button").addEventListener("click", () => {
  closed.add($("notice").querySelector("p").textContent);
  $("notice").hidden = true;
});

// The figures wait until nobody is in a hurry: the next image comes first.
function progressed() {
  clearTimeout(countTimer);
  clearTimeout(stopTimer);
  countTimer = setTimeout(async () => showProgress(await ask("api/progress").catch(() => null)), 120);
  stopTimer = setTimeout(askStop, 600);
}

async function askStop() {
  const { sentence } = await ask("api/stop").catch(() => ({ sentence: "" }));
  $("end-stop").textContent = sentence.replaceAll("`", "");
  if (sentence && !about.blind && question && pace.verdicts % 20 === 0) say(sentence);
}

function showProgress(progress) {
  if (!progress) return;
  about.progress = progress;
  anew.offer(progress);
  const done = make("b", { textContent: count(progress.done) });
  const parts = [` of ${count(deck.total)}`, ` · ${count(progress.wrong)} wrong`, ` · ${count(progress.right)} correct`];
  if (progress.skipped) parts.push(` · ${count(progress.skipped)} skipped`);
  $("counts").replaceChildren(done, ...(about.blind ? parts.slice(0, 1) : parts), pace.say(deck.total - progress.done));
  const shares = about.blind ? { wrong: 0, right: progress.done, skipped: 0 } : progress;
  for (const kind of ["wrong", "right", "skipped"]) $("meter").querySelector(`.${kind}`).style.flexBasis = `${100 * shares[kind] / deck.total}%`;
  $("meter").setAttribute("aria-valuenow", progress.done);
  $("meter").setAttribute("aria-valuemax", deck.total);
}

// --- the end

async function finish() {
  question = null;
  turnTo("end");
  const told = await ask("api/ending").catch(() => ({ ...about.progress, total: deck.total, share: "", pairs: [], file: about.file }));
  showProgress(told);
  const left = told.total - told.done;
  $("end-title").textContent = passed.size ? "That is all that can be judged" : "All done";
  const parts = [about.blind ? `${count(told.done)} judged, ${count(left)} left` : `${count(told.wrong)} wrong, ${count(told.right)} correct, ${count(left)} left`];
  if (told.skipped) parts.push(`, ${count(told.skipped)} skipped`);
  parts.push(".", told.share ? ` ${told.share}` : "");
  if (passed.size) parts.push(` ${count(passed.size)} could not be shown.`);
  $("end-text").textContent = parts.join("");
  const name = label => make("bdi", { textContent: shorten(about.classes[label], 40) });
  $("end-pairs").replaceChildren(...told.pairs.map(([given, better, held, all]) => make("li", {}, name(given), " → ", name(better), ` ${count(held)} of ${count(all)}`)));
  $("end-scale").textContent = told.scale ?? "";
  $("end-next").textContent = `The verdicts are in ${told.file}. Next: ${about.advice}`;
  if ($("notice").dataset.kind !== "alarm") say("");
  $("end-again").hidden = !told.skipped;
  ready = true;
  document.body.dataset.shown = "end";
  askStop();
}

async function reopenSkipped() {
  for (let place = 0; place < deck.total; place++) {
    const one = await deck.question(place);
    if (one.verdict?.kind === "skip") deck.update({ ...one, done: false });
  }
  go(await deck.nextOpen(0, passed));
}

async function copyAdvice() {
  const said = await navigator.clipboard.writeText(about.advice).then(() => "Copied", () => "Not allowed");
  $("end-copy").textContent = said;
  setTimeout(() => { $("end-copy").textContent = "Copy the next command"; }, 1500);
}

function fail(error) {
  if (!(error instanceof Failure)) throw error;
  if (error.kind === "moved") return location.reload();
  if (error.kind === "gone" || error.kind === "locked") say(GONE, "alarm");
  else say(error.message, "alarm");
}

// --- keys and buttons

const ACTIONS = {
  left: () => answer("class", question?.left), right: () => answer("class", question?.right),
  none: () => answer("none"), skip: () => answer("skip"), undo, search: openSearch, note: openNote, whole: () => group.toggle(),
  grid: () => grid.open ? leaveGrid(grid.questions[0]?.place) : enterGrid(),
  zoom: () => stage.toggle(), zoom_in: () => stage.zoom(1.5), zoom_out: () => stage.zoom(1 / 1.5),
  pixels: () => stage.togglePixels(), back: () => look(-1), forward: () => look(1), help: () => { $("help").showModal(); $("help").scrollTop = 0; },
};
const REPEATED = ["zoom_in", "zoom_out", "back", "forward"];  // of the others a key held down is one

function openSearch() {
  if (ready && question) search.open(about.blind ? [] : view.likely(question));
}

function openNote() {
  if (!ready || !question) return;
  $("noted").value = noted || question.verdict?.note || "";
  $("noting").showModal();
}
$("noting").addEventListener("submit", () => {  // at once: the next key may be the verdict; Escape keeps nothing
  noted = $("noted").value.trim();
  $("note").setAttribute("aria-pressed", String(Boolean(noted)));
});

document.addEventListener("keydown", event => {
  if (event.isComposing) return;
  const action = actionOf(event, about.keys);
  if ($("help").open && action === "help") {
    event.preventDefault();
    return $("help").close();
  }
  if (document.querySelector("dialog[open]")) return;
  if (isShortcut(event)) {
    if (event.key !== "z" || event.altKey) return;
    event.preventDefault();
    return grid.open ? grid.undo() : undo();
  }
  if (grid.open) {
    if (event.target.closest?.("button") && !event.target.closest("#grid-cells") && ["Enter", " "].includes(event.key)) return;
    if (grid.key(event, action)) event.preventDefault();
    else if (action === "help") ACTIONS.help();
    return;
  }
  if ((event.key === " " || event.key === "Enter") && event.target.closest?.("button, a")) return;
  const digit = action ? null : digitOf(event);
  const label = digit && question ? view.classOf(digit, question) : undefined;
  if (!action && label === undefined) return;
  event.preventDefault();
  if (event.repeat && !REPEATED.includes(action)) return;
  action ? ACTIONS[action]() : answer("class", label);
});

const clicks = {
  "choose-left": ACTIONS.left, "choose-right": ACTIONS.right, another: openSearch, none: ACTIONS.none, skip: ACTIONS.skip,
  note: openNote, whole: ACTIONS.whole, undo, "end-undo": undo, "end-again": reopenSkipped, "end-copy": copyAdvice,
  "help-button": ACTIONS.help, "grid-button": ACTIONS.grid, rerank: () => anew.run(), "end-rerank": () => anew.run(),
  theme: switchTheme,
};
for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", event => { if (event.detail) event.currentTarget.blur(); act(); });

begin();
