"use strict";
// The suspects: elements, cards, and the grid that holds the cards in view. Other files follow in the same script.
// Text from the data only ever becomes a text node or an attribute of an element made here; nothing parses it.

const data = JSON.parse(document.getElementById("data").textContent);
const rows = data.path.map((_, row) => row);
const OPEN = 0, WRONG = 1, CLEARED = 2;  // places in data.outcomes
const BASE = 58;  // height of the labels where there is no picture
const CARD = { least: 330, gap: 14, height: 0 };
const collator = new Intl.Collator(undefined, { numeric: true });
const count = (number) => number.toLocaleString("en");
if (data.live && !data.outcome) data.outcome = rows.map(() => OPEN);

// --- elements

/** An element with a class and children; strings among these become text. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** A button that does `act`. */
function makeButton(text, act, className) {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

/** Text whose direction of writing touches nothing around it. */
function isolate(text) {
  return make("bdi", "", text);
}

/** A path, or a part of one: from left to right whatever its names are written in. */
function isolatePath(text, className = "") {
  return Object.assign(make("bdi", className, text), { dir: "ltr" });
}

/** Show the pixels of small images as squares. */
function sharpen(image) {
  const small = image.naturalWidth && Math.max(image.naturalWidth, image.naturalHeight) <= 64;
  image.classList.toggle("exact", small);
}

/** A picture of the page by its number, or in its place why there is none. */
function picture(number, alt, problem) {
  if (number < 0) return make("span", "absent", problem || "no picture");
  const image = make("img");
  image.alt = alt;
  image.decoding = "async";
  image.addEventListener("load", () => sharpen(image));
  if (data.live) image.addEventListener("error", () => image.replaceWith(make("span", "absent", "this image cannot be shown")));
  image.src = data.live ? data.pictures[number] : "data:image/webp;base64," + data.pictures[number];
  return image;
}

/** A share as all screens say it: never a flat 0 or 100 %. */
function percent(share) {
  if (share >= 0.995) return ">99%";
  return share < 0.005 ? "<1%" : (100 * share).toFixed(0) + "%";
}

/** How likely the label of a suspect is wrong, in words. */
function chanceOf(row) {
  const said = data.chances[data.chance[row]];
  return said.endsWith("%") ? said + " likely wrong" : said;
}

/** Long names lose their middle, so that two that differ at either end never read the same. */
function shorten(name, most) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const half = Math.floor((most - 1) / 2);
  return letters.slice(0, half).join("") + "…" + letters.slice(-half).join("");
}

const className = (role, row) => data.classes[data[role][row]];
const look = (role) => (role === "given" ? 0 : 1);
const outcome = (row) => (data.outcome ? data.outcome[row] : OPEN);

/** The given or the suggested label with the word that says which it is. */
function label(role, row, most = 40) {
  const name = make("span", "name " + role, isolate(shorten(className(role, row), most)));
  name.title = className(role, row);
  return make("span", "label", make("span", "role", role), name);
}

// --- one suspect as a card

/** What stands at the foot of a card: the verdict, or why it is a suspect where that adds something. */
function footnote(row) {
  const said = data.said[row];
  const words = said || data.reasons[data.reason[row]];
  const why = make("span", said ? "why decided " + data.outcomes[outcome(row)] : "why", words);
  why.title = words;
  return why;
}

function card(row, place, total) {
  const button = make("button", data.pictured ? "card" : "card flat");
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.row = row;
  if (data.pictured) {
    button.append(make("span", "picture", picture(data.picture[row], "", data.problem[row])));
  }
  const sides = make("span", data.near[row] ? "sides" : "sides plain");
  for (const role of ["given", "suggested"]) {
    const side = make("span", "side-of", label(role, row, 28));
    if (data.near[row]) {
      const strip = make("span", "near");
      for (const other of data.near[row][look(role)]) {
        const frame = make("span", "", picture(data.nearPicture[other], "", " "));
        frame.title = `${data.nearPath[other]}, believed to be ${className(role, row)}`;
        strip.append(frame);
      }
      side.append(strip);
    }
    sides.append(side);
  }
  const end = data.path[row].lastIndexOf("/") + 1;
  const path = make("span", "path", isolatePath(data.path[row].slice(0, end), "folder"), isolatePath(data.path[row].slice(end), "file"));
  path.title = data.path[row];
  const chance = make("span", "likely", chanceOf(row));
  const judged = data.outcomes[outcome(row)];
  button.append(sides, make("span", "foot", path, footnote(row), ...(["wrong", "cleared"].includes(judged) ? [] : [chance])));
  const item = make("li", "", button);
  item.dataset.outcome = judged;
  item.setAttribute("aria-setsize", total);
  item.setAttribute("aria-posinset", place + 1);
  if (data.live) item.append(verdictBar(row));
  return item;
}

// --- the grid: only the cards in view exist

