// @ts-check
// The mood of a photo: a palette of its main colors, taken from another picture or put together by hand.

import { getPalette } from "./api.js";
import { labToHex } from "./cielab.js";
import { button, el, html, input, notify, notifyError, setPressed, withSpinner } from "./dom.js";
import { formatPercent, t } from "./translation.js";

/**
 * @import { Annotations, PaletteColor } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 */

const MAX_COLORS = 7;
const ADDED_LIGHTNESS = 60; // of colors that are added; it does not count

export class PaletteStrip {
  #annotations;
  #picker;
  #strip = html("palette-strip");
  #share = input("palette-share");
  /** @type {number | null} */
  #selected = null;

  /**
   * @param {Annotations} annotations
   * @param {ColorPicker} picker
   */
  constructor(annotations, picker) {
    this.#annotations = annotations;
    this.#picker = picker;
    annotations.addEventListener("change", () => this.update());
    const fileInput = input("palette-file");
    button("palette-open").addEventListener("click", () => fileInput.click());
    fileInput.addEventListener("change", () => {
      this.#takeFrom(fileInput.files?.[0]);
      fileInput.value = "";
    });
    this.#bindDrop(html("palette"));
    button("palette-add").addEventListener("click", () => {
      this.#selected = this.#palette.length;
      this.#set([...this.#palette, { color: this.#pickedColor(), weight: this.#meanWeight() }]);
    });
    button("palette-clear").addEventListener("click", () => this.#set([]));
    button("palette-recolor").addEventListener("click", () => this.#change({ color: this.#pickedColor() }));
    button("palette-remove").addEventListener("click", () => this.#removeSelected());
    const setShare = () => this.#change({ weight: this.#weightOf(Number(this.#share.value)) }, true);
    this.#share.addEventListener("input", setShare);
    this.#share.addEventListener("change", () => this.#annotations.commit());
    this.#strip.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" && event.key !== "Backspace") return;
      event.preventDefault();
      event.stopPropagation();
      this.#removeSelected();
    });
  }

  get #palette() {
    return this.#annotations.current.palette;
  }

  get #total() {
    return this.#palette.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** Show the palette of the open photo. */
  update() {
    const palette = this.#palette;
    if (this.#selected !== null && this.#selected >= palette.length) this.#selected = null;
    const strip = this.#strip;
    while (strip.children.length > palette.length) strip.lastChild?.remove();
    while (strip.children.length < palette.length) strip.append(this.#colorButton(strip.children.length));
    palette.forEach(({ color, weight }, n) => {
      const each = /** @type {HTMLButtonElement} */ (strip.children[n]);
      const percent = Math.round((100 * weight) / this.#total);
      each.style.background = color;
      each.style.flexGrow = String(weight / this.#total);
      each.title = formatPercent(percent);
      each.setAttribute("aria-label", t("{color}, {share} of the photo", { color, share: each.title }));
      if (n === this.#selected) this.#share.value = String(percent);
    });
    setPressed(strip, String(this.#selected));
    html("palette-color").hidden = this.#selected === null;
    button("palette-remove").disabled = button("palette-recolor").disabled = this.#selected === null;
    button("palette-add").disabled = palette.length >= MAX_COLORS;
    button("palette-clear").hidden = palette.length === 0;
    this.#share.disabled = palette.length < 2;
  }

  /** @param {number} n */
  #colorButton(n) {
    const select = () => {
      this.#selected = this.#selected === n ? null : n;
      this.update();
    };
    return el("button", { "type": "button", "value": n, "aria-pressed": "false", "click": select });
  }

  #pickedColor() {
    const { a, b } = this.#picker.hintColor;
    return labToHex(ADDED_LIGHTNESS, a, b);
  }

  #meanWeight() {
    return this.#palette.length ? this.#total / this.#palette.length : 1;
  }

  /**
   * The weight that gives the selected color a share, while the others keep theirs among themselves.
   * @param {number} percent
   */
  #weightOf(percent) {
    const others = this.#total - this.#palette[this.#selected ?? 0].weight;
    return (others * percent) / Math.max(1, 100 - percent);
  }

  /**
   * @param {Partial<PaletteColor>} changes of the selected color
   * @param {boolean} [isInterim]
   */
  #change(changes, isInterim) {
    this.#set(this.#palette.map((each, n) => (n === this.#selected ? { ...each, ...changes } : each)), isInterim);
  }

  #removeSelected() {
    if (this.#selected !== null) this.#set(this.#palette.filter((_, n) => n !== this.#selected));
  }

  /**
   * @param {PaletteColor[]} palette
   * @param {boolean} [isInterim]
   */
  #set(palette, isInterim) {
    this.#annotations.setPalette(palette, isInterim);
  }

  /** @param {Blob | undefined} picture */
  async #takeFrom(picture) {
    if (!picture) return;
    try {
      const palette = await withSpinner(() => getPalette(picture));
      this.#selected = null;
      this.#set(palette);
      notify(t("The photo now has the mood of this picture."));
    } catch (error) {
      notifyError(error);
    }
  }

  /** @param {HTMLElement} target */
  #bindDrop(target) {
    target.addEventListener("dragover", (event) => {
      event.preventDefault();
      event.stopPropagation();
      target.classList.add("drop-here");
    });
    target.addEventListener("dragleave", () => target.classList.remove("drop-here"));
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      target.classList.remove("drop-here");
      document.body.classList.remove("drop-target");
      this.#takeFrom(event.dataTransfer?.files[0]);
    });
  }
}
