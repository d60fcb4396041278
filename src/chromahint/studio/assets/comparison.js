// @ts-check
// Chooses the model, what its result is compared with, and how: side by side, with a slider, or while a key is held.

import { button, el, html, onGroupClick, select, setPressed } from "./dom.js";
import { ARROWS } from "./shortcuts.js";
import { formatNumber, t } from "./translation.js";

/**
 * @import { Model } from "./api.js"
 * @import { LookSettings } from "./look.js"
 * @import { Mode, Slot } from "./panes.js"
 * @import { View } from "./view.js"
 *
 * @typedef {{ model?: string, compareWith?: string, mode?: Mode } & Partial<LookSettings>} Choice
 * @typedef {[key: string, title: string][]} Options
 */

/** @type {Record<string, string>} */
const PHOTO_VERSIONS = { gray: t("Gray photo"), original: t("Original colors") };
/** @type {Record<Model["kind"], string>} */
const MODEL_KINDS = { "trained": t("Learned from photos"), "baseline": t("Classic") };
const DIVIDER_STEP = 0.02;
const PSNR_FORMAT = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

/** Events: "choose" when the model, what it is compared with, or the mode changes. */
export class Comparison extends EventTarget {
  model = "";
  compareWith = "gray";
  /** @type {Model[]} */
  #models = [];
  /** @type {Record<Slot, number | null>} in dB */
  #psnr = { a: null, b: null };
  #view;

