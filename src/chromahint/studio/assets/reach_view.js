// @ts-check
// Shows where a point counts while the pointer rests on it: everything else is veiled.

import { getColors } from "./api.js";
import { ColorClient } from "./color_client.js";
import { context2d } from "./dom.js";
import { toHintFile } from "./hint_file.js";

/**
 * @import { AnnotationRef, Annotations } from "./annotations.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { Look } from "./look.js"
 *
 * @typedef {object} Parts
 * @property {Annotations} annotations
 * @property {Comparison} comparison
 * @property {EditorDocument} editor
 * @property {Look} look
 * @property {EditTools} tools
 */

const DELAY = 250; // milliseconds that the pointer rests
const VISIBLE = 5 * 64; // difference of ab that counts as colored, in 1/64 Lab units
const VEIL = [16, 18, 22, 150]; // red, green, blue, alpha

export class ReachView {
  #requestCount = 0;
  #timer = 0;
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    parts.tools.addEventListener("hover", (event) => {
      const { ref } = /** @type {CustomEvent<{ ref: AnnotationRef | null }>} */ (event).detail;
      clearTimeout(this.#timer);
      this.#hide();
      if (ref) this.#timer = setTimeout(() => this.#show(ref), DELAY);
    });
    parts.annotations.addEventListener("change", () => {
      clearTimeout(this.#timer);
      this.#hide();
    });
  }

  #hide() {
    this.#requestCount++;
    this.#parts.tools.showVeil(null);
  }

  /** @param {AnnotationRef} ref */
  async #show({ kind, index }) {
    const { annotations, comparison, editor, look, tools } = this.#parts;
    const { photo } = editor;
    if (!photo) return;
    const request = ++this.#requestCount;
    const { current } = annotations;
    const others = { ...current, [kind]: current[kind].filter((_, n) => n !== index) };
    const size = String(ColorClient.previewSizes[ColorClient.previewSizes.length - 1]);
    try {
      const [all, without] = await Promise.all([current, others].map((set) =>
        getColors(photo.id, comparison.model, size, toHintFile(set), look.settings)));
      if (request === this.#requestCount) tools.showVeil(veil(all, without));
    } catch { /* nothing is shown then */ }
  }
}

/**
 * Return a picture that is dark where two colorings are the same.
 * @param {{ ab: Int16Array, width: number, height: number }} first
 * @param {{ ab: Int16Array }} second
 */
function veil({ ab, width, height }, { ab: other }) {
  const count = width * height;
  const image = new ImageData(width, height);
  for (let n = 0; n < count; n++) {
    const change = Math.hypot(ab[n] - other[n], ab[n + count] - other[n + count]);
    image.data.set(VEIL, 4 * n);
    image.data[4 * n + 3] = VEIL[3] * Math.max(0, 1 - change / VISIBLE);
  }
  const surface = new OffscreenCanvas(width, height);
  context2d(surface).putImageData(image, 0, 0);
  return surface;
}
