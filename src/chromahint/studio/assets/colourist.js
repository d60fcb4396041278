// Follows the hints with one network: quickly while a person moves something, and sharper when they rest.

import { say } from "./elements.js";
import { Latest, colours, seen } from "./server.js";

const REST = 220, AGAIN = 400;
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Colourist {
  /**
   * @param shown called with a small picture of colours
   * @param lost called when the server has put the photo away
   */
  constructor(shown, lost) {
    Object.assign(this, { shown, lost, photo: null, model: null, seen: new Map(), rest: 0 });
    this.latest = new Latest((question) => this.#answer(question));
  }

  use(photo, model) {
    if (photo !== this.photo) this.seen.clear();
    Object.assign(this, { photo, model });
    clearTimeout(this.rest);
  }

  /** Colour by the text of a hint file. */
  follow(hints) {
    if (!this.photo || this.model === null) return;
    const { photo, model } = this;
    clearTimeout(this.rest);
    this.latest.ask({ photo, model, hints, size: "draft" });
    this.rest = setTimeout(() => this.latest.ask({ photo, model, hints, size: "fine" }), REST);
  }

  async #answer({ photo, model, hints, size }) {
    const isStale = () => photo !== this.photo || model !== this.model;
    if (isStale()) return;
    document.body.classList.add("busy");
    try {
      const key = `${model} ${size}`;
      if (!this.seen.has(key)) this.seen.set(key, await seen(photo.id, model, size));
      const found = await colours(photo.id, model, size, hints);
      if (!isStale()) this.shown({ ...found, lightness: this.seen.get(key).lightness, model, size });
    } catch (error) {
      if (error.status === 503) {
        await wait(AGAIN);
        if (!this.latest.isLate && !isStale()) this.latest.ask({ photo, model, hints, size });
      } else if (error.status === 404) this.lost(error);
      else say(error.message, true);
    } finally {
      document.body.classList.remove("busy");
    }
  }
}
