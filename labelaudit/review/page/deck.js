// What the server knows, asked for ahead of time: slices of the queue, pictures that are already decoded, neighbours.
// Nothing is kept but what lies a few images around the current one.

const SLICE = 40, AHEAD = 4, BEHIND = 6;

export class Failure extends Error {
  constructor(message, kind, question) { super(message); this.kind = kind; this.question = question; }
}

export async function ask(path, body) {
  const write = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  let answer;
  try {
    answer = await fetch(path, write);
  } catch {
    throw new Failure("", "gone");
  }
  if (answer.status === 403) throw new Failure("", "locked");
  const parts = await answer.json();
  if (!answer.ok) throw new Failure(parts.error, parts.kind, parts.question);
  return parts;
}

export class Deck {
  constructor(total) {
    this.total = total;
    this.questions = new Map();
    this.slices = new Map();
    this.pictures = new Map();
    this.strips = new Map();
  }

  async question(place) {
    if (!this.questions.has(place)) {
      const start = place - place % SLICE;
      if (!this.slices.has(start)) {
        const slice = ask(`api/questions?start=${start}&count=${SLICE}`);
        this.slices.set(start, slice);
        slice.then(list => list.forEach(one => this.questions.has(one.place) || this.questions.set(one.place, one)), () => this.slices.delete(start));
      }
      await this.slices.get(start);
    }
    return this.questions.get(place);
  }

  /** Ask again for all questions: many were answered elsewhere. */
  forgetQuestions() {
    this.questions.clear();
    this.slices.clear();
  }

  update(question) { this.questions.set(question.place, question); }

  async nextOpen(start, passed) {
    for (let place = start, steps = 0; place < this.total; place++, steps++) {
      if (steps > 2 * SLICE) {
        place = (await ask(`api/next?start=${place}`)).next;
        if (place >= this.total) return this.total;
      }
      if (!passed.has(place) && !(await this.question(place)).done) return place;
    }
    return this.total;
  }

  // A decoded <img>, or why there is none; never rejects but for a server that is gone.
  picture(row) {
    if (!this.pictures.has(row)) {
      const coming = load(row).catch(error => {
        this.pictures.delete(row);
        if (error.kind === "gone" || error.kind === "locked") throw error;
        return { error };
      });
      this.pictures.set(row, coming);
    }
    return this.pictures.get(row);
  }

  neighbours(place) {
    if (!this.strips.has(place)) {
      const coming = ask(`api/neighbours/${place}`);
      coming.catch(() => this.strips.delete(place));
      this.strips.set(place, coming);
    }
    return this.strips.get(place);
  }

  // Fetches what comes after ``place``, one image after the other so that the nearest is there first.
  async prepare(place) {
    this.forget(place);
    for (let next = place + 1; next <= Math.min(place + AHEAD, this.total - 1); next++) {
      const question = await this.question(next);
      if (question.done) continue;
      await this.picture(question.row);
      const strips = await this.neighbours(next);
      for (const row of [...strips.left, ...strips.right]) new Image().src = `thumbnail/${row}`;
    }
  }

  forget(place) {
    const near = new Set();
    for (let at = place - BEHIND; at <= place + AHEAD; at++) if (this.questions.has(at)) near.add(this.questions.get(at).row);
    for (const [row, coming] of this.pictures) if (!near.has(row)) {
      this.pictures.delete(row);
      coming.then(picture => picture.url && URL.revokeObjectURL(picture.url), () => {});
    }
    for (const at of this.strips.keys()) if (Math.abs(at - place) > BEHIND) this.strips.delete(at);
  }
}

async function load(row) {
  let picture = await fetched(`image/${row}`);
  try {
    await picture.image.decode();
  } catch {
    URL.revokeObjectURL(picture.url);
    picture = await fetched(`image/${row}?safe=1`);
    await picture.image.decode().catch(() => { throw new Failure("the browser cannot show it", "unreadable"); });
  }
  return picture;
}

async function fetched(path) {
  let answer;
  try {
    answer = await fetch(path);
  } catch {
    throw new Failure("", "gone");
  }
  if (answer.status === 403) throw new Failure("", "locked");
  if (!answer.ok) {
    const parts = await answer.json();
    throw new Failure(parts.error, parts.kind);
  }
  const image = new Image();
  const url = URL.createObjectURL(await answer.blob());
  image.src = url;
  image.alt = "";
  image.draggable = false;
  return { image, url };
}
