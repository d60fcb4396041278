// @ts-check
// Keeps buttons and labels up to date with the state of the editor.

import { button, html } from "./dom.js";
import { formatList, plural, t } from "./translation.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Photo } from "./photo.js"
 * @import { EditTools } from "./edit_tools.js"
 */

/** @param {Annotations} annotations */
function describe({ count, current: { points, strokes } }) {
  if (count === 0) return t("No points yet.");
  return formatList([
    ...(points.length ? [plural(points.length, "{count} point", "{count} points")] : []),
    ...(strokes.length ? [plural(strokes.length, "{count} stroke", "{count} strokes")] : []),
  ]);
}

/** @param {{ annotations: Annotations, picker: ColorPicker, tools: EditTools }} parts */
export function updateControls({ annotations, picker, tools }) {
  button("undo").disabled = annotations.past.length === 0;
  button("redo").disabled = annotations.future.length === 0;
  const text = describe(annotations);
  const label = html("annotation-count");
  if (label.textContent !== text) label.textContent = text; // setting even the same text causes a new layout
  button("remove-all").hidden = annotations.count === 0;
  button("remove-selected").hidden = annotations.get(tools.selected) === undefined;
  html("first-step").hidden = annotations.count > 0;
  button("keep-gray").setAttribute("aria-pressed", String(picker.isGray));
}

/** @param {Photo} photo */
export function showPhotoName({ name, width, height }) {
  html("photo-name").textContent = `${name} · ${width} × ${height}`;
}
