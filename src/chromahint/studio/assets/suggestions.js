// @ts-check
// Suggests colors for the selected point, if the model can.

import { getSuggestions } from "./api.js";
import { hexToLab } from "./cielab.js";
import { toHintFile } from "./hint_file.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
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
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Request suggestions for the selected point; a newer request overrides this one. */
  async update() {
    const { annotations, comparison, editor, picker, tools } = this.#parts;
    const request = ++this.#requestCount;
    const selected = annotations.get(tools.selected);
    if (!editor.photo || !selected || "path" in selected) {
      picker.setSuggestions([]);
      return;
    }
    try {
      const x = Math.round(selected.x);
      const y = Math.round(selected.y);
      const hints = toHintFile(annotations.current);
      const colors = await getSuggestions(editor.photo.id, comparison.model, x, y, hints);
      if (request !== this.#requestCount) return;
      picker.setSuggestions(colors.slice(0, MAX_SUGGESTIONS).map((hex) => {
        const [, a, b] = hexToLab(hex);
        return ["suggested", a, b];
      }));
    } catch { /* no suggestions then */ }
  }
}
