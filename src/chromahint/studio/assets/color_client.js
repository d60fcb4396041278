// Follows the hints with one network: quickly while a person moves something, and sharper when they rest.

import { say, working } from "./dom.js";
import { Latest, colors, seen } from "./api.js";

const REST = 220, HELD = 700, AGAIN = 400; // milliseconds; a hand that holds something may go on at any moment
const LATE = 70, EARLY = 35; // milliseconds for an answer: several that come late call for a smaller side, early ones for a larger
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Colorist {
  static drafts = []; // sides of what a network sees while something moves, the largest first

  /**
   * @param shown called with a small picture of colors
   * @param lost called when the server has put the photo away
   */
  constructor(shown, lost) {
    Object.assign(this, { shown, lost, photo: null, model: null, seen: new Map(), rest: 0, fine: null, draft: 0, pace: 0 });
    this.latest = new Latest((question) => working(() => this.#answer(question)));
  }

  use(photo, model) {
    if (photo !== this.photo) this.seen.clear();
    if (model !== this.model) Object.assign(this, { draft: 0, pace: 0 });
    Object.assign(this, { photo, model, fine: null });
    clearTimeout(this.rest);
  }

  /** Color by the text of a hint file; what nobody sees just now can wait until a person rests. */
  follow(hints, { isSeen, isHeld }) {
    if (!this.photo || this.model === null) return;
    const { photo, model } = this;
    this.fine = { photo, model, hints, size: "fine" };
    if (isSeen) this.latest.ask({ ...this.fine, size: Colorist.drafts[this.draft] });
    this.#sharpenAfter(isHeld ? HELD : REST);
  }

  /** The hand has let go. */
  settle() {
    if (this.fine !== null) this.#sharpenAfter(REST);
  }

  #sharpenAfter(milliseconds) {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.latest.ask(this.fine);
      this.fine = null;
    }, milliseconds);
  }

  async #answer({ photo, model, hints, size }) {
    const isStale = () => photo !== this.photo || model !== this.model;
    if (isStale()) return;
    try {
      const key = `${model} ${size}`, isNew = !this.seen.has(key);
      if (isNew) this.seen.set(key, await seen(photo.id, model, size));
      const start = performance.now(), found = await colors(photo.id, model, size, hints);
      if (isStale()) return;
      if (size !== "fine" && !isNew) this.#pace(performance.now() - start);
      this.shown({ ...found, lightness: this.seen.get(key).lightness, model, isFine: size === "fine" });
    } catch (error) {
      if (error.status === 503) {
        await wait(AGAIN);
        if (!this.latest.isLate && !isStale()) this.latest.ask({ photo, model, hints, size });
      } else if (error.status === 404) this.lost();
      else say(error.message, true);
    }
  }

  #pace(milliseconds) {
    this.pace = milliseconds > LATE ? Math.max(1, this.pace + 1) : milliseconds < EARLY ? Math.min(-1, this.pace - 1) : 0;
    if (Math.abs(this.pace) < 3) return;
    this.draft = Math.min(Colorist.drafts.length - 1, Math.max(0, this.draft + Math.sign(this.pace)));
    this.pace = 0;
  }
}
