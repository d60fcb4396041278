// @ts-check
// The slider for the size of points and strokes.

import { input } from "./dom.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
 *
 * @typedef {{ annotations: Annotations, editor: EditorDocument, tools: EditTools }} Parts
 */

const MIN_RADIUS = 0.0008; // relative to the longer side of the photo
const RADIUS_RANGE = 0.06;
const EXPONENT = 2.2; // finer steps for small sizes

export class SizeSlider {
  #slider = input("size");
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#slider.addEventListener("input", () => this.set(this.value, true));
    this.#slider.addEventListener("change", () => parts.annotations.commit());
  }

  get value() {
    return Number(this.#slider.value);
  }

  get #photoSize() {
    const { photo } = this.#parts.editor;
    return photo ? Math.max(photo.width, photo.height) : 512;
  }

  /**
   * Set the size of new annotations and of the selected one.
   * @param {number} value 0..100
   * @param {boolean} [isInterim] whether the slider is still being moved
   */
  set(value, isInterim = false) {
    const { annotations, tools } = this.#parts;
    this.#slider.value = String(value);
    tools.radius = this.#photoSize * (MIN_RADIUS + RADIUS_RANGE * (value / 100) ** EXPONENT);
    if (tools.selected && annotations.get(tools.selected)) {
      annotations.update(tools.selected, { radius: tools.radius }, isInterim);
    }
  }

  /** @param {number} delta */
  step(delta) {
    this.set(Math.min(100, Math.max(0, this.value + delta)));
  }

  /** Show the size of the selected annotation, or that of new ones. */
  update() {
    const { annotations, tools } = this.#parts;
    const radius = annotations.get(tools.selected)?.radius ?? tools.radius;
    const share = Math.min(1, Math.max(0, (radius / this.#photoSize - MIN_RADIUS) / RADIUS_RANGE));
    this.#slider.value = String(100 * share ** (1 / EXPONENT));
  }
}
