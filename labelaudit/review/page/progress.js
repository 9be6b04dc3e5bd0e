// The figures above the page: how many are done, how they were judged, the pace; and when it is worth stopping.

import { ask } from "./deck.js";
import { say } from "./notice.js";
import { Pace } from "./pace.js";
import { make } from "./view.js";

const $ = id => document.getElementById(id);
const count = number => number.toLocaleString("en");
const FIGURES = 120, STOP = 600;  // milliseconds after a verdict: the next image comes first
const OFTEN = 20;  // verdicts between two remarks on whether to go on

export class Progress {
  constructor(about, total, anew) {
    Object.assign(this, { about, total, anew, pace: new Pace(), timers: [] });
  }

  /** `number` verdicts were given, or taken back where it is 0: the figures follow when nobody is in a hurry. */
  add(number) {
    this.pace.count(number);
    this.timers.forEach(clearTimeout);
    this.timers = [
      setTimeout(async () => this.show(await ask("api/progress").catch(() => null)), FIGURES),
      setTimeout(() => this.askStop(true), STOP),
    ];
  }

  /** Ask whether it is worth going on; `aloud` where somebody works and has not heard it lately. */
  async askStop(aloud = false) {
    const { sentence } = await ask("api/stop").catch(() => ({ sentence: "" }));
    $("end-stop").textContent = sentence.replaceAll("`", "");
    if (aloud && sentence && !this.about.blind && this.pace.verdicts % OFTEN === 0) say(sentence.replaceAll("`", ""));
  }

  show(progress) {
    if (!progress) return;
    const { about, total } = this, { done, wrong, right, skipped } = progress;
    about.progress = progress;
    this.anew.offer(progress);
    const parts = [` of ${count(total)}`];
    if (!about.blind) parts.push(` · ${count(wrong)} wrong`, ` · ${count(right)} correct`);
    if (!about.blind && skipped) parts.push(` · ${count(skipped)} skipped`);
    $("counts").replaceChildren(make("b", { textContent: count(done) }), ...parts, this.pace.say(total - done));
    const shares = about.blind ? { wrong: 0, right: done, skipped: 0 } : progress;
    for (const kind of ["wrong", "right", "skipped"]) {
      $("meter").querySelector(`.${kind}`).style.flexBasis = `${100 * shares[kind] / total}%`;
    }
    $("meter").setAttribute("aria-valuenow", done);
    $("meter").setAttribute("aria-valuemax", total);
  }
}
