// Which suspects are shown, in which order: kept in the address, so that Back, a reload and a colleague find them again.

const form = document.getElementById("filters");
const FACETS = {
  given: { names: data.classes, of: (row) => data.given[row] },
  suggested: { names: data.classes, of: (row) => data.suggested[row] },
  kind: { names: data.kinds, of: (row) => data.kind[row] },
  ...(data.tier ? { tier: { names: data.tiers, of: (row) => data.tier[row] } } : {}),
  review: { names: ["open", "confirmed wrong", "cleared", "unclear"], of: outcome },
};
const FIELDS = [...Object.keys(FACETS), "path", "least", "most", "by", "top", "sort", "size"];
const DEFAULTS = { least: "0", most: "100", size: "330" };
const SORTS = {
  "": null,
  least: (a, b) => b - a,
  given: (a, b) => collator.compare(className("given", a), className("given", b)) || a - b,
  suggested: (a, b) => collator.compare(className("suggested", a), className("suggested", b)) || a - b,
  path: (a, b) => collator.compare(data.path[a], data.path[b]) || a - b,
};
const METHODS = Object.keys(data.methods);
for (const name of METHODS) SORTS["by " + name] = (a, b) => data.methods[name][b] - data.methods[name][a] || a - b;
for (const [name, about] of Object.entries(data.shown)) {
  const sign = about.worse === "high" ? -1 : 1;
  SORTS["by " + name] = (a, b) => sign * (about.values[a] - about.values[b]) || a - b;
}
let chosen = null;  // rows that were drawn around on the map, or null

/** Whether `row` passes the facet `name` as it is set. */
function passes(name, row) {
  const wanted = form.elements[name].value;
  if (name === "review" && wanted === "") return outcome(row) !== CLEARED;
  return wanted === "" || wanted === "any" || FACETS[name].of(row) === Number(wanted);
}

/** Whether a method finds `row` suspicious enough: among the share of all samples that is set, by it or by any. */
function passesMethod(row) {
  const top = Number(form.elements.top.value);
  if (!top) return true;
  const by = form.elements.by.value;
  return (by ? [by] : METHODS).some((name) => data.methods[name][row] >= 1 - top);
}

/** What the fields other than the facets ask of a row. */
function passesRest(row, text, least, most) {
  return passesMethod(row) && data.suspicion[row] >= least && data.suspicion[row] <= most && (!chosen || chosen.has(row)) &&
    (!text || data.path[row].toLowerCase().includes(text));
}

/** Each facet's options with how many suspects they would show beside the other filters; none is a dead end. */
function countChoices(passing) {
  for (const [name, facet] of Object.entries(FACETS)) {
    const select = form.elements[name];
    const others = Object.keys(FACETS).filter((other) => other !== name);
    const counts = new Map();
    for (const row of passing) {
      if (others.every((other) => passes(other, row))) counts.set(facet.of(row), (counts.get(facet.of(row)) || 0) + 1);
    }
    for (const option of select.options) {
      if (option.value === "" || option.value === "any") continue;
      const found = counts.get(Number(option.value)) || 0;
      option.textContent = `${shorten(facet.names[option.value], 40)} (${count(found)})`;
      option.disabled = !found && !option.selected;
    }
  }
}

/** The histogram above the slider: the suspects that the other filters leave, by how likely they are wrong. */
function drawSpread(passing) {
  const heights = new Array(20).fill(0);
  for (const row of passing) heights[Math.min(19, Math.floor(20 * data.suspicion[row]))]++;
  const top = Math.max(1, ...heights);
  const least = Number(form.elements.least.value);
  document.getElementById("spread").replaceChildren(...heights.map((height, place) => {
    const bar = make("i", 5 * (place + 1) > least ? "in" : "");
    bar.style.height = height ? Math.max(8, 100 * height / top) + "%" : "0";
    return bar;
  }));
}

/** Show what fits. */
function filter() {
  const text = form.elements.path.value.toLowerCase();
  const least = Number(form.elements.least.value) / 100, most = Number(form.elements.most.value) / 100;
  const passing = rows.filter((row) => passesRest(row, text, least, most));
  const list = passing.filter((row) => Object.keys(FACETS).every((name) => passes(name, row)));
  const order = SORTS[form.elements.sort.value];
  if (order) list.sort(order);
  countChoices(passing);
  drawSpread(rows.filter((row) => passesRest(row, text, 0, 1) && Object.keys(FACETS).every((name) => passes(name, row))));
  document.getElementById("least-said").textContent = (most < 1 ? `${100 * least} to ${100 * most}` : 100 * least) + (data.measured ? "%" : "");
  CARD.least = Number(form.elements.size.value);
  refill(list);
  document.getElementById("none").hidden = list.length > 0 || !rows.length;
  const cleared = form.elements.review.value === "" ? rows.filter((row) => outcome(row) === CLEARED).length : 0;
  const of = rows.length - cleared;
  const said = list.length === of ? `${count(of)} ${of === 1 ? "suspect" : "suspects"}`
    : `${count(list.length)} of ${count(of)} suspects`;
  document.getElementById("count").textContent = !rows.length ? "" :
    said + (cleared ? `; ${count(cleared)} cleared by people ${cleared === 1 ? "is" : "are"} left out` : "");
  const on = FIELDS.filter((name) => name !== "sort" && name !== "size" && isSet(name)).length + (chosen ? 1 : 0);
  document.getElementById("filters-on").textContent = on ? `(${on} on)` : "";
}

