// Judging in the report itself, where a server stands behind the page: keys and buttons on every card.

const versions = new Map();  // row of the page -> version of its record that this page knows
let silence = 0;  // the timer that takes the last message away
let turn = 0;  // counts refreshes and saved verdicts: a refresh that another of them has overtaken brings old news
let ranks = false;  // whether the server ranks the list anew
const VERDICTS = [["given", "1"], ["suggested", "2"], ["none", "0"], ["undo", "U"]];

if (location.search) history.replaceState(null, "", location.pathname + location.hash);  // the key is in a cookie by now

async function request(address, body) {
  const write = body && { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await fetch(address, write);
  return [answer.ok, await answer.json()];
}

/** The buttons below a card; the verdict in force is pressed. */
function verdictBar(row) {
  const bar = make("div", "verdicts");
  bar.dataset.row = row;
  const names = { given: className("given", row), suggested: className("suggested", row), none: "neither", undo: "undo" };
  const fit = Math.max(names.given.length, names.suggested.length) <= 12;  // cut names could read the same
  for (const [kind, key] of VERDICTS) {
    const button = makeButton(fit ? names[kind] : kind === "none" ? names.none : kind, () => judge(row, kind));
    const words = { given: `it is ${names.given}`, suggested: `it is ${names.suggested}`, none: "no class fits", undo: "undo" };
    button.title = `${words[kind]} (${key})`;
    if (kind !== "undo") button.setAttribute("aria-pressed", String(isPressed(row, kind)));
    else button.disabled = outcome(row) === OPEN;
    bar.append(button);
  }
  return bar;
}

function isPressed(row, kind) {
  if (kind === "given") return outcome(row) === CLEARED;
  const said = data.said[row] || "";
  return outcome(row) === WRONG && said.includes(kind === "none" ? "no class fits" : `“${className("suggested", row)}”`);
}

/** Send a verdict, or take the last one back; what the server says then is what the page shows. */
async function judge(row, kind) {
  const body = { row: data.row[row], version: versions.get(row) || 0 };
  let ok, told;
  try {
    [ok, told] = kind === "undo" ? await request("api/rows/undo", body)
      : await request("api/rows/judge", { ...body, answer: kind === "none" ? "none" : "class",
        label: kind === "none" ? null : data[kind][row] });
  } catch {
    return say("The page was stopped; every verdict is on disk. Start it again with labelaudit open.");
  }
  turn += 1;
  if (told.rows) take(told);
  say(ok ? `${data.path[row]}: ${data.said[row] || "open again"}.` : told.error);
}

/** Take over what people have decided, and show it wherever it stands. */
function take({ rows: decided, counts }) {
  const before = data.outcome.slice();
  const saidBefore = { ...data.said };
  for (const row of rows) {
    const found = decided[data.row[row]];
    data.outcome[row] = found ? data.outcomes.indexOf(found[0]) : OPEN;
    if (found) data.said[row] = found[1];
    else delete data.said[row];
    versions.set(row, found ? found[2] : versions.get(row) || 0);
  }
  for (const row of rows) {
    if (before[row] === data.outcome[row] && saidBefore[row] === data.said[row]) continue;
    repaint(row);
    for (const bar of document.querySelectorAll(`.verdicts[data-row="${row}"]`)) bar.replaceWith(verdictBar(row));
  }
  const judged = counts.wrong + counts.cleared, total = judged + counts.open + counts.unclear;
  for (const place of document.querySelectorAll(".rerank")) place.hidden = !ranks || !(judged + counts.elsewhere);
  const set = (id, text) => document.getElementById(id) && (document.getElementById(id).textContent = text);
  set("badge", count(total - counts.cleared));
  set("told-wrong", count(counts.wrong));
  set("told-cleared", count(counts.cleared));
  set("told-open", count(counts.open + counts.unclear));
  if (judged) {
    set("headline", `People judged ${count(judged)} of ${count(total)} suspects: ${count(counts.wrong)} confirmed wrong, ` +
      `${count(counts.cleared)} cleared, ${count(counts.open + counts.unclear)} open` +
      (counts.unclear ? `, ${count(counts.unclear)} of them unclear.` : "."));
  }
}

/** Have the list ranked anew by the verdicts, and load it again. */
async function rerank(button) {
  button.disabled = true;
  say("Ranking the list anew …");
  try {
    const [ok, told] = await request("api/rerank", {});
    if (!ok) return say(told.error);
    try { sessionStorage.setItem("labelaudit-said", told.said); } catch { /* then it is not said again */ }
    location.reload();
  } catch {
    say("The page was stopped; every verdict is on disk. Start it again with labelaudit open.");
  } finally {
    button.disabled = false;
  }
}
for (const place of document.querySelectorAll(".rerank button")) place.addEventListener("click", () => rerank(place));

/** Say what ranking anew has changed, once the new list is there. */
function tellReranked() {
  try {
    const told = sessionStorage.getItem("labelaudit-said");
    sessionStorage.removeItem("labelaudit-said");
    if (told) say(told);
  } catch { /* private windows may refuse */ }
}

/** A message for everybody, spoken by screen readers. */
function say(text) {
  const place = document.getElementById("live-said");
  place.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => (place.textContent = ""), 20_000);  // it lies over the cards
}

/** The keys of a card and of the large view. */
function verdictKey(event, row) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const digit = /^(?:Digit|Numpad)([012])$/.exec(event.code);
  const kind = { 1: "given", 2: "suggested", 0: "none" }[digit ? digit[1] : event.key] ||
    (event.key.toLowerCase() === "u" ? "undo" : undefined);
  if (!kind) return;
  event.preventDefault();
  judge(row, kind);
}

grid.addEventListener("keydown", (event) => {
  const button = event.target.closest(".card");
  if (button) verdictKey(event, Number(button.dataset.row));
});

/** What was decided elsewhere meanwhile: on the review page, or by somebody else. */
async function refresh() {
  const asked = turn += 1;
  try {
    const [ok, told] = await request("api/rows");
    if (ok && asked === turn) take(told);
  } catch {
    // the next verdict says that the page was stopped
  }
}
addEventListener("focus", refresh);
addEventListener("visibilitychange", () => document.hidden || refresh());
tellReranked();
request("api/about").then(([ok, about]) => { ranks = ok && about.rerank; }).finally(refresh);
