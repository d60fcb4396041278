// @ts-check
// The color menu: opens at a point that was just added, so that its color is chosen where it counts.

import { hexToLab } from "./cielab.js";
import { html, el, input, button } from "./dom.js";
import { NAMED_GROUPS } from "./named_colors.js";
import { ARROWS } from "./shortcuts.js";
import { drawSwatches, swatchColor } from "./swatches.js";
import { t } from "./translation.js";

/**
 * @import { AnnotationRef, Annotations } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { View } from "./view.js"
 *
 * @typedef {{ annotations: Annotations, picker: ColorPicker, tools: EditTools, view: View }} Parts
 */

const MAX_SUGGESTED = 6;
const MAX_RECENT = 4;
const GAP = 24; // pixels between the point and the menu
const MARGIN = 8; // pixels between the menu and the edge of the stage
const KEYS_WITHIN = ["Tab", "Shift", "Enter", " ", ...Object.keys(ARROWS)]; // keys that keep the preview

export class ColorMenu {
  /** @type {AnnotationRef | null} the point that it is open for */
  #target = null;
  #isPreviewing = false;
  #menu = html("color-menu");
  #groups = { suggested: html("menu-suggested"), recent: html("menu-recent"), named: html("menu-named") };
  #hex = input("menu-hex");
  #named = NAMED_GROUPS[0];
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { annotations, picker, tools, view } = parts;
    const menu = this.#menu;
    tools.addEventListener("add", (event) => {
      this.#open(/** @type {CustomEvent<{ byKeyboard: boolean }>} */ (event).detail.byKeyboard);
    });
    tools.addEventListener("release", () => this.#close());
    tools.addEventListener("select", () => this.#close());
    annotations.addEventListener("commit", () => this.#close());
    picker.addEventListener("suggest", () => this.#draw());
    view.addEventListener("move", () => this.#place());
    view.stage.addEventListener("pointerdown", ({ target }) => {
      if (!menu.contains(/** @type {Node} */ (target))) this.#close();
    }, true);
    document.addEventListener("keydown", ({ key, target }) => {
      if (!KEYS_WITHIN.includes(key) || !menu.contains(/** @type {Node} */ (target))) this.#endPreview();
    }, true);
    menu.addEventListener("wheel", (event) => event.stopPropagation());
    menu.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.#preview(event);
    });
    menu.addEventListener("pointerleave", () => this.#endPreview());
    menu.addEventListener("focusin", (event) => this.#preview(event));
    menu.addEventListener("focusout", () => this.#endPreview());
    menu.addEventListener("click", (event) => {
      const color = swatchColor(event);
      if (color) this.#choose(...color);
    });
    menu.addEventListener("keydown", (event) => this.#onKey(event));
    this.#hex.addEventListener("input", () => {
      const color = this.#hexColor();
      this.#hex.setAttribute("aria-invalid", String(color === null && this.#hex.value !== ""));
      this.#show(color);
    });
    button("menu-more").addEventListener("click", () => {
      this.#close();
      html("color-plane").focus();
    });
    this.#createTabs();
  }

  /** Take back the point that the menu is open for; return whether it is open. */
  escape() {
    if (!this.#target) return false;
    this.#close();
    this.#parts.tools.release();
    this.#parts.annotations.undo();
    return true;
  }

  /** @param {boolean} byKeyboard */
  #open(byKeyboard) {
    this.#target = this.#parts.tools.selected;
    this.#menu.hidden = false;
    this.#hex.value = "";
    this.#hex.removeAttribute("aria-invalid");
    this.#draw();
    if (byKeyboard) this.#menu.focus({ preventScroll: true });
  }

  #close() {
    if (!this.#target) return;
    this.#endPreview();
    this.#target = null;
    if (this.#menu.contains(document.activeElement)) this.#parts.view.stage.focus({ preventScroll: true });
    this.#menu.hidden = true;
  }

  #draw() {
    if (!this.#target) return;
    this.#endPreview();
    const { suggested, recent, lightness } = this.#parts.picker;
    drawSwatches(this.#groups.suggested, suggested.slice(0, MAX_SUGGESTED), lightness);
    drawSwatches(this.#groups.recent, recent.slice(0, MAX_RECENT).map(([a, b]) => [t("recent"), a, b]), lightness);
    drawSwatches(this.#groups.named, this.#named.colors, lightness);
    const { parentElement: recentRow } = this.#groups.recent;
    if (recentRow) recentRow.hidden = recent.length === 0;
    for (const group of Object.values(this.#groups)) {
      // one stop of the Tab key for each group; arrow keys go from swatch to swatch
      [...group.children].forEach((each, n) => each.setAttribute("tabindex", n === 0 ? "0" : "-1"));
    }
    this.#place();
  }

  /** Place the menu below the point, above it, or to its side, wherever it fits. */
  #place() {
    const { annotations, view } = this.#parts;
    const point = annotations.get(this.#target);
    if (!point || "path" in point) return;
    const menu = this.#menu;
    const { clientWidth: stageWidth, clientHeight: stageHeight } = view.stage;
    const [x, y] = view.toStage(point.x, point.y, view.panes.find(({ slot }) => slot === "a"));
    menu.style.maxHeight = "none";
    const { offsetWidth: width, offsetHeight: height } = menu;
    const above = y - GAP - MARGIN;
    const below = stageHeight - y - GAP - MARGIN;
    const isBeside = Math.max(above, below) < height && Math.max(x, stageWidth - x) - GAP - MARGIN >= width;
    const isRight = stageWidth - x - GAP - MARGIN >= width;
    const isBelow = below >= height || below >= above;
    /**
     * @param {number} start
     * @param {number} size
     * @param {number} available
     */
    const within = (start, size, available) => Math.max(MARGIN, Math.min(start, available - size - MARGIN));
    const shown = Math.min(height, isBeside ? stageHeight - 2 * MARGIN : Math.max(0, isBelow ? below : above));
    const left = isBeside ? (isRight ? x + GAP : x - GAP - width) : x - width / 2;
    const top = isBeside ? y - shown / 2 : isBelow ? y + GAP : y - GAP - shown;
    menu.style.maxHeight = `${shown}px`;
    menu.style.left = `${within(left, width, stageWidth)}px`;
    menu.style.top = `${within(top, shown, stageHeight)}px`;
  }

  /** @param {Event} event */
  #preview(event) {
    this.#show(swatchColor(event));
  }

  /**
   * Show a color in the photo until another one is shown.
   * @param {[a: number, b: number] | null} color
   */
  #show(color) {
    this.#endPreview();
    if (!color || !this.#target) return;
    this.#isPreviewing = true;
    this.#parts.annotations.update(this.#target, { a: color[0], b: color[1], gray: false }, true);
  }

  #endPreview() {
    if (this.#isPreviewing) this.#parts.annotations.rollback();
    this.#isPreviewing = false;
  }

  /**
   * @param {number} a
   * @param {number} b
   */
  #choose(a, b) {
    this.#endPreview();
    this.#parts.picker.choose(a, b);
  }

  /** @returns {[a: number, b: number] | null} */
  #hexColor() {
    const digits = this.#hex.value.trim().replace(/^#/, "");
    if (!/^([0-9a-f]{3}|[0-9a-f]{6})$/i.test(digits)) return null;
    const [, a, b] = hexToLab(`#${digits.length === 3 ? digits.replace(/./g, "$&$&") : digits}`);
    return [a, b];
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.escape();
      return;
    }
    const { target } = event;
    if (target === this.#hex) {
      const color = event.key === "Enter" ? this.#hexColor() : null;
      if (color) this.#choose(...color);
      return;
    }
    const arrow = ARROWS[event.key];
    if (!arrow || !(target instanceof HTMLElement)) return;
    event.preventDefault();
    const isTab = target.role === "tab";
    const buttons = [...this.#menu.querySelectorAll("button")].filter((each) => (each.role === "tab") === isTab
      && (isTab || each.dataset.a !== undefined) && each.checkVisibility());
    const next = neighbor(target, buttons, arrow);
    next?.focus();
    if (isTab) next?.click();
  }

  #createTabs() {
    const tabs = html("menu-tabs");
    tabs.append(...NAMED_GROUPS.map((group, n) => el("button", {
      "type": "button",
      "role": "tab",
      "id": `menu-tab-${n}`,
      "title": group.title,
      "aria-label": group.title,
      "aria-controls": "menu-named",
      "click": () => this.#selectTab(n),
    }, group.label)));
    this.#selectTab(0);
  }

  /** @param {number} selected */
  #selectTab(selected) {
    this.#named = NAMED_GROUPS[selected];
    [...html("menu-tabs").children].forEach((each, n) => {
      each.setAttribute("aria-selected", String(n === selected));
      each.setAttribute("tabindex", n === selected ? "0" : "-1");
    });
    this.#groups.named.setAttribute("aria-labelledby", `menu-tab-${selected}`);
    this.#draw();
  }
}

/**
 * Find the nearest button in a direction; from the menu itself, the first one.
 * @param {HTMLElement} from
 * @param {HTMLButtonElement[]} buttons in reading order
 * @param {[dx: number, dy: number]} direction
 */
function neighbor(from, buttons, [dx, dy]) {
  const index = buttons.indexOf(/** @type {HTMLButtonElement} */ (from));
  if (index < 0) return buttons[0];
  if (dx) return buttons[index + dx];
  /** @param {HTMLElement} each */
  const center = (each) => {
    const { left, top, width, height } = each.getBoundingClientRect();
    return [left + width / 2, top + height / 2];
  };
  const [x, y] = center(from);
  /** @param {HTMLElement} each */
  const distance = (each) => {
    const [toX, toY] = center(each);
    return Math.abs(toX - x) + 100 * Math.abs(toY - y);
  };
  const ahead = buttons.filter((each) => (center(each)[1] - y) * dy > 1);
  return ahead.sort((one, other) => distance(one) - distance(other))[0];
}
