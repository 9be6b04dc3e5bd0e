// Any class of the dataset by a few letters; what was used lately and what is likely comes first while nothing is typed.

const SHOWN = 60, RECENT = 8;

export class Search {
  constructor(dialog, classes, choose) {
    this.dialog = dialog;
    this.classes = classes;
    this.folded = classes.map(fold);
    this.choose = choose;
    this.recent = [];
    this.likely = [];
    this.input = dialog.querySelector("input");
    this.list = dialog.querySelector("ul");
    this.note = dialog.querySelector("p");
    this.input.addEventListener("input", () => this.render());
    this.input.addEventListener("keydown", event => this.key(event));
    this.list.addEventListener("click", event => { const entry = event.target.closest("li"); if (entry) this.take(Number(entry.dataset.label)); });
    dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  }

  open(likely) {
    this.likely = likely;
    this.input.value = "";
    this.render();
    this.dialog.showModal();
    this.input.focus();
  }

  remember(label) { this.recent = [label, ...this.recent.filter(known => known !== label)].slice(0, RECENT); }

  take(label) {
    this.dialog.close();
    this.choose(label);
  }

  matches() {
    const query = fold(this.input.value.trim());
    if (!query) return [...new Set([...this.recent, ...this.likely, ...this.classes.keys()])];
    const ranked = [];
    this.folded.forEach((name, label) => { const grade = graded(name, query); if (grade) ranked.push([grade, name.length, label]); });
    return ranked.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]).map(([, , label]) => label);
  }

  render() {
    const found = this.matches();
    const typed = this.input.value.trim() !== "";
    this.list.replaceChildren(...found.slice(0, SHOWN).map((label, index) => {
      const entry = document.createElement("li");
      entry.id = `found-${index}`;
      entry.dataset.label = label;
      entry.setAttribute("role", "option");
      entry.append(Object.assign(document.createElement("bdi"), { textContent: this.classes[label] }));
      const hint = typed ? "" : this.recent.includes(label) ? "used lately" : this.likely.includes(label) ? "likely" : "";
      if (hint) entry.append(Object.assign(document.createElement("small"), { textContent: hint }));
      return entry;
    }));
    this.note.textContent = !found.length ? "No class has these letters." : found.length > SHOWN ? `${(found.length - SHOWN).toLocaleString("en")} more: keep typing.` : "";
    this.select(typed ? 0 : -1);  // while nothing is typed nothing is chosen: Enter must not give a verdict
  }

  select(index) {
    const entries = [...this.list.children];
    this.at = Math.min(index, entries.length - 1);
    entries.forEach((entry, place) => entry.setAttribute("aria-selected", String(place === this.at)));
    entries[this.at]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", entries[this.at] ? `found-${this.at}` : "");
  }

  key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step) {
      event.preventDefault();
      this.select(Math.max(0, this.at + step));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const entry = this.list.children[this.at];
      if (entry) this.take(Number(entry.dataset.label));
    }
  }
}

const fold = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// 1 the whole name, 2 its beginning, 3 a word's beginning, 4 anywhere, 5 the letters in order; 0 not at all.
function graded(name, query) {
  if (name === query) return 1;
  const at = name.indexOf(query);
  if (at === 0) return 2;
  if (at > 0) return /[\p{L}\p{N}]/u.test(name[at - 1]) ? 4 : 3;
  let from = 0;
  for (const letter of query) {
    from = name.indexOf(letter, from) + 1;
    if (!from) return 0;
  }
  return 5;
}
