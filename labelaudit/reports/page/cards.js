"use strict";
// The suspects: cards, the grid that holds those in view, one suspect in full. page.js follows in the same script.
// Text from the data only ever becomes a text node or an attribute of an element made here; nothing parses it.

const data = JSON.parse(document.getElementById("data").textContent);
const rows = data.path.map((_, row) => row);
const CARD = { least: 330, gap: 14, height: data.pictured ? 210 : 140 };
const collator = new Intl.Collator(undefined, { numeric: true });

// --- elements

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function isolate(text) {
  return make("bdi", "", text);
}

function sharpen(image) {
  const small = image.naturalWidth && Math.max(image.naturalWidth, image.naturalHeight) <= 64;
  image.classList.toggle("exact", small);
}

function picture(number, alt, problem) {
  if (number < 0) return make("span", "absent", problem || "no picture");
  const image = make("img");
  image.alt = alt;
  image.decoding = "async";
  image.addEventListener("load", () => sharpen(image));
  image.src = "data:image/webp;base64," + data.pictures[number];
  return image;
}

function percent(share) {
  if (share < 0.01) return "<1%";
  if (share > 0.99) return ">99%";
  return Math.round(100 * share) + "%";
}

function label(role, row) {
  const name = make("span", "name " + role, isolate(data.classes[data[role][row]]));
  name.title = data.classes[data[role][row]];
  return make("span", "label", make("span", "role", role), name,
    make("span", "chance", percent(data[role + "Prob"][row])));
}

function look(role) {
  return role === "given" ? 0 : 1;
}

// --- one suspect as a card

function card(row, place, total) {
  const button = make("button", data.pictured ? "card" : "card flat");
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.row = row;
  const given = data.classes[data.given[row]];
  const suggested = data.classes[data.suggested[row]];
  const decided = data.verdict && data.verdicts[data.verdict[row]];
  button.setAttribute("aria-label", `${data.path[row]}: given ${given}, suggested ${suggested}, ` +
    `score ${data.score[row].toFixed(3)}, ${data.reasons[data.reason[row]]}` +
    (decided ? `; reviewed: ${decided}` : ""));
  if (data.pictured) {
    button.append(make("span", "picture", picture(data.picture[row], "", data.problem[row])));
  }
  const sides = make("span", data.near[row] ? "sides" : "sides plain");
  for (const role of ["given", "suggested"]) {
    const side = make("span", "side-of", label(role, row));
    if (data.near[row]) {
      const strip = make("span", "near");
      for (const other of data.near[row][look(role)]) {
        const frame = make("span", "", picture(data.nearPicture[other], "", " "));
        frame.title = `${data.nearPath[other]}, believed to be ${data.classes[data[role][row]]}`;
        strip.append(frame);
      }
      side.append(strip);
    }
    sides.append(side);
  }
  const end = data.path[row].lastIndexOf("/") + 1;
  const path = make("span", "path", make("bdi", "folder", data.path[row].slice(0, end)),
    make("bdi", "file", data.path[row].slice(end)));
  path.title = data.path[row];
  const why = make("span", decided ? "why decided" : "why", decided || data.kinds[data.kind[row]]);
  why.title = data.reasons[data.reason[row]];
  button.append(sides, make("span", "foot", path, why, make("span", "score", "score " + data.score[row].toFixed(3))));
  const item = make("li", "", button);
  item.setAttribute("aria-setsize", total);
  item.setAttribute("aria-posinset", place + 1);
  return item;
}

// --- the grid: only the cards in view exist

const grid = document.getElementById("grid");
const shown = { rows: rows, cards: new Map(), columns: 1, width: 0, active: 0 };

function measure() {
  const room = grid.clientWidth;
  shown.columns = Math.max(1, Math.floor((room + CARD.gap) / (CARD.least + CARD.gap)));
  shown.width = (room - CARD.gap * (shown.columns - 1)) / shown.columns;
  const lines = Math.ceil(shown.rows.length / shown.columns);
  grid.style.height = Math.max(0, lines * (CARD.height + CARD.gap) - CARD.gap) + "px";
}

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

