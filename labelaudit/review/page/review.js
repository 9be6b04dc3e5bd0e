// The flow of a review: show a question, take an answer, wait until it is on disk, show the next.
// Text from the data enters the page as textContent only.

import { Deck, Failure, ask } from "./deck.js";
import { Search } from "./search.js";
import { Stage } from "./stage.js";

const $ = id => document.getElementById(id);
const count = number => number.toLocaleString("en");
const KIND = { given: "given label", rival: "next most likely", suggested: "suggested label" };
const GONE = "The review was stopped; every verdict is on disk. Start it again with labelaudit review and open the address that it prints.";

if (location.search) history.replaceState(null, "", location.pathname);  // the key is in a cookie by now

const about = await ask("/api/about").catch(error => { fail(error); throw error; });
const stage = new Stage($("view"));
const search = new Search($("search"), about.classes, label => answer("class", label));
const deck = new Deck(about.total);
const passed = new Set();
let question = null;   // what is shown
let ready = false;     // its image is on the screen, and nothing is being written
const judged = [];     // places judged in this tab, for undo
let countTimer = 0, stopTimer = 0;

function begin() {
  document.title = `${about.run}: review`;
  document.documentElement.toggleAttribute("data-blind", about.blind);
  $("run").textContent = about.run;
  $("reviewer").textContent = about.reviewer;
  if (about.blind) say("Estimation sample: scores, suggestions and file names are hidden, and the sides are shuffled, so that nothing sways you. Which label is right?");
  showProgress(about.progress);
  about.first.forEach(one => deck.update(one));
  go(about.next).then(askStop);  // the image first
}

async function go(place) {
  ready = false;
  try {
    if (place >= deck.total) {
      place = await deck.nextOpen(0, passed);
      if (place >= deck.total) return finish();
    }
    const next = await deck.question(place);
    $("desk").hidden = false;
    $("end").hidden = true;
    question = next;
    render();
    const picture = await deck.picture(next.row);
    if (question !== next) return;
    if (picture.error) stage.showAbsent("This image cannot be judged", `${picture.error.message}. Press S to go on.`);
    else stage.show(picture.image);
    await painted();
    if (question !== next) return;
    question.absent = Boolean(picture.error);
    ready = true;
    document.body.dataset.shown = String(place);
    showNeighbours(next);
    deck.prepare(place).catch(() => {});
  } catch (error) {
    fail(error);
  }
}

const painted = () => new Promise(resolve => requestAnimationFrame(() => resolve()));

