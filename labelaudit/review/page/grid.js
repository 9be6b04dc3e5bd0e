// Grid mode: up to 24 open images of one pair of classes. Mark the wrong ones, Enter takes the page.

import { Failure, ask } from "./deck.js";
import { make, shorten } from "./view.js";

const $ = id => document.getElementById(id);

const FEW = 8;  // images that have room to be large

export class Grid {
  constructor(about, { taken, undone, failed, leave }) {
    Object.assign(this, { about, taken, undone, failed, leave, questions: [], marked: new Set(), at: 0, busy: false, leaving: false, pages: [] });
    $("grid-take").addEventListener("click", () => this.take());
    $("grid-all").addEventListener("click", () => this.markAll());
    $("grid-undo").addEventListener("click", () => this.undo());
    $("grid-leave").addEventListener("click", () => this.busy || this.leave(this.questions[0]?.place));
  }

  /** Whether keys are the grid's: not once it is on its way out. */
  get open() { return !$("grid").hidden && !this.leaving; }

  /** Show the next page from `place` on; false where nothing is open. */
  async show(place) {
    const { questions } = await ask(`api/pair?start=${Math.max(0, place)}`);
    if (!questions.length) return false;
    this.questions = questions;
    this.marked.clear();
    this.at = 0;
    this.leaving = false;
    const { left, right } = questions[0];
    const bold = label => make("b", {}, make("bdi", { textContent: shorten(this.about.classes[label], 40) }));
    $("grid-title").replaceChildren("Labelled ", bold(left), ", look like ", bold(right), ": mark those that are ", bold(right));
    $("grid-cells").replaceChildren(...questions.map((question, index) => this.cell(question, index)));
    $("grid-cells").classList.toggle("few", questions.length <= FEW);
    $("grid").hidden = false;
    this.paint();
    $("grid-cells").querySelector("button").focus();
    document.body.dataset.shown = `grid ${questions[0].place}`;
    return true;
  }

  cell(question, index) {
    const image = make("img", { src: `thumbnail/${question.row}`, alt: "", decoding: "async" });
    image.addEventListener("load", () => image.classList.toggle("exact", Math.max(image.naturalWidth, image.naturalHeight) <= 32));
    const button = make("button", { type: "button", title: question.path }, image, make("span", { className: "mark" }),
      make("span", { className: "hidden", textContent: question.path }), make("small", { textContent: question.chance }));
    button.addEventListener("click", () => { this.at = index; this.mark(index); });
    return make("li", {}, button);
  }

  mark(index) {
    if (this.busy) return;  // what is being saved stays as it was
    this.marked.has(index) ? this.marked.delete(index) : this.marked.add(index);
    this.paint();
  }

  markAll() {
    if (this.busy) return;
    const all = this.marked.size === this.questions.length;
    this.questions.forEach((_, index) => all ? this.marked.delete(index) : this.marked.add(index));
    this.paint();
  }

  paint() {
    const { left, right } = this.questions[0];
    [...$("grid-cells").children].forEach((cell, index) => {
      const marked = this.marked.has(index), button = cell.firstChild;
      button.setAttribute("aria-pressed", String(marked));
      button.tabIndex = index === this.at ? 0 : -1;
      button.querySelector(".mark").textContent = shorten(this.about.classes[marked ? right : left], 20);
    });
    const correct = this.questions.length - this.marked.size;
    $("grid-last").textContent = `${this.marked.size} wrong, ${correct} correct on this page.`;
  }

  move(step) {
    this.at = Math.max(0, Math.min(this.questions.length - 1, this.at + step));
    this.paint();
    $("grid-cells").children[this.at].firstChild.focus();
  }

  columns() {
    const cells = [...$("grid-cells").children];
    const top = cells[0]?.offsetTop;
    return Math.max(1, cells.filter(cell => cell.offsetTop === top).length);
  }

  async take() {
    if (this.busy || !this.questions.length) return;
    this.busy = true;
    const taken = [], passed = [];
    try {
      for (const [index, question] of this.questions.entries()) {
        const label = this.marked.has(index) ? question.right : question.left;
        try {
          await ask("api/judge", { place: question.place, row: question.row, answer: "class", label, version: question.version });
          taken.push({ place: question.place, row: question.row });
        } catch (error) {
          if (!(error instanceof Failure) || ["gone", "locked", "moved"].includes(error.kind)) throw error;
          passed.push(question.place);
        }
      }
      this.pages.push(taken);
      await this.taken(taken, passed);
    } catch (error) {
      this.failed(error);
    } finally {
      this.busy = false;
    }
  }

  async undo() {
    if (this.busy) return;
    const last = this.pages.pop();
    if (!last?.length) return;
    this.busy = true;
    try {
      for (const one of last) await ask("api/undo", one);
      this.undone(last);
      await this.show(last[0].place);
      $("grid-last").textContent = `Undone: ${last.length} images.`;
    } catch (error) {
      this.failed(error);
    } finally {
      this.busy = false;
    }
  }

  /** Take a key; true where it was one of the grid's, as all are while a page is saved or taken back. */
  key(event, action) {
    if (this.busy) return true;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns(), ArrowUp: -this.columns() }[event.key];
    if (step) this.move(step);
    else if (event.key === " " || event.key.toLowerCase() === "x") this.mark(this.at);
    else if (event.key === "Enter") this.take();
    else if (event.key.toLowerCase() === "a") this.markAll();
    else if (action === "undo") this.undo();
    else if (action === "grid" || event.key === "Escape") this.leave(this.questions[0]?.place);
    else return false;
    return true;
  }
}