const isSet = (name) => form.elements[name].value !== (DEFAULTS[name] || "");

/** The address of what is shown. */
function address() {
  const query = new URLSearchParams();
  for (const name of FIELDS) if (isSet(name)) query.set(name, form.elements[name].value);
  return "#suspects" + (query.size ? "?" + query : "");
}

/** Set the fields by the query of an address. */
function restore(query) {
  const wanted = new URLSearchParams(query || "");
  for (const name of FIELDS) {
    const field = form.elements[name];
    field.value = wanted.get(name) || DEFAULTS[name] || "";
    if (field.selectedIndex < 0) field.value = "";
  }
  filter();
}

form.addEventListener("input", (event) => {
  if (event.target.name === "least") form.elements.most.value = "100";
  filter();
  history.replaceState(null, "", address());
});
form.addEventListener("submit", (event) => event.preventDefault());

/** Take all filters away; order and size stay. */
function clearFilters() {
  for (const name of FIELDS) if (name !== "sort" && name !== "size") form.elements[name].value = DEFAULTS[name] || "";
  chosen = null;
  filter();
  history.replaceState(null, "", address());
}

form.addEventListener("reset", (event) => {
  event.preventDefault();
  clearFilters();
});
document.getElementById("clear").addEventListener("click", clearFilters);

// --- taking the list elsewhere

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

const pathOf = (row) => data.exact[row] ?? data.path[row];

document.getElementById("copy").addEventListener("click", (event) => {
  copy(event.currentTarget, shown.rows.map(pathOf).join("\n"));
});

const COLUMNS = ["path", "given_label", "suggested_label", "likely_wrong", "review"];
const cells = (row) => [pathOf(row), className("given", row), className("suggested", row),
  data.chances[data.chance[row]], data.said[row] || ""];

/** A cell of CSV; what a spreadsheet would run gets a leading apostrophe. */
function csvCell(text) {
  const tame = /^[=+\-@\t\r\n]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(tame) ? '"' + tame.replaceAll('"', '""') + '"' : tame;
}

/** A cell of a Markdown table, in which nothing has a meaning of its own. */
function markdownCell(text) {
  return text.replace(/[\\`*_[\]<>|~&$#@!]/g, (letter) => `&#${letter.codePointAt(0)};`).replace(/[\r\n]+/g, " ");
}

function save(name, type, text) {
  const link = make("a");
  link.download = name;
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

document.getElementById("save-csv").addEventListener("click", () => {
  const lines = [COLUMNS, ...shown.rows.map(cells)].map((line) => line.map(csvCell).join(","));
  save("suspects.csv", "text/csv", lines.join("\n") + "\n");
});
document.getElementById("save-markdown").addEventListener("click", () => {
  const lines = [COLUMNS, COLUMNS.map(() => "---"), ...shown.rows.map((row) => cells(row).map(markdownCell))];
  save("suspects.md", "text/markdown", lines.map((line) => `| ${line.join(" | ")} |`).join("\n") + "\n");
});

// --- on paper there is all of the list, not what is in view

addEventListener("beforeprint", () => {
  document.getElementById("printed").replaceChildren(...shown.rows.map((row) => {
    const chance = make("span", "likely", chanceOf(row));
    const words = make("span", "words", isolatePath(data.path[row]), label("given", row), label("suggested", row), chance);
    if (data.said[row]) words.append(make("span", "decided", data.said[row]));
    const item = make("li", "", words);
    if (data.pictured) item.prepend(make("span", "picture", picture(data.picture[row], "", " ")));
    return item;
  }));
});
addEventListener("afterprint", () => document.getElementById("printed").replaceChildren());

for (const [name, facet] of Object.entries(FACETS)) {
  const values = [...new Set(rows.map(facet.of))];
  if (name === "review") values.splice(0, values.length, ...facet.names.keys());
  else values.sort((a, b) => collator.compare(facet.names[a], facet.names[b]));
  for (const value of values) form.elements[name].append(new Option(facet.names[value], value));
}
form.querySelector(".review").hidden = !data.outcome;
for (const name of METHODS) form.elements.by.append(new Option(name.replaceAll("_", " "), name));
for (const name of [...METHODS, ...Object.keys(data.shown)]) {
  form.elements.sort.append(new Option("by " + name.replaceAll("_", " "), "by " + name));
}
for (const field of form.querySelectorAll(".by")) field.hidden = !METHODS.length;