const grid = document.getElementById("grid");
const shown = { rows: rows, cards: new Map(), columns: 1, width: 0, active: 0 };

/** How many columns fit, how wide and how high a card is, how high the grid. */
function measure() {
  const room = grid.clientWidth;
  shown.columns = Math.max(1, Math.floor((room + CARD.gap) / (CARD.least + CARD.gap)));
  shown.width = (room - CARD.gap * (shown.columns - 1)) / shown.columns;
  const side = data.pictured ? Math.max(96, Math.min(360, Math.round(128 + (CARD.least - 330) * 0.5))) : BASE;
  document.documentElement.style.setProperty("--side", side + "px");
  CARD.height = side + 82 + (data.live ? 46 : 0);
  document.documentElement.style.setProperty("--card", CARD.height + "px");
  const lines = Math.ceil(shown.rows.length / shown.columns);
  grid.style.height = Math.max(0, lines * (CARD.height + CARD.gap) - CARD.gap) + "px";
}

/** Make the cards that came into view and take away those that left it. */
function paint() {
  if (!grid.clientWidth) return;
  const line = CARD.height + CARD.gap;
  const above = -grid.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(above / line) - 2) * shown.columns;
  const last = Math.min(shown.rows.length, (Math.ceil((above + innerHeight) / line) + 2) * shown.columns);
  const wanted = new Set();
  for (let place = first; place < last; place++) wanted.add(place);
  if (shown.rows.length && grid.contains(document.activeElement)) wanted.add(shown.active);
  for (const [place, item] of shown.cards) {
    if (!wanted.has(place)) {
      item.remove();
      shown.cards.delete(place);
    }
  }
  for (const place of wanted) {
    let item = shown.cards.get(place);
    if (!item) {
      item = card(shown.rows[place], place, shown.rows.length);
      shown.cards.set(place, item);
      const next = [...shown.cards.keys()].filter((other) => other > place).sort((a, b) => a - b)[0];
      grid.insertBefore(item, next === undefined ? null : shown.cards.get(next));
    }
    const column = place % shown.columns;
    const x = column * (shown.width + CARD.gap);
    item.style.transform = `translate(${x}px, ${Math.floor(place / shown.columns) * line}px)`;
    item.style.width = shown.width + "px";
    item.style.height = CARD.height + "px";
  }
  if (!shown.cards.has(shown.active) && shown.cards.size) shown.active = Math.min(...shown.cards.keys());
  for (const [place, item] of shown.cards) item.firstChild.tabIndex = place === shown.active ? 0 : -1;
}

/** Show `list`, from its beginning. */
function refill(list) {
  shown.rows = list;
  shown.active = 0;
  for (const item of shown.cards.values()) item.remove();
  shown.cards.clear();
  measure();
  paint();
}

/** Make the card of `row` again where it is in view: its verdict has changed. */
function repaint(row) {
  const place = shown.rows.indexOf(row);
  const item = shown.cards.get(place);
  if (!item) return;
  const focused = item.contains(document.activeElement);
  item.remove();
  shown.cards.delete(place);
  paint();
  if (focused) focusCard(place);
}

/** Move the keyboard to a card and bring it into view. */
function focusCard(place) {
  if (!shown.rows.length) return;
  shown.active = Math.max(0, Math.min(shown.rows.length - 1, place));
  const top = grid.getBoundingClientRect().top + Math.floor(shown.active / shown.columns) * (CARD.height + CARD.gap);
  const head = document.querySelector(".top").offsetHeight + 8;
  if (top < head) scrollBy(0, top - head);
  else if (top + CARD.height > innerHeight - 8) scrollBy(0, top + CARD.height - innerHeight + 8);
  paint();
  if (!shown.cards.has(shown.active)) {
    const item = card(shown.rows[shown.active], shown.active, shown.rows.length);
    shown.cards.set(shown.active, item);
    grid.append(item);
    paint();
  }
  shown.cards.get(shown.active).firstChild.focus({ preventScroll: true });
}

grid.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: shown.columns, ArrowUp: -shown.columns }[event.key];
  if (move) focusCard(shown.active + move);
  else if (event.key === "Home") focusCard(0);
  else if (event.key === "End") focusCard(shown.rows.length - 1);
  else return;
  event.preventDefault();
});

grid.addEventListener("focusin", (event) => {
  const button = event.target.closest("li").querySelector(".card");
  shown.active = shown.rows.indexOf(Number(button.dataset.row));
});

addEventListener("click", (event) => {
  const button = event.target.closest && event.target.closest(".card");
  if (button) openDetail(Number(button.dataset.row), grid.contains(button) ? shown.rows : worst);
});

let painting = false;
addEventListener("scroll", () => {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    paint();
  });
}, { passive: true });
new ResizeObserver(() => {
  measure();
  paint();
}).observe(grid);
