// What a question looks like: labels, comparison images, the classes below. Text from the data enters as textContent.

import { shownKey } from "./keys.js";

const $ = id => document.getElementById(id);
const KIND = { given: "given label", rival: "next most likely", suggested: "suggested label" };

export const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** Long names lose their middle, so that two that differ at either end never read the same. */
export function shorten(name, most) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const half = Math.floor((most - 1) / 2);
  return `${letters.slice(0, half).join("")}…${letters.slice(-half).join("")}`;
}

/** An answer in words. */
export const spoken = (kind, label) => kind === "none" ? "no class fits" : kind === "skip" ? "can’t tell" : label;

export class View {
  constructor(about, deck, answer) {
    this.about = about;
    this.deck = deck;
    this.answer = answer;
    this.fixed = about.classes.length <= 9;  // then each class has a key of its own for the whole session
    this.further = new Map();
    if (this.fixed) $("further").replaceChildren(...about.classes.map((_, label) => this.classButton(label, label + 1)));
  }

  classButton(label, key) {
    const name = this.about.classes[label];
    const button = make("button", { type: "button", title: name }, make("bdi", { textContent: shorten(name, 20) }));
    button.append(make("kbd", { textContent: shownKey(String(key)) }));
    button.addEventListener("click", () => this.answer("class", label));
    this.further.set(label, button);
    return button;
  }

  /** The class that a digit key stands for in `question`; undefined where for none. */
  classOf(digit, question) {
    if (this.fixed) return digit >= 1 && digit <= this.about.classes.length ? digit - 1 : undefined;
    if (digit === 1) return question.left;
    return digit === 2 ? question.right : question.further[digit - 3];
  }

  /** The classes that are likely: both sides and the next two. */
  likely({ left, right, further }) {
    return [left, right, ...further.slice(0, 2)];
  }

  render(question) {
    const { about } = this, { left, right, further, verdict } = question;
    this.side($("choose-left"), left, about.blind ? "" : KIND.given, verdict);
    this.side($("choose-right"), right, about.blind ? "" : question.suggests ? KIND.suggested : KIND.rival, verdict);
    for (const candidate of document.querySelectorAll(".candidate")) {
      candidate.querySelector(".strip-title").textContent = "";
      candidate.querySelector(".strip").replaceChildren();
    }
    if (!this.fixed) $("further").replaceChildren(...further.map((label, index) => this.classButton(label, index + 3)));
    const likely = new Set(this.likely(question));
    for (const [label, button] of this.further) {
      button.setAttribute("aria-pressed", String(verdict?.label === label));
      const bold = !about.blind && this.fixed && likely.has(label);
      button.classList.toggle("likely", bold);
      button.title = [about.classes[label], bold && "among the likeliest"].filter(Boolean).join(": ");
    }
    $("none").setAttribute("aria-pressed", String(verdict?.kind === "none"));
    $("skip").setAttribute("aria-pressed", String(verdict?.kind === "skip"));
    $("place").textContent = `${(question.place + 1).toLocaleString("en")} of ${this.deck.total.toLocaleString("en")}`;
    $("path").textContent = about.blind ? "" : question.path + (question.split ? ` (${question.split})` : "");
    $("path").title = $("path").textContent;
    const reason = question.reason === `looks like ${about.classes[right]}` ? "" : question.reason;
    $("why").textContent = about.blind ? "" : [reason, question.chance].filter(Boolean).join(" · ");
    const said = (question.said ?? []).map(other => `${other.reviewer} said ${spoken(other.kind, other.label)}`);
    if (verdict) said.unshift(`You said ${spoken(verdict.kind, about.classes[verdict.label])}`);
    if (verdict?.note) said.push(`“${verdict.note}”`);
    $("standing").hidden = !said.length;
    $("standing").textContent = said.join(" · ");
  }

  side(button, label, role, verdict) {
    const full = this.about.classes[label], name = button.querySelector(".name");
    name.textContent = shorten(full, 36);
    name.title = full;
    name.toggleAttribute("data-long", full.length > 16);
    button.querySelector(".role").textContent = role;
    button.setAttribute("aria-pressed", String(verdict?.label === label));
  }

  /** The images to compare with; `isCurrent` says whether the question is still the one that is shown. */
  async showNeighbours(question, isCurrent) {
    const strips = await this.deck.neighbours(question.place).catch(() => null);
    if (!isCurrent()) return;
    for (const name of ["left", "right"]) {
      const candidate = document.querySelector(`.candidate.${name}`);
      const title = strips?.kind === "alike" ? "most alike, labelled so" : "typical, labelled so";
      candidate.querySelector(".strip-title").textContent = !strips ? "images to compare with could not be loaded"
        : strips[name].length ? title : "none to compare with";
      const label = this.about.classes[question[name]];
      candidate.querySelector(".strip").replaceChildren(...(strips?.[name] ?? []).map(row => this.thumbnail(row, label, question)));
    }
  }

  thumbnail(row, label, question) {
    const image = make("img", { src: `thumbnail/${row}`, alt: `An image labelled ${label}`, decoding: "async" });
    image.addEventListener("load", () => image.classList.toggle("exact", Math.max(image.naturalWidth, image.naturalHeight) <= 16));
    image.addEventListener("error", () => image.classList.add("failed"));
    const button = make("button", { type: "button", title: "Look closer" }, image);
    button.addEventListener("click", () => this.compare(row, label, question));
    return make("li", {}, button);
  }

  /** The image in question and one like it, side by side and large. */
  async compare(row, label, question) {
    const found = await Promise.all([question.row, row].map(one => this.deck.picture(one).catch(error => ({ error }))));
    if (found.some(picture => picture.error)) return;
    const places = $("closer").querySelectorAll(".closer-view div");
    found.forEach((picture, index) => {
      const image = make("img", { src: picture.url, alt: index ? `an image labelled ${label}` : "the image in question" });
      image.addEventListener("load", () => image.classList.toggle("exact", Math.max(image.naturalWidth, image.naturalHeight) <= 64));
      places[index].replaceChildren(image);
    });
    $("closer").querySelector("bdi").textContent = `labelled ${label}`;
    $("closer").showModal();
  }
}
