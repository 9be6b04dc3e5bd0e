// The flow of a review: show a question, take an answer, wait until it is on disk, show the next.
// Text from the data enters the page as textContent only.

import { listen, press } from "./controls.js";
import { Deck, Failure, ask } from "./deck.js";
import { copyAdvice, fillEnd } from "./end.js";
import { Grid } from "./grid.js";
import { Group } from "./group.js";
import { labelKeys } from "./keys.js";
import { dismiss, say, tell, tellSaved } from "./notice.js";
import { Progress } from "./progress.js";
import { Rerank } from "./rerank.js";
import { Search } from "./search.js";
import { Stage } from "./stage.js";
import { switchTheme } from "./theme.js";
import { View, spoken } from "./view.js";

const $ = id => document.getElementById(id);
const GONE = "The review was stopped; every verdict is on disk. Start it again with labelaudit review and open the "
  + "address that it prints.";
const ABSENT = "This image cannot be judged", PASS = "“Can’t tell” goes on.";
const roomy = matchMedia("(min-width: 821px) and (min-height: 501px)").matches;  // where a hint covers nothing that is needed
const HINTS = {
  tune: "A few images from all over the ranking; scores and suggestions are hidden so that nothing sways you. Which "
    + "label is correct?",
  sample: "Estimation sample: scores, suggestions and file names are hidden, and the sides are shuffled, so that "
    + "nothing sways you. Which label is correct?",
  first: "Nobody has judged anything yet. labelaudit tune asks about twenty images from all over the list first, and "
    + "then says how far down it is worth a look.",
};

if (location.search) history.replaceState(null, "", location.pathname);  // the key is in a cookie by now

const about = await ask("api/about").catch(error => { fail(error); throw error; });
const deck = new Deck(about.total);
const view = new View(about, deck, answer);
const stage = new Stage($("view"), side => question && answer("class", question[side]));
const group = new Group(view);
const search = new Search($("search"), about.classes, label => answer("class", label));
const grid = new Grid(about, { taken: pageTaken, undone: pageUndone, failed: fail, leave: leaveGrid });
const anew = new Rerank(about, say, fail);
const progress = new Progress(about, deck.total, anew);
const passed = new Set();  // places of images that cannot be judged
const judged = [];         // place and row of what was judged in this tab, for undo
let question = null;       // what is shown
let ready = false;         // its image is on the screen, and nothing is being written
let coming = false;        // an image is on its way to the screen
let then = null;           // what to open once it is there
let noted = "";            // for the next verdict

function begin() {
  document.title = `${about.run}: review`;
  document.documentElement.toggleAttribute("data-blind", about.blind);
  $("run").textContent = about.run;
  $("reviewer").textContent = about.reviewer;
  $("report").hidden = $("end-report").hidden = !about.report || about.blind;
  $("grid-button").hidden = about.blind;
  labelKeys(about.keys, about.classes.length, view.fixed);
  if (about.blind) say(HINTS[about.order] ?? HINTS.sample);
  else if (!about.progress.done && roomy) say(HINTS.first);
  progress.show(about.progress);
  about.first.forEach(one => deck.update(one));
  go(about.next).then(() => {  // the image, or the end, first
    anew.tell();
    progress.askStop();
  });
}

/** Show one of the three parts of the page: the desk, the grid or the end. */
function turnTo(part) {
  for (const id of ["desk", "grid", "end"]) $(id).hidden = id !== part;
  $("grid-button").setAttribute("aria-pressed", String(part === "grid"));
}

// --- one image after the other

async function go(place) {
  ready = false;
  coming = true;
  try {
    if (place >= deck.total) {
      deck.forgetQuestions();  // others may have judged what was left to them
      place = await deck.nextOpen(0, passed);
    }
    if (place >= deck.total) return finish();
    const next = await deck.question(place);
    turnTo("desk");
    pose(next);
    const picture = await deck.picture(next.row);
    if (question !== next) return;
    const why = picture.error?.message ?? "";
    if (picture.error) stage.showAbsent(ABSENT, `${why.charAt(0).toUpperCase()}${why.slice(1)}. ${PASS}`);
    else stage.show(picture.image);
    await painted();
    if (question !== next) return;
    question.absent = Boolean(picture.error);
    ready = true;
    coming = false;
    document.body.dataset.shown = String(place);
    then?.();
    then = null;
    view.showNeighbours(next, () => question === next);
    deck.prepare(place).catch(() => {});
  } catch (error) {
    fail(error);
  }
}

/** The next frame of the screen; a hidden tab has none, so no later than 100 ms from now. */
const painted = () => new Promise(done => { requestAnimationFrame(done); setTimeout(done, 100); });

/** Show the labels and what is known of a question. */
function pose(next) {
  question = next;
  view.render(next);
  group.render(next);
}

