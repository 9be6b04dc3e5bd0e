// The large image in the middle: fitted to its place, zoomed with wheel, keys and double click, moved by dragging.

const SMALL = 64, MOST = 16, LEAST = 288, DEEPEST = 12, SWIPE = 70;

export class Stage {
  constructor(view, swiped) {
    this.view = view;
    this.swiped = swiped;
    this.fingers = new Map();
    this.exact = false;
    this.image = null;
    this.scaleNote = Object.assign(document.createElement("span"), { className: "scale", hidden: true });
    this.reset();
    view.addEventListener("wheel", event => { if (this.image) { event.preventDefault(); this.zoom(Math.exp(-event.deltaY / 300), event); } }, { passive: false });
    view.addEventListener("dblclick", event => this.toggle(event));
    view.addEventListener("pointerdown", event => this.grab(event));
    for (const kind of ["pointermove", "pointerup", "pointercancel"]) view.addEventListener(kind, event => this.touch(event));
    new ResizeObserver(() => this.fit()).observe(view);
  }

  show(image) {
    this.image = image;
    this.reset();
    image.classList.toggle("exact", this.exact);
    this.view.replaceChildren(image, this.scaleNote);
    this.fit();
  }

  showAbsent(title, reason) {
    this.image = null;
    this.reset();
    const note = Object.assign(document.createElement("p"), { className: "absent" });
    note.append(Object.assign(document.createElement("b"), { textContent: title }), reason);
    this.view.replaceChildren(note);
  }

  // Small images are enlarged, but not into a blur that nobody reads.
  fit() {
    if (!this.image) return;
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const { clientWidth, clientHeight } = this.view;
    const room = Math.min(clientWidth / width, clientHeight / height);
    const larger = Math.max(MOST / Math.max(1, Math.max(width, height) / SMALL), LEAST / Math.max(width, height), 1);
    const scale = Math.min(room, larger);
    this.image.style.width = `${Math.round(width * scale)}px`;
    this.image.style.height = `${Math.round(height * scale)}px`;
    this.apply();
  }

  togglePixels() {
    this.exact = !this.exact;
    this.image?.classList.toggle("exact", this.exact);
  }

  reset() { this.depth = 1; this.x = 0; this.y = 0; if (this.image) this.apply(); }

  toggle(event) { this.depth > 1 ? this.reset() : this.zoom(2.5, event); }

  // The point under the pointer stays where it is.
  zoom(factor, event) {
    if (!this.image) return;
    const depth = Math.min(DEEPEST, Math.max(1, this.depth * factor));
    const box = this.view.getBoundingClientRect();
    const px = event ? event.clientX - box.left - box.width / 2 : 0, py = event ? event.clientY - box.top - box.height / 2 : 0;
    this.x = px - (px - this.x) * depth / this.depth;
    this.y = py - (py - this.y) * depth / this.depth;
    this.depth = depth;
    this.apply();
  }

  apply() {
    const slackX = Math.max(0, (this.image.offsetWidth * this.depth - this.view.clientWidth) / 2);
    const slackY = Math.max(0, (this.image.offsetHeight * this.depth - this.view.clientHeight) / 2);
    this.x = Math.min(slackX, Math.max(-slackX, this.x));
    this.y = Math.min(slackY, Math.max(-slackY, this.y));
    this.image.style.transform = this.depth === 1 ? "" : `translate(${this.x}px, ${this.y}px) scale(${this.depth})`;
    this.view.classList.toggle("zoomed", this.depth > 1);
    this.scaleNote.hidden = this.depth === 1;
    this.scaleNote.textContent = `${this.depth.toFixed(1)}×`;
  }

  // Two fingers zoom, one that moves aside on the whole image gives the answer of that side.
  touch(event) {
    const finger = this.fingers.get(event.pointerId);
    if (!finger) return;
    if (event.type === "pointermove") {
      finger.x = event.clientX;
      finger.y = event.clientY;
      if (this.fingers.size !== 2) return;
      const [a, b] = [...this.fingers.values()], apart = Math.hypot(a.x - b.x, a.y - b.y);
      if (this.apart) this.zoom(apart / this.apart, { clientX: (a.x + b.x) / 2, clientY: (a.y + b.y) / 2 });
      this.apart = apart;
      this.pinched = true;
      return;
    }
    this.fingers.delete(event.pointerId);
    this.apart = 0;
    const dx = event.clientX - finger.fromX, dy = event.clientY - finger.fromY;
    const swipe = event.type === "pointerup" && !this.pinched && this.depth === 1 && Math.abs(dx) > SWIPE && Math.abs(dx) > 2 * Math.abs(dy);
    if (!this.fingers.size) this.pinched = false;
    if (swipe) this.swiped(dx < 0 ? "left" : "right");
  }

  grab(event) {
    if (this.image && event.pointerType === "touch") {
      this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, fromX: event.clientX, fromY: event.clientY });
      this.view.setPointerCapture(event.pointerId);
    }
    if (!this.image || this.fingers.size > 1 || this.depth === 1 || event.button) return;
    const start = { x: event.clientX - this.x, y: event.clientY - this.y };
    const move = moved => { this.x = moved.clientX - start.x; this.y = moved.clientY - start.y; this.apply(); };
    const end = () => {
      this.view.classList.remove("dragged");
      this.view.removeEventListener("pointermove", move);
      this.view.removeEventListener("pointerup", end);
      this.view.removeEventListener("pointercancel", end);
    };
    this.view.setPointerCapture(event.pointerId);
    this.view.classList.add("dragged");
    this.view.addEventListener("pointermove", move);
    this.view.addEventListener("pointerup", end);
    this.view.addEventListener("pointercancel", end);
  }
}
