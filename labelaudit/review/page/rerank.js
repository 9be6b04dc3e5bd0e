// Ranking the list anew by the verdicts: offered once somebody has judged; the page begins again with the new list.

import { ask } from "./deck.js";

const $ = id => document.getElementById(id);
const SAID = "labelaudit-said";  // what it changed, kept over the reload; without storage it is not said

export class Rerank {
  constructor(about, say, failed) { Object.assign(this, { about, say, failed }); }

  /** Show the buttons where `progress` has verdicts to go by. */
  offer(progress) {
    const { rerank, blind } = this.about, judged = progress.wrong + progress.right;
    $("rerank").hidden = !rerank || blind || !judged;
    $("end-rerank").hidden = !rerank || !judged;
  }

  async run() {
    this.say("Ranking the list anew …");
    try {
      const { said } = await ask("api/rerank", {});
      try { sessionStorage.setItem(SAID, said); } catch { /* private windows may refuse */ }
      location.reload();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Say what it changed, once the new list is there. */
  tell() {
    try {
      const said = sessionStorage.getItem(SAID);
      sessionStorage.removeItem(SAID);
      if (said) this.say(said);
    } catch { /* as above */ }
  }
}
