// @ts-check
// The color picker: all colors at the lightness of a place, and swatches.

import { abPlane, drawAbPlane } from "./ab_plane.js";
import { gamutFraction, labToHex } from "./cielab.js";
import { COMMON_COLORS } from "./named_colors.js";
import { ARROWS } from "./shortcuts.js";
import { drawSwatches, swatchColor } from "./swatches.js";
import { t } from "./translation.js";

/**
 * @import { Hint } from "./annotations.js"
 * @import { Swatch } from "./named_colors.js"
 *
 * @typedef {"suggested" | "recent" | "common"} SwatchGroup
 */

const MAX_RECENT = 8;
const SAME_COLOR = 3; // Lab units
const REDRAW_DELAY = 60; // milliseconds

/**
 * Events: "choose" when a color was chosen; its detail says whether the gesture is still in progress. "suggest" when
 * other colors are suggested.
 */
export class ColorPicker extends EventTarget {
  isGray = false;
  isChosen = false; // whether a person has chosen a color
  /** @type {[a: number, b: number][]} */
  recent = [];
  #l = 60;
  #a = 0;
  #b = 0;
  /** @type {Swatch[]} */
  suggested = [];
  #redrawTimer = 0;
  #plane;
  #canvas;
  #swatches;
  #currentColor;

  /**
   * @param {HTMLCanvasElement} canvas of the plane
   * @param {Record<SwatchGroup, HTMLElement>} swatches
   * @param {HTMLElement} currentColor shows the current color
   */
  constructor(canvas, swatches, currentColor) {
    super();
    this.#canvas = canvas;
    this.#swatches = swatches;
    this.#currentColor = currentColor;
    this.#plane = abPlane(this.#l);
    /** @param {PointerEvent} event */
    const pick = (event) => {
      const box = canvas.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const y = (event.clientY - box.top) / box.height;
      this.choose(...this.#plane.toColor(x, y), true);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pick(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) pick(event);
    });
    canvas.addEventListener("pointerup", () => this.#dispatchChoose(false));
    canvas.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 10 : 2;
      this.choose(this.#a + step * arrow[0], this.#b - step * arrow[1]);
    });
    for (const group of Object.values(swatches)) {
      group.addEventListener("click", (event) => {
        const color = swatchColor(event);
        if (color) this.choose(...color);
      });
    }
    this.draw();
  }

  /** Lightness of the place whose colors are shown. */
  get lightness() {
    return this.#l;
  }

  /** The current color, as a hint stores it. */
  get hintColor() {
    const gray = this.isGray;
    return { a: gray ? 0 : this.#a, b: gray ? 0 : this.#b, gray };
  }

  /**
   * Show the colors at another lightness.
   * @param {number} l
   */
  setLightness(l) {
    if (Math.abs(l - this.#l) < 1) return;
    this.#l = l;
    this.#redrawTimer ||= setTimeout(() => this.draw(), REDRAW_DELAY);
  }

  /**
   * Show a hint's color without choosing it.
   * @param {Hint} hint
   */
  show({ l, a, b, gray }) {
    this.#l = l;
    this.isGray = gray;
    if (!gray) {
      this.#a = a;
      this.#b = b;
    }
    this.draw();
  }

  /**
   * Choose a color, as far as the gamut allows.
   * @param {number} a
   * @param {number} b
   * @param {boolean} [isInterim] whether the gesture is still in progress
   */
  choose(a, b, isInterim = false) {
    const fraction = gamutFraction(this.#l, a, b);
    this.#a = a * fraction;
    this.#b = b * fraction;
    this.isGray = false;
    this.draw();
    this.#dispatchChoose(isInterim);
  }

  toggleGray() {
    this.isGray = !this.isGray;
    this.draw();
    this.#dispatchChoose(false);
  }

  /** @param {boolean} isInterim */
  #dispatchChoose(isInterim) {
    this.isChosen = true;
    this.dispatchEvent(new CustomEvent("choose", { detail: { isInterim } }));
  }

  /** Put the current color first among the recent ones. */
  addToRecent() {
    if (this.isGray) return;
    /** @param {[number, number]} color */
    const isCurrent = ([a, b]) => Math.hypot(a - this.#a, b - this.#b) < SAME_COLOR;
    if (this.recent.length && isCurrent(this.recent[0])) return;
    const others = this.recent.filter((color) => !isCurrent(color)).slice(0, MAX_RECENT - 1);
    this.setRecent([[this.#a, this.#b], ...others]);
  }

  /** @param {[number, number][]} colors */
  setRecent(colors) {
    this.recent = colors;
    this.#drawSwatches();
  }

  /** @param {Swatch[]} colors */
  setSuggestions(colors) {
    this.suggested = colors;
    this.#drawSwatches();
    this.dispatchEvent(new Event("suggest"));
  }

  draw() {
    clearTimeout(this.#redrawTimer);
    this.#redrawTimer = 0;
    const fraction = this.isGray ? 0 : gamutFraction(this.#l, this.#a, this.#b);
    const a = this.#a * fraction;
    const b = this.#b * fraction;
    this.#plane = abPlane(this.#l);
    drawAbPlane(this.#canvas, this.#l, this.#plane, [a, b]);
    const hex = labToHex(this.#l, a, b);
    this.#currentColor.style.background = hex;
    this.#canvas.setAttribute("aria-valuenow", String(Math.round(Math.hypot(a, b))));
    this.#canvas.setAttribute("aria-valuetext", this.isGray ? t("gray") : t("color {hex}", { hex }));
    this.#drawSwatches();
  }

  #drawSwatches() {
    this.#drawGroup("suggested", this.suggested);
    this.#drawGroup("recent", this.recent.map(([a, b]) => [t("recent"), a, b]));
    this.#drawGroup("common", COMMON_COLORS);
  }
  /**
   * @param {SwatchGroup} name
   * @param {Swatch[]} colors
   */
  #drawGroup(name, colors) {
    const group = this.#swatches[name];
    if (group.parentElement) group.parentElement.hidden = colors.length === 0;
    drawSwatches(group, colors, this.#l);
  }
}
