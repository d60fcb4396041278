// @ts-check
// Where next? Shows the place where one more point would help most; its suggested color is taken with one key.

import { getNextPlaces } from "./api.js";
import { hexToLab } from "./cielab.js";
import { button, html, notify, notifyError, withSpinner } from "./dom.js";
import { toHintFile } from "./hint_file.js";
import { t } from "./translation.js";

/**
 * @import { Annotations, Position } from "./annotations.js"
 * @import { NextPlace } from "./api.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { View } from "./view.js"
 *
 * @typedef {object} Parts
 * @property {Annotations} annotations
 * @property {Comparison} comparison
 * @property {EditorDocument} editor
 * @property {EditTools} tools
 * @property {View} view
 */

export class WhereNext {
  /** @type {NextPlace[]} */
  #places = [];
  #index = 0;
  #requestCount = 0;
  #bar = html("next-place");
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    button("where-next").addEventListener("click", () => this.show());
    button("take-suggestion").addEventListener("click", () => this.take());
    button("skip-place").addEventListener("click", () => this.show());
    parts.annotations.addEventListener("change", () => this.hide());
    parts.editor.addEventListener("open", () => this.hide());
  }

  /** Show the next place; again, the one after it. */
  async show() {
    const { annotations, comparison, editor } = this.#parts;
    const { photo } = editor;
    if (!photo) return;
    if (this.#places.length) {
      this.#index = (this.#index + 1) % this.#places.length;
      this.#draw();
      return;
    }
    const request = ++this.#requestCount;
    try {
      const hints = toHintFile(annotations.current);
      const places = await withSpinner(() => getNextPlaces(photo.id, comparison.model, hints));
      if (request !== this.#requestCount) return;
      if (places.length === 0) notify(t("This style can't tell where a point would help. SpreadNet can."));
      this.#places = places;
      this.#index = 0;
      this.#draw();
    } catch (error) {
      notifyError(error);
    }
  }

  hide() {
    this.#requestCount++;
    this.#places = [];
    this.#draw();
  }

  /** Add a point of the suggested color at the place that is shown; returns whether one is shown. */
  take() {
    const { tools } = this.#parts;
    const place = this.#places[this.#index];
    if (!place) return false;
    const { x, y, color } = place;
    const [, a, b] = hexToLab(color);
    tools.commit(tools.addPoint(x, y, { a, b, gray: false }));
    notify(t("Point added in the suggested color. Choose another one if it is wrong."));
    return true;
  }

  #draw() {
    const { tools, view } = this.#parts;
    const place = this.#places[this.#index];
    this.#bar.hidden = !place;
    /** @type {Position | null} */
    const position = place ? [place.x, place.y] : null;
    tools.showTarget(position);
    if (!place || !position) return;
    view.reveal(...position);
    html("suggested-color").style.background = place.color;
    html("suggested-color").title = place.color;
  }
}
