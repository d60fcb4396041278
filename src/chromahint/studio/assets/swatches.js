// @ts-check
// Groups of buttons that each stand for a color.

import { labToHex } from "./cielab.js";
import { el } from "./dom.js";

/** @import { Swatch } from "./named_colors.js" */

/**
 * Clamp a lightness to values at which colors are easy to tell apart.
 * @param {number} l
 */
const readableLightness = (l) => Math.min(78, Math.max(52, l));

/**
 * Update the buttons of a group. Buttons are kept, so that the focus stays where it is.
 * @param {HTMLElement} group
 * @param {Swatch[]} colors
 * @param {number} l lightness of the place
 */
export function drawSwatches(group, colors, l) {
  while (group.children.length > colors.length) group.lastChild?.remove();
  while (group.children.length < colors.length) group.append(el("button", { type: "button" }));
  colors.forEach(([title, a, b], n) => {
    const button = /** @type {HTMLButtonElement} */ (group.children[n]);
    const hex = labToHex(readableLightness(l), a, b);
    button.dataset.a = String(a);
    button.dataset.b = String(b);
    if (button.title === title && button.dataset.hex === hex) return;
    button.dataset.hex = hex;
    button.title = title;
    button.setAttribute("aria-label", `${title}, ${hex}`);
    button.style.background = hex;
  });
}

/**
 * Return the color of a swatch that an event belongs to.
 * @param {Event} event
 * @returns {[a: number, b: number] | null}
 */
export function swatchColor({ target }) {
  const swatch = target instanceof Element ? target.closest("button") : null;
  return swatch?.dataset.a === undefined ? null : [Number(swatch.dataset.a), Number(swatch.dataset.b)];
}