  /** @param {View} view */
  constructor(view) {
    super();
    this.#view = view;
    onGroupClick(html("compare-modes"), (mode) => this.use({ mode: /** @type {Mode} */ (mode) }));
    select("model").addEventListener("change", () => this.use({ model: select("model").value }));
    select("compare-with").addEventListener("change", () => {
      const mode = view.mode === "single" ? "side-by-side" : view.mode;
      this.use({ compareWith: select("compare-with").value, mode });
    });
    const hold = button("hold-to-compare");
    hold.addEventListener("pointerdown", () => this.showOther(true));
    for (const type of ["pointerup", "pointerleave", "pointercancel"]) {
      hold.addEventListener(type, () => this.showOther(false));
    }
    hold.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.showOther(!view.showsOnlyOther);
    });
    this.#bindDivider(html("divider"));
  }

  /** @param {HTMLElement} divider */
  #bindDivider(divider) {
    const view = this.#view;
    divider.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      divider.setPointerCapture(event.pointerId);
    });
    divider.addEventListener("pointermove", (event) => {
      const box = view.stage.getBoundingClientRect();
      if (event.buttons) this.#moveDivider((event.clientX - box.left) / box.width);
    });
    divider.addEventListener("keydown", (event) => {
      const [dx] = ARROWS[event.key] ?? [0];
      if (dx === 0) return;
      event.preventDefault();
      this.#moveDivider(view.dividerPosition + DIVIDER_STEP * dx);
    });
  }

  /**
   * List the models to choose from.
   * @param {Model[]} models
   */
  setModels(models) {
    this.#models = models;
    if (!this.modelInfo(this.model)) this.model = models[0].key;
    const versions = Object.entries(PHOTO_VERSIONS).filter(
      ([key]) => key !== "original" || this.#view.photo?.has_color,
    );
    const isKnown = versions.some(([key]) => key === this.compareWith) || this.modelInfo(this.compareWith);
    if (!isKnown) this.compareWith = "gray";
    /** @type {[label: string, options: Options][]} */
    const groups = Object.entries(MODEL_KINDS).map(([kind, label]) => {
      const options = models.filter((model) => model.kind === kind);
      return [label, options.map(({ key, title }) => [key, title])];
    });
    setOptions(select("model"), groups, this.model);
    setOptions(select("compare-with"), [[t("The photo"), versions], ...groups], this.compareWith);
  }

  /**
   * Choose a model, what it is compared with, or how.
   * @param {Choice} choice
   */
  use({ model = this.model, compareWith = this.compareWith, mode = this.#view.mode }) {
    const isNewMode = mode !== this.#view.mode;
    if (model !== this.model) this.#psnr.a = null;
    if (compareWith !== this.compareWith) this.#psnr.b = null;
    this.model = model;
    this.compareWith = compareWith;
    this.#view.mode = mode;
    this.setModels(this.#models);
    setPressed(html("compare-modes"), mode);
    if (isNewMode) this.#view.fit();
    this.#update();
    this.dispatchEvent(new Event("choose"));
  }

  useNextModel() {
    const index = this.#models.findIndex(({ key }) => key === this.model);
    this.use({ model: this.#models[(index + 1) % this.#models.length].key });
  }

  /**
   * Show only what the result is compared with, while a person holds a button.
   * @param {boolean} isHeld
   */
  showOther(isHeld) {
    const view = this.#view;
    if (view.showsOnlyOther === isHeld || !view.photo) return;
    view.showsOnlyOther = isHeld;
    if (view.mode === "side-by-side") view.fit();
    view.refresh();
    this.#update();
  }

  /** @param {number} position 0..1 */
  #moveDivider(position) {
    this.#view.dividerPosition = Math.min(1, Math.max(0, position));
    this.#view.refreshOverlay();
    this.#update();
  }

  /**
   * Show how close the colors of a slot are to those of the photo.
   * @param {Slot} slot
   * @param {number | null} psnr in dB; null if it is unknown
   */
  setPsnr(slot, psnr) {
    this.#psnr[slot] = psnr;
    this.#update();
  }

  clearPsnr() {
    this.#psnr = { a: null, b: null };
  }

  /** The model in slot "b", or null if a version of the photo is shown there. */
  get otherModel() {
    return this.compareWith in PHOTO_VERSIONS ? null : this.compareWith;
  }

  /** @param {string} key */
  modelInfo(key) {
    return this.#models.find((model) => model.key === key);
  }

  #update() {
    const view = this.#view;
    this.#updateSlot("a", this.model);
    this.#updateSlot("b", this.compareWith);
    html("about-psnr").hidden = !view.photo?.has_color;
    const divider = html("divider");
    divider.hidden = view.mode !== "split" || view.showsOnlyOther;
    divider.style.left = `${100 * view.dividerPosition}%`;
    divider.setAttribute("aria-valuenow", String(Math.round(100 * view.dividerPosition)));
  }

  /**
   * @param {Slot} slot
   * @param {string} key
   */
  #updateSlot(slot, key) {
    const view = this.#view;
    const psnr = slot === "b" && this.otherModel === null ? null : this.#psnr[slot];
    const text = psnr === null ? "" : `${formatNumber(psnr, PSNR_FORMAT)} dB`;
    html(`psnr-${slot}`).textContent = text;
    html(`psnr-${slot}`).hidden = text === "";
    const label = html(`label-${slot}`);
    const title = PHOTO_VERSIONS[key] ?? this.modelInfo(key)?.title ?? "";
    label.textContent = [title, text].filter(Boolean).join(" · ");
    const isComparing = view.mode !== "single" || view.showsOnlyOther;
    label.hidden = !isComparing || (slot === "a" && view.showsOnlyOther);
    const pane = view.mode === "side-by-side" && view.panes.find((each) => each.slot === slot);
    label.style.left = pane ? `${pane.left + 12}px` : "";
    label.style.top = pane ? `${pane.top + 12}px` : "";
    label.style.right = pane ? "auto" : "";
  }
}

/**
 * @param {HTMLSelectElement} box
 * @param {[label: string, options: Options][]} groups
 * @param {string} selected
 */
function setOptions(box, groups, selected) {
  box.replaceChildren(...groups.filter(([, options]) => options.length).map(([label, options]) => el(
    "optgroup",
    { label },
    ...options.map(([value, title]) => el("option", { value, selected: value === selected }, title)),
  )));
}
