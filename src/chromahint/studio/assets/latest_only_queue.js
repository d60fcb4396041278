// @ts-check
// A queue of length one.

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/**
 * Processes one item at a time. Of the items that arrive meanwhile only the last is kept; it starts after the next
 * frame, which shows the previous result.
 * @template T
 */
export class LatestOnlyQueue {
  /** @type {{ item: T } | null} */
  #pending = null;
  #isBusy = false;
  #process;

  /** @param {(item: T) => Promise<void>} process */
  constructor(process) {
    this.#process = process;
  }

  get hasPending() {
    return this.#pending !== null;
  }

  /** @param {T} item */
  async push(item) {
    this.#pending = { item };
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#pending) {
      const { item: next } = this.#pending;
      this.#pending = null;
      await this.#process(next);
      await nextFrame();
    }
    this.#isBusy = false;
  }
}
