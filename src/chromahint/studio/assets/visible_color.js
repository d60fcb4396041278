// @ts-check
// The color that the photo shows at a place.

import { rgbToLab } from "./cielab.js";

/** @import { View } from "./view.js" */

/**
 * Return the color of the result at a position, as a hint stores it: a hint of this color changes nothing.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 */
export function visibleColor(view, x, y) {
  const { panes } = view;
  const pane = panes.find(({ slot }) => slot === "a") ?? panes[0];
  const [, a, b] = rgbToLab(...view.colorAt({ x, y, pane, slot: pane.slot }));
  return { a, b, gray: false };
}
