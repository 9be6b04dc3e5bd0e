// What is around the suspects: filters, heat map, parts of the page, colours. cards.js comes first.

// --- filters, kept in the address so that Back and a reload find them again

const form = document.getElementById("filters");
const FILTERS = ["given", "suggested", "kind", ...(data.verdict ? ["verdict"] : [])];
const SORTS = {
  "": null,
  mild: (a, b) => b - a,
  given: (a, b) => collator.compare(data.classes[data.given[a]], data.classes[data.given[b]]) || a - b,
  suggested: (a, b) => collator.compare(data.classes[data.suggested[a]], data.classes[data.suggested[b]]) || a - b,
  path: (a, b) => collator.compare(data.path[a], data.path[b]) || a - b,
};

function fillChoices(name, names) {
  const counts = new Map();
  for (const value of data[name]) counts.set(value, (counts.get(value) || 0) + 1);
  const values = [...counts.keys()].sort((a, b) => collator.compare(names[a], names[b]));
  for (const value of values) {
    form.elements[name].append(new Option(`${names[value]} (${counts.get(value)})`, value));
  }
}

function filter() {
  const wanted = FILTERS.map((name) => [name, form.elements[name].value]).filter(([, value]) => value !== "");
  const text = form.elements.path.value.toLowerCase();
  const list = rows.filter((row) => wanted.every(([name, value]) => data[name][row] === Number(value)) &&
    (!text || data.path[row].toLowerCase().includes(text)));
  const order = SORTS[form.elements.sort.value];
  if (order) list.sort(order);
  refill(list);
  const of = rows.length.toLocaleString("en");
  const all = list.length === rows.length;
  document.getElementById("count").textContent = !rows.length ? "" :
    all ? `${of} ${rows.length === 1 ? "suspect" : "suspects"}` : `${list.length.toLocaleString("en")} of ${of} suspects`;
}

function address() {
  const query = new URLSearchParams();
  for (const name of [...FILTERS, "path", "sort"]) {
    if (form.elements[name].value) query.set(name, form.elements[name].value);
  }
  return "#suspects" + (query.size ? "?" + query : "");
}

form.addEventListener("input", () => {
  filter();
  history.replaceState(null, "", address());
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => {
  filter();
  history.replaceState(null, "", "#suspects");
}));

async function copy(button, text) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => (button.textContent = before), 1500);
}

function pathOf(row) {
  return data.exact[row] ?? data.path[row];
}

document.getElementById("copy").addEventListener("click", (event) => {
  copy(event.currentTarget, shown.rows.map(pathOf).join("\n"));
});

// --- the heat map: one stop for Tab, arrow keys inside

const cells = [...document.querySelectorAll(".heat a")].map((link) => {
  const cell = link.parentElement;
  link.tabIndex = -1;
  return { link, x: cell.cellIndex, y: cell.parentElement.rowIndex };
});
if (cells.length) cells[0].link.tabIndex = 0;

function nextCell(from, dx, dy) {
  let best = null;
  let least = Infinity;
  for (const cell of cells) {
    const ahead = (cell.x - from.x) * dx + (cell.y - from.y) * dy;
    const aside = Math.abs((cell.x - from.x) * dy) + Math.abs((cell.y - from.y) * dx);
    if (ahead > 0 && ahead + 3 * aside < least) {
      best = cell;
      least = ahead + 3 * aside;
    }
  }
  return best;
}

for (const cell of cells) {
  cell.link.addEventListener("focus", () => {
    for (const other of cells) other.link.tabIndex = other === cell ? 0 : -1;
  });
  cell.link.addEventListener("keydown", (event) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const next = nextCell(cell, ...way);
    if (next) next.link.focus();
  });
}

// --- parts of the page

const PARTS = ["overview", "suspects", "files", "about"];

function show() {
  const [name, query] = location.hash.slice(1).split("?");
  const part = PARTS.includes(name) ? name : "overview";
  for (const other of PARTS) document.getElementById(other).hidden = other !== part;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#" + part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (part !== "suspects") return;
  const wanted = new URLSearchParams(query || "");
  for (const field of [...FILTERS, "path", "sort"]) {
    form.elements[field].value = wanted.get(field) || "";
    if (form.elements[field].selectedIndex < 0) form.elements[field].value = "";
  }
  filter();
}

addEventListener("hashchange", () => {
  if (dialog.open) dialog.close();
  show();
  scrollTo(0, 0);
});

// --- colours

const toggle = document.querySelector(".theme");
const system = matchMedia("(prefers-color-scheme: dark)");

function remember(theme) {
  try {
    if (theme) localStorage.setItem("labelaudit-theme", theme);
    return localStorage.getItem("labelaudit-theme");
  } catch {
    return theme; // a file of its own may have no storage
  }
}

function paintTheme(theme) {
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  const dark = (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  toggle.setAttribute("aria-pressed", dark);
  return dark;
}

toggle.addEventListener("click", () => {
  const theme = paintTheme() ? "light" : "dark";
  remember(theme);
  paintTheme(theme);
});
system.addEventListener("change", () => paintTheme());

// --- begin

const worst = rows.slice(0, 6);
const strip = document.getElementById("worst");
if (strip) {
  if (!data.pictured) strip.classList.add("flat");
  strip.append(...worst.map((row, place) => card(row, place, worst.length)));
  for (const button of strip.querySelectorAll(".card")) button.tabIndex = 0;
}
fillChoices("given", data.classes);
fillChoices("suggested", data.classes);
fillChoices("kind", data.kinds);
if (data.verdict) fillChoices("verdict", data.verdicts.map((words) => words || "not reviewed"));
for (const face of document.querySelectorAll(".face")) {
  face.addEventListener("load", () => sharpen(face));
  sharpen(face);
}
form.hidden = !rows.length;
toggle.hidden = false;
paintTheme(remember());
show();
