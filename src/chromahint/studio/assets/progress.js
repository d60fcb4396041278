// @ts-check
// A bar that shows how far something is, with a button to stop it.

import { button, byId, html } from "./dom.js";

const SHOW_DELAY = 600; // milliseconds; shorter tasks show only their result

export class Progress {
  /** @type {AbortController | null} */
  #controller = null;

  constructor() {
    button("progress-stop").addEventListener("click", () => this.#controller?.abort());
  }

  get isRunning() {
    return this.#controller !== null;
  }

  /**
   * Do something with each of several items, one after the other, until the person stops it.
   * @template T
   * @param {T[]} items
   * @param {(item: T, signal: AbortSignal) => Promise<void>} task
   * @param {(number: number) => string} label of an item, which counts from 1
   */
  async run(items, task, label) {
    await this.during(async (signal, show) => {
      for (const [index, item] of items.entries()) {
        if (signal.aborted) return;
        show(index, items.length, label(index + 1));
        await task(item, signal);
      }
    });
  }

  /**
   * Show the bar during a task.
   * @param {(signal: AbortSignal, show: (done: number, total: number, label: string) => void) => Promise<void>} task
   */
  async during(task) {
    const controller = new AbortController();
    this.#controller = controller;
    const panel = html("progress");
    const timer = setTimeout(() => {
      panel.hidden = false;
    }, SHOW_DELAY);
    try {
      await task(controller.signal, (done, total, label) => {
        const bar = byId("progress-bar", HTMLProgressElement);
        bar.max = total;
        bar.value = done;
        html("progress-label").textContent = label;
      });
    } finally {
      clearTimeout(timer);
      panel.hidden = true;
      this.#controller = null;
    }
  }
}
