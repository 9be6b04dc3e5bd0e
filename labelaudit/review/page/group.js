// One verdict for a whole group: a patient's frames, near-copies. The switch stays as it was left.

import { make, shorten } from "./view.js";

const $ = id => document.getElementById(id);

export class Group {
  constructor(view) {
    this.view = view;
    this.on = false;
    this.open = 0;  // companions of the image that is shown and have no verdict
  }

  /** Whether the next verdict is about the whole group. */
  get whole() { return this.on && this.open > 0; }

  render(question) {
    const { group } = question;
    this.open = group?.open ?? 0;
    $("whole").hidden = $("group").hidden = !group;
    if (!group) return;
    const name = group.name ? make("bdi", { textContent: shorten(group.name, 30), title: group.name }) : "the group";
    $("whole-name").replaceChildren(`All ${(group.open + 1).toLocaleString("en")} of `, name);
    $("whole").disabled = !group.open;
    $("whole").setAttribute("aria-pressed", String(this.whole));
    const label = this.view.about.classes[question.left];
    $("group").replaceChildren(...group.rows.map(row => this.view.thumbnail(row, label, question)));
    $("group").setAttribute("aria-label", `${group.all} more of this group, labelled ${label}`);
  }

  toggle() {
    if (!this.open) return;
    this.on = !this.on;
    $("whole").setAttribute("aria-pressed", String(this.whole));
  }
}