async function answer(kind, label) {
  if (!ready || !question) return;
  if (question.absent) {
    if (kind !== "skip") return tell("This image cannot be judged: press S to go on.");
    passed.add(question.place);
    return go(await deck.nextOpen(question.place + 1, passed));
  }
  ready = false;
  const asked = question;
  try {
    const taken = await ask("/api/judge", { place: asked.place, answer: kind, label, version: asked.version });
    deck.update(taken);
    judged.push(asked.place);
    if (label !== undefined) search.remember(label);
    tellAnswer(kind, label);
    progressed();
    go(await deck.nextOpen(asked.place + 1, passed));
  } catch (error) {
    ready = true;
    if (error.kind === "stale") {
      deck.update(error.question);
      question = error.question;
      render();
      showNeighbours(question);
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
    const place = judged.pop();
    const back = await ask("/api/undo", { place: place ?? null });
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

async function look(step) {
  if (!question) return;
  const place = ($("desk").hidden ? deck.total : question.place) + step;
  if (place >= 0 && place < deck.total) await go(place);
}

function render() {
  const { left, right, further, verdict } = question;
  side($("choose-left"), left, about.blind ? "" : KIND.given, verdict);
  side($("choose-right"), right, about.blind ? "" : question.suggests ? KIND.suggested : KIND.rival, verdict);
  for (const candidate of document.querySelectorAll(".candidate")) {
    candidate.querySelector(".strip-title").textContent = "";
    candidate.querySelector(".strip").replaceChildren();
  }
  $("further").replaceChildren(...further.map((label, index) => {
    const button = Object.assign(document.createElement("button"), { type: "button", title: about.classes[label] });
    button.append(Object.assign(document.createElement("bdi"), { textContent: about.classes[label] }), Object.assign(document.createElement("kbd"), { textContent: index + 3 }));
    button.setAttribute("aria-pressed", String(verdict?.label === label));
    button.addEventListener("click", () => answer("class", label));
    return button;
  }));
  $("none").setAttribute("aria-pressed", String(verdict?.kind === "none"));
  $("skip").setAttribute("aria-pressed", String(verdict?.kind === "skip"));
  $("place").textContent = `${count(question.place + 1)} of ${count(deck.total)}`;
  $("path").textContent = about.blind ? "" : question.path + (question.split ? ` (${question.split})` : "");
  $("path").title = $("path").textContent;
  $("why").textContent = about.blind ? "" : [question.reason, `suspicion ${question.score.toFixed(2)}`].filter(Boolean).join(" · ");
  const said = (question.said ?? []).map(other => `${other.reviewer} said ${spoken(other.kind, other.label)}`);
  if (verdict) said.unshift(`You said ${spoken(verdict.kind, about.classes[verdict.label])}`);
  $("standing").hidden = !said.length;
  $("standing").textContent = said.join(" · ");
}

function side(button, label, role, verdict) {
  const name = button.querySelector(".name");
  name.textContent = about.classes[label];
  name.title = about.classes[label];
  name.toggleAttribute("data-long", about.classes[label].length > 16);
  button.querySelector(".role").textContent = role;
  button.setAttribute("aria-pressed", String(verdict?.label === label));
}

async function showNeighbours(shown) {
  const strips = await deck.neighbours(shown.place).catch(() => null);
  if (question !== shown) return;
  if (!strips) {
    for (const title of document.querySelectorAll(".strip-title")) title.textContent = "images to compare with could not be loaded";
    return;
  }
  for (const name of ["left", "right"]) {
    const candidate = document.querySelector(`.candidate.${name}`);
    const label = about.classes[shown[name]];
    const title = strips.kind === "alike" ? "most alike, labelled so" : "typical, labelled so";
    candidate.querySelector(".strip-title").textContent = strips[name].length ? title : "none to compare with";
    candidate.querySelector(".strip").replaceChildren(...strips[name].map(row => thumbnail(row, label)));
  }
}

function thumbnail(row, label) {
  const image = Object.assign(new Image(), { src: `/thumbnail/${row}`, alt: "", decoding: "async" });
  image.addEventListener("load", () => image.classList.toggle("exact", Math.max(image.naturalWidth, image.naturalHeight) <= 16));
  image.addEventListener("error", () => image.classList.add("failed"));
  const button = Object.assign(document.createElement("button"), { type: "button", title: "Look closer" });
  button.setAttribute("aria-label", `An image labelled ${label}`);
  button.append(image);
  button.addEventListener("click", async () => {
    const picture = await deck.picture(row).catch(error => ({ error }));
    if (picture.error) return;
    $("closer").querySelector("div").replaceChildren(picture.image);
    $("closer").querySelector("bdi").textContent = `labelled ${label}`;
    $("closer").showModal();
  });
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

const spoken = (kind, label) => kind === "none" ? "no class fits" : kind === "skip" ? "can’t tell" : label;

function tellAnswer(kind, label) {
  const last = $("last");
  const said = document.createElement("b");
  said.append(Object.assign(document.createElement("bdi"), { textContent: spoken(kind, about.classes[label]) }));
  last.replaceChildren("Saved: ", said, ". U undoes it.");
}

function tell(text, loud = false) {
  $("last").textContent = text;
  if (loud) say(text);
}

function say(text, kind = "") {
  $("notice").textContent = text;
  $("notice").dataset.kind = kind;
  $("notice").hidden = !text;
}

// The figures wait until nobody is in a hurry: the next image comes first.
function progressed() {
  clearTimeout(countTimer);
  clearTimeout(stopTimer);
  countTimer = setTimeout(async () => showProgress(await ask("/api/progress").catch(() => null)), 120);
  stopTimer = setTimeout(askStop, 600);
}

async function askStop() {
  const { sentence } = await ask("/api/stop").catch(() => ({ sentence: "" }));
  $("end-stop").textContent = sentence;
  if (sentence && !about.blind && question) say(sentence);
}

function showProgress(progress) {
  if (!progress) return;
  about.progress = progress;
  const done = Object.assign(document.createElement("b"), { textContent: count(progress.done) });
  const parts = [` of ${count(deck.total)}`, ` · ${count(progress.wrong)} wrong`, ` · ${count(progress.right)} right`];
  if (progress.skipped) parts.push(` · ${count(progress.skipped)} skipped`);
  $("counts").replaceChildren(done, ...(about.blind ? parts.slice(0, 1) : parts));
  const meter = $("meter");
  const shares = about.blind ? { wrong: 0, right: progress.done, skipped: 0 } : progress;
  for (const kind of ["wrong", "right", "skipped"]) meter.querySelector(`.${kind}`).style.flexBasis = `${100 * shares[kind] / deck.total}%`;
  meter.setAttribute("aria-valuenow", progress.done);
  meter.setAttribute("aria-valuemax", deck.total);
}

async function finish() {
  question = null;
  $("desk").hidden = true;
  $("end").hidden = false;
  showProgress(await ask("/api/progress").catch(() => null));
  const { right, wrong, skipped, done } = about.progress;
  $("end-title").textContent = passed.size ? "That is all that can be judged" : "All done";
  const parts = [`${count(done)} of ${count(deck.total)} judged: ${count(wrong)} labels wrong, ${count(right)} right, ${count(skipped)} skipped.`];
  if (passed.size) parts.push(`${count(passed.size)} could not be shown.`);
  $("end-text").textContent = `${parts.join(" ")} The verdicts are in ${about.file}. Next: ${about.advice}`;
  if ($("notice").dataset.kind !== "alarm") say("");
  $("end-again").hidden = !skipped;
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

function fail(error) {
  if (!(error instanceof Failure)) throw error;
  if (error.kind === "gone" || error.kind === "locked") {
    say(GONE, "alarm");
  } else say(error.message, "alarm");
}

const KEYS = {
  ArrowLeft: () => answer("class", question?.left), 1: () => answer("class", question?.left),
  ArrowRight: () => answer("class", question?.right), 2: () => answer("class", question?.right),
  0: () => answer("none"), n: () => answer("none"),
  s: () => answer("skip"), ArrowDown: () => answer("skip"),
  u: undo, Backspace: undo,
  "/": openSearch, o: openSearch,
  " ": () => stage.toggle(), "+": () => stage.zoom(1.5), "=": () => stage.zoom(1.5), "-": () => stage.zoom(1 / 1.5),
  p: () => stage.togglePixels(),
  "[": () => look(-1), "]": () => look(1), PageUp: () => look(-1), PageDown: () => look(1),
  "?": () => $("help").showModal(),
};
for (let key = 3; key <= 7; key++) KEYS[key] = () => question?.further.length > key - 3 && answer("class", question.further[key - 3]);

function openSearch() {
  if (ready && question) search.open(about.blind ? [] : [question.left, question.right, ...question.further]);
}

document.addEventListener("keydown", event => {
  if (document.querySelector("dialog[open]") || event.altKey || event.isComposing) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key !== "z") return;
    event.preventDefault();
    undo();
    return;
  }
  if ((event.key === " " || event.key === "Enter") && event.target.closest?.("button")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  const again = event.repeat && !"+=-[]".includes(event.key);  // a key held down is one answer
  if (!again) act();
});

const clicks = {
  "choose-left": KEYS[1], "choose-right": KEYS[2], another: openSearch, none: KEYS[0], skip: KEYS.s, undo, "end-undo": undo,
  "end-again": reopenSkipped, "help-button": KEYS["?"], theme: switchTheme,
};
for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", event => { if (event.detail) event.currentTarget.blur(); act(); });

function switchTheme() {
  const root = document.documentElement;
  const dark = getComputedStyle(root).colorScheme === "dark" || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("labelaudit-theme", root.dataset.theme); } catch { /* private windows may refuse */ }
}
try { const kept = localStorage.getItem("labelaudit-theme"); if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept; } catch { /* as above */ }

begin();
