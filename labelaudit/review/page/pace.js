// "12 a minute, about 9 minutes left": by the verdicts of this tab, breaks left out.

const STEADY = 5, PAUSE = 60_000;  // verdicts from which a pace is told; a longer gap is a break, not work

export class Pace {
  constructor() { this.times = []; }

  get verdicts() { return this.times.length; }

  /** `number` verdicts were given now. */
  count(number) {
    for (let each = 0; each < number; each++) this.times.push(performance.now());
  }

  /** The pace, and the time that `left` more verdicts take; empty until it is steady. */
  say(left) {
    const gaps = this.times.slice(1).map((time, index) => time - this.times[index]).filter(gap => gap < PAUSE);
    const spent = gaps.reduce((sum, gap) => sum + gap, 0);
    if (gaps.length < STEADY || !left || !spent) return "";  // a page of the grid is given in no time
    const perMinute = 60_000 * gaps.length / spent;
    const minutes = Math.ceil(left / perMinute);
    const told = number => number.toLocaleString("en");
    return ` · ${told(Math.max(1, Math.round(perMinute)))} a minute, about ${told(minutes)} minute${minutes === 1 ? "" : "s"} left`;
  }
}
