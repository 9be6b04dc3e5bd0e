// What is around the suspects: heat map, parts of the page, colours. The other files come first.

// --- the heat map: one stop for Tab, arrow keys inside

const heat = [...document.querySelectorAll(".heat a")].map((link) => {
  const cell = link.parentElement;
  link.tabIndex = -1;
  return { link, x: cell.cellIndex, y: cell.parentElement.rowIndex };
});
if (heat.length) heat[0].link.tabIndex = 0;

function nextCell(from, dx, dy) {
  let best = null;
  let least = Infinity;
  for (const cell of heat) {
    const ahead = (cell.x - from.x) * dx + (cell.y - from.y) * dy;
    const aside = Math.abs((cell.x - from.x) * dy) + Math.abs((cell.y - from.y) * dx);
    if (ahead > 0 && ahead + 3 * aside < least) {
      best = cell;
      least = ahead + 3 * aside;
    }
  }
  return best;
}

for (const cell of heat) {
  cell.link.addEventListener("focus", () => {
    for (const other of heat) other.link.tabIndex = other === cell ? 0 : -1;
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

const PARTS = ["overview", "suspects", "map", "files", "about"].filter((name) => document.getElementById(name));

function show() {
  const [name, query] = location.hash.slice(1).split("?");
  const part = PARTS.includes(name) ? name : "overview";
  for (const other of PARTS) document.getElementById(other).hidden = other !== part;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#" + part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (part === "suspects") restore(query);
  if (part === "map") drawMap();
  markScrolling();
}

/** What scrolls sideways can be reached by keyboard. */
function markScrolling() {
  for (const box of document.querySelectorAll(".scroll")) {
    const scrolls = box.scrollWidth > box.clientWidth;
    const caption = box.querySelector("caption");
    const marks = { tabindex: "0", role: "region", "aria-label": caption ? caption.textContent : "Table" };
    for (const [name, value] of Object.entries(marks)) scrolls ? box.setAttribute(name, value) : box.removeAttribute(name);
  }
}
addEventListener("resize", markScrolling);

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

const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";

function paintTheme(theme) {
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  toggle.setAttribute("aria-pressed", isDark());
  if (chart) drawMap();
  return isDark();
}

toggle.addEventListener("click", () => {
  const theme = paintTheme() ? "light" : "dark";
  remember(theme);
  paintTheme(theme);
});
system.addEventListener("change", () => paintTheme());

// --- begin

const worst = rows.filter((row) => outcome(row) !== CLEARED).slice(0, 6);
const strip = document.getElementById("worst");
if (strip) {
  if (!data.pictured) strip.classList.add("flat");
  measure();
  strip.append(...worst.map((row, place) => card(row, place, worst.length)));
  for (const button of strip.querySelectorAll(".card")) button.tabIndex = 0;
  document.getElementById("worst-title").hidden = strip.hidden = !worst.length;
}
for (const face of document.querySelectorAll(".face")) {
  face.addEventListener("load", () => sharpen(face));
  sharpen(face);
}
form.hidden = !rows.length;
toggle.hidden = false;
if (matchMedia("(max-width: 640px), (max-height: 500px)").matches) document.getElementById("more-filters").open = false;
paintTheme(remember());
show();