async function answer(kind, label) {
  if (!ready || !question || label === null) return;
  if (question.absent) {
    if (kind !== "skip") return tell(`${ABSENT}. ${PASS}`);
    passed.add(question.place);
    return go(await deck.nextOpen(question.place + 1, passed));
  }
  ready = false;
  coming = true;
  dismiss();
  const { place, row, version } = question;
  const said = { place, row, answer: kind, label, version, note: noted, together: group.whole };
  try {
    const { next, following, ...taken } = await ask("api/judge", said);
    if (taken.together) deck.forgetQuestions();
    [taken, ...following ?? []].forEach(one => deck.update(one));
    judged.push({ place, row });
    noted = "";
    $("note").removeAttribute("aria-pressed");
    if (label !== undefined) search.remember(label);
    tellSaved(spoken(kind, about.classes[label]), taken.together);
    progress.add(1);
    go(passed.has(next) ? await deck.nextOpen(next, passed) : next);
  } catch (error) {
    ready = true;
    coming = false;
    then = null;
    refused(error, place, row);
  }
}

/** An answer was not taken: another tab was faster, the image is not what it was, or the server is in trouble. */
function refused(error, place, row) {
  if (error.kind === "stale") {
    deck.update(error.question);
    pose(error.question);
    view.showNeighbours(error.question, () => question === error.question);
    tell("This image was judged in another tab meanwhile. Its verdict is shown; answer again to change it.", true);
  } else if (error.kind === "changed" || error.kind === "missing") {
    deck.pictures.delete(row);
    go(place);
  } else fail(error);
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
    progress.add(0);
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

// --- many at once

async function enterGrid() {
  if (about.blind) return;
  const was = ready;
  ready = false;
  dismiss();
  try {
    if (await grid.show(question?.place ?? 0)) turnTo("grid");
    else finish();
  } catch (error) {
    ready = was;
    fail(error);
  }
}

async function leaveGrid(place) {
  coming = grid.leaving = true;
  deck.forgetQuestions();
  try {
    go(await deck.nextOpen(place ?? 0, passed));
  } catch (error) {
    coming = grid.leaving = false;
    fail(error);
  }
}

async function pageTaken(taken, skipped) {
  judged.push(...taken);
  skipped.forEach(place => passed.add(place));
  deck.forgetQuestions();
  progress.add(taken.length);
  if (skipped.length) {
    say(`${skipped.length} of the page could not be saved: they were changed, or judged elsewhere. They are open still.`);
  }
  if (skipped.length && !taken.length) return leaveGrid(skipped[0]);
  question = null;
  if (!await grid.show(0)) finish();
}

function pageUndone(taken) {
  for (const one of taken.filter(known => judged.includes(known))) judged.splice(judged.indexOf(one), 1);
  deck.forgetQuestions();
  progress.add(0);
}

// --- the end

async function finish() {
  question = then = null;
  coming = false;
  const done = await fillEnd(about, deck.total, passed.size);
  turnTo("end");
  progress.show(done);
  dismiss();
  ready = true;
  document.body.dataset.shown = "end";
  progress.askStop();
}

async function reopenSkipped() {
  for (let place = 0; place < deck.total; place++) {
    const one = await deck.question(place);
    if (one.verdict?.kind === "skip") deck.update({ ...one, done: false });
  }
  go(await deck.nextOpen(0, passed));
}

function fail(error) {
  if (!(error instanceof Failure)) throw error;
  if (error.kind === "moved") return location.reload();
  say(error.kind === "gone" || error.kind === "locked" ? GONE : error.message, "alarm");
}

// --- what can be done

/** Do `act`, which judges nothing, now or as soon as the image that is coming is on the screen. */
function openOver(act) {
  if (ready && question) act();
  else if (coming) then = act;
}

const openSearch = () => openOver(() => search.open(about.blind ? [] : view.likely(question)));

function openNote() {
  $("noted").value = noted || question.verdict?.note || "";
  $("noting").showModal();
}
$("noting").addEventListener("submit", () => {  // at once: the next key may be the verdict; Escape keeps nothing
  noted = $("noted").value.trim();
  $("note").setAttribute("aria-pressed", String(Boolean(noted)));
});

function openHelp() {
  $("help").showModal();
  $("help").scrollTop = 0;
}

const ACTIONS = {
  left: () => answer("class", question?.left), right: () => answer("class", question?.right),
  none: () => answer("none"), skip: () => answer("skip"), undo, search: openSearch, note: () => openOver(openNote),
  whole: () => group.toggle(), grid: () => grid.open ? leaveGrid(grid.questions[0]?.place) : coming ? then = enterGrid : enterGrid(),
  zoom: () => stage.toggle(), zoom_in: () => stage.zoom(1.5), zoom_out: () => stage.zoom(1 / 1.5),
  pixels: () => stage.togglePixels(), back: () => look(-1), forward: () => look(1), help: openHelp,
};

/** What a digit starts: the verdict for the class that it stands for. */
function digitAction(digit) {
  const label = digit && question ? view.classOf(digit, question) : undefined;
  return label === undefined ? undefined : () => answer("class", label);
}

listen(about.keys, ACTIONS, digitAction, grid);
for (const id of ["rerank", "end-rerank"]) press(id, () => anew.run());
press("end-again", reopenSkipped);
press("end-copy", () => copyAdvice(about));
press("theme", switchTheme);
begin();
