// @ts-check
// Suggests colors for the selected point, if the model can. A new point takes the first of them, until a person has
// chosen a color.

import { isSameRef } from "./annotations.js";
import { getSuggestions } from "./api.js";
import { gamutFraction, hexToLab } from "./cielab.js";
import { toHintFile } from "./hint_file.js";
import { t } from "./translation.js";

/**
 * @import { AnnotationRef, Annotations } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { Swatch } from "./named_colors.js"
 *
 * @typedef {object} Parts
 * @property {Annotations} annotations
 * @property {Comparison} comparison
 * @property {EditorDocument} editor
 * @property {ColorPicker} picker
 * @property {EditTools} tools
 */

const MAX_SUGGESTIONS = 8;

export class Suggestions {
  #requestCount = 0;
  #key = ""; // what the latest request asked
  #isAnswered = false;
  /** @type {AnnotationRef | null} a new point whose color nobody has chosen */
  #uncolored = null;
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    parts.picker.addEventListener("choose", () => {
      this.#uncolored = null;
    });
  }

  /**
   * Request suggestions for the selected point; a newer request overrides this one.
   * @param {boolean} [isNew] whether the point takes the first of them
   */
  async update(isNew = false) {
    const { annotations, comparison, editor, picker, tools } = this.#parts;
    const ref = tools.selected;
    const selected = annotations.get(ref);
    if (!isSameRef(ref, this.#uncolored)) this.#uncolored = null;
    if (!editor.photo || !ref || !selected || "path" in selected) {
      this.#requestCount++;
      this.#key = "";
      picker.setSuggestions([]);
      return;
    }
    if (isNew) this.#uncolored = ref;
    const x = Math.round(selected.x);
    const y = Math.round(selected.y);
    // the point itself says nothing about what else its color may be
    const others = { ...annotations.current, points: annotations.current.points.filter((each) => each !== selected) };
    const hints = toHintFile(others);
    const key = [editor.photo.id, comparison.model, x, y, hints].join(" ");
    if (key === this.#key) {
      if (this.#isAnswered) this.#colorNewPoint();
      return;
    }
    const request = ++this.#requestCount;
    this.#key = key;
    this.#isAnswered = false;
    /** @type {Swatch[]} */
    let colors = [];
    picker.setSuggestions(colors);
    try {
      const found = await getSuggestions(editor.photo.id, comparison.model, x, y, hints);
      colors = found.slice(0, MAX_SUGGESTIONS).map((hex) => {
        const [, a, b] = hexToLab(hex);
        return [t("suggested"), a, b];
      });
    } catch { /* no suggestions then */ }
    if (request !== this.#requestCount) return;
    this.#isAnswered = true;
    picker.setSuggestions(colors);
    this.#colorNewPoint();
  }

  /** Give a new point the first suggested color. While it is being dragged, another one may follow. */
  #colorNewPoint() {
    const { annotations, picker } = this.#parts;
    const ref = this.#uncolored;
    const point = annotations.get(ref);
    if (!annotations.isInGesture) this.#uncolored = null;
    const [best] = picker.suggested;
    if (!ref || !point || !best) return;
    const fraction = gamutFraction(point.l, best[1], best[2]);
    const [a, b] = [fraction * best[1], fraction * best[2]];
    if (point.a === a && point.b === b) return;
    annotations.amend(ref, { a, b });
    picker.show({ ...point, a, b });
  }
}