function refill(list) {
  shown.rows = list;
  shown.active = 0;
  for (const item of shown.cards.values()) item.remove();
  shown.cards.clear();
  measure();
  paint();
}

function focusCard(place) {
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
  const button = event.target.closest(".card");
  if (button) shown.active = shown.rows.indexOf(Number(button.dataset.row));
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

// --- one suspect in full

const dialog = document.getElementById("detail");

function openDetail(row, list) {
  const place = list.indexOf(row);
  const title = make("h2", "", isolate(data.path[row]));
  title.id = "detail-title";
  const step = (text, name, to) => {
    const button = make("button", "", text);
    button.type = "button";
    button.setAttribute("aria-label", name);
    button.disabled = !(to in list);
    button.dataset.step = name;
    button.addEventListener("click", () => openDetail(list[to], list));
    return button;
  };
  const close = make("button", "", "Close");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  const facts = make("div", "");
  for (const role of ["given", "suggested"]) {
    facts.append(label(role, row));
    if (!data.near[row]) continue;
    const strip = make("div", "near");
    for (const other of data.near[row][look(role)]) {
      const alt = `${data.nearPath[other]}, believed to be ${data.classes[data[role][row]]}`;
      strip.append(make("figure", "", make("span", "", picture(data.nearPicture[other], alt, " ")),
        make("figcaption", "", isolate(data.nearPath[other]))));
    }
    facts.append(strip);
  }
  facts.append(make("p", "", capital(data.reasons[data.reason[row]]) + "."));
  if (data.verdict && data.verdicts[data.verdict[row]]) {
    facts.append(make("p", "decided", "Reviewed: " + data.verdicts[data.verdict[row]] + "."));
  }
  for (const remark of data.remarks[row] || []) facts.append(make("p", "muted", remark));
  let numbers = make("dl", "facts");
  const fact = (name, value) => numbers.append(make("div", "", make("dt", "", name), make("dd", "", value)));
  fact("label score (0 = surely wrong)", data.score[row].toFixed(4));
  if (data.split) fact("split", data.split[row]);
  facts.append(numbers);
  const opinions = Object.entries(data.evidence);
  if (opinions.length) facts.append(make("h3", "", "Suspicion by method, 1 = surely wrong"));
  numbers = make("dl", "facts");
  for (const [name, values] of opinions) fact(name.replaceAll("_", " "), values[row].toFixed(3));
  facts.append(numbers);
  const copyPath = make("button", "", "Copy path");
  copyPath.type = "button";
  copyPath.addEventListener("click", () => copy(copyPath, pathOf(row)));
  const body = make("div", data.pictured ? "body" : "body flat");
  if (data.pictured) {
    const alt = `${data.path[row]}, labelled ${data.classes[data.given[row]]}`;
    body.append(make("div", "", make("span", "picture", picture(data.picture[row], alt, data.problem[row]))));
  }
  body.append(facts);
  const had = document.activeElement && document.activeElement.dataset.step;
  dialog.replaceChildren(make("div", "sheet", make("div", "bar-top", title,
    step("←", "Previous suspect", place - 1), step("→", "Next suspect", place + 1), copyPath, close), body));
  if (!dialog.open) dialog.showModal();
  const again = had && [...dialog.querySelectorAll("[data-step]")].find((button) => button.dataset.step === had);
  (again && !again.disabled ? again : close).focus();
  dialog.onkeydown = (event) => {
    const to = { ArrowRight: place + 1, ArrowLeft: place - 1 }[event.key];
    if (to in list) openDetail(list[to], list);
  };
  dialog.onclose = () => {
    if (list === shown.rows && location.hash.startsWith("#suspects")) focusCard(place);
  };
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

