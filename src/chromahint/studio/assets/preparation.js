// @ts-check
// Prepares the scan before it is colored: one button, switches and sliders, and a brush for damage that is not found.

import * as api from "./api.js";
import { button, byId, html, input, notify, notifyError, withSpinner } from "./dom.js";
import { LatestOnlyQueue } from "./latest_only_queue.js";
import { loadPhoto } from "./photo.js";
import { formatNumber, formatPercent, t } from "./translation.js";

/**
 * @import { Position } from "./annotations.js"
 * @import { PreparationSettings } from "./api.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
 */

/** @type {readonly ("neutral" | "levels" | "scratches")[]} */
const SWITCHES = ["neutral", "levels", "scratches"];
/** @type {Intl.NumberFormatOptions} */
const DEGREES = { style: "unit", unit: "degree", unitDisplay: "narrow", maximumFractionDigits: 1 };
/** @type {Record<"angle" | "noise" | "contrast", { id: string, format: (value: number) => string, scale: number }>} */
const SLIDERS = {
  angle: { id: "prepare-angle", format: (value) => formatNumber(value, DEGREES), scale: 1 },
  noise: { id: "prepare-noise", format: (value) => formatNumber(value, { maximumFractionDigits: 1 }), scale: 1 },
  contrast: { id: "prepare-contrast", format: formatPercent, scale: 100 },
};
/** @type {PreparationSettings["crop"]} */
const WHOLE = [0, 0, 1, 1];
/** @type {Readonly<PreparationSettings>} */
const NOTHING = {
  angle: 0, crop: WHOLE, neutral: false, levels: false, noise: 0, scratches: false, brush: [], contrast: 0,
};

/** Events: "edit" when a person changes a setting, "change" when the open photo was prepared in another way. */
export class Preparation extends EventTarget {
  /** @type {{ digest: string, settings: Promise<PreparationSettings> } | null} */
  #automatic = null;
  #editor;
  #tools;
  /** @type {LatestOnlyQueue<PreparationSettings>} */
  #queue = new LatestOnlyQueue((settings) => withSpinner(() => this.#prepare(settings)));
  #panel = byId("prepare", HTMLDetailsElement);

  /**
   * @param {EditorDocument} editor
   * @param {EditTools} tools
   */
  constructor(editor, tools) {
    super();
    this.#editor = editor;
    this.#tools = tools;
    button("prepare-automatically").addEventListener("click", () => this.#useAutomatic());
    button("prepare-reset").addEventListener("click", () => this.use(NOTHING));
    for (const name of SWITCHES) {
      const box = input(`prepare-${name}`);
      box.addEventListener("change", () => this.use({ ...this.settings, [name]: box.checked }));
    }
    input("prepare-crop").addEventListener("change", () => this.#toggleCrop());
    for (const [name, { id, scale }] of Object.entries(SLIDERS)) {
      const slider = input(id);
      slider.addEventListener("input", () => this.#showValues());
      slider.addEventListener("change", () => this.use({ ...this.settings, [name]: Number(slider.value) / scale }));
    }
    button("repair").addEventListener("click", () => tools.use(tools.tool === "repair" ? "point" : "repair"));
    button("undo-repair").addEventListener("click", () => this.#undoRepair());
    tools.addEventListener("tool", () => {
      button("repair").setAttribute("aria-pressed", String(tools.tool === "repair"));
    });
    tools.addEventListener("trace", (event) => {
      if (tools.tool === "repair") this.#repair(/** @type {CustomEvent<{ path: Position[] }>} */ (event).detail.path);
    });
    this.#bindBefore(button("show-scan"));
  }

  /** The settings of the open photo. */
  get settings() {
    return { ...NOTHING, .../** @type {Partial<PreparationSettings>} */ (this.#editor.preparation) };
  }

  /** A photo was opened: prepare it as it was saved, and show its settings. */
  restore() {
    html("scan-picture").hidden = true;
    this.#show();
    const { photo } = this.#editor;
    if (photo && JSON.stringify(photo.preparation) !== JSON.stringify(this.settings)) this.#queue.push(this.settings);
  }

  /** The server has the photo again: prepare it again. Returns whether there is something to do. */
  reapply() {
    const isPrepared = !button("prepare-reset").hidden;
    if (isPrepared) this.#queue.push(this.settings);
    return isPrepared;
  }

  /**
   * Prepare the open photo; the latest settings win.
   * @param {Readonly<PreparationSettings>} settings
   */
  use(settings) {
    if (!this.#editor.photo) return;
    this.#editor.preparation = { ...settings };
    this.#show();
    this.#queue.push({ ...settings });
    this.dispatchEvent(new Event("edit"));
  }

  /** @param {PreparationSettings} settings */
  async #prepare(settings) {
    const editor = this.#editor;
    const { photo } = editor;
    if (!photo) return;
    try {
      const info = await api.preparePhoto(photo.id, settings);
      const prepared = await loadPhoto(info);
      if (editor.photo !== photo) return;
      editor.photo = prepared;
      this.dispatchEvent(new Event("change"));
    } catch (error) {
      if (api.hasStatus(error, 404)) await editor.reopen();
      else notifyError(error);
    }
  }

  async #useAutomatic() {
    const settings = await this.#loadAutomatic();
    if (!settings) return;
    const { brush } = this.settings;
    const isNothing = JSON.stringify({ ...settings, brush: [] }) === JSON.stringify({ ...NOTHING, brush: [] });
    if (isNothing) notify(t("This photo needs no preparation."));
    this.use({ ...settings, brush });
  }

  async #toggleCrop() {
    const isOn = input("prepare-crop").checked;
    const settings = isOn ? await this.#loadAutomatic() : null;
    const crop = settings?.crop ?? WHOLE;
    if (isOn && String(crop) === String(WHOLE)) notify(t("No border was found on this scan."));
    this.use({ ...this.settings, crop, angle: isOn && settings ? settings.angle : this.settings.angle });
  }

  /** Return what is chosen automatically for the open photo, or null if that isn't possible. */
  async #loadAutomatic() {
    const { photo } = this.#editor;
    if (!photo) return null;
    try {
      if (this.#automatic?.digest !== photo.blake2b) {
        this.#automatic = { digest: photo.blake2b, settings: api.getAutomaticPreparation(photo.id) };
      }
      const { settings } = this.#automatic;
      return await withSpinner(() => settings);
    } catch (error) {
      this.#automatic = null;
      notifyError(error);
      return null;
    }
  }

  /** @param {Position[]} path */
  #repair(path) {
    const points = path.map(([x, y]) => /** @type {Position} */ ([Math.round(x * 10) / 10, Math.round(y * 10) / 10]));
    const radius = Math.min(1000, Math.max(1, this.#tools.radius));
    this.use({ ...this.settings, brush: [...this.settings.brush, { points, radius }] });
  }

  #undoRepair() {
    this.use({ ...this.settings, brush: this.settings.brush.slice(0, -1) });
  }

  #show() {
    const { settings } = this;
    for (const name of SWITCHES) input(`prepare-${name}`).checked = settings[name];
    input("prepare-crop").checked = String(settings.crop) !== String(WHOLE);
    for (const name of /** @type {(keyof typeof SLIDERS)[]} */ (Object.keys(SLIDERS))) {
      const { id, scale } = SLIDERS[name];
      input(id).value = String(settings[name] * scale);
    }
    this.#showValues();
    button("undo-repair").disabled = settings.brush.length === 0;
    button("prepare-reset").hidden = JSON.stringify(settings) === JSON.stringify(NOTHING);
    this.#panel.dataset.prepared = button("prepare-reset").hidden ? "no" : "yes";
  }

  #showValues() {
    for (const { id, format } of Object.values(SLIDERS)) {
      const value = Number(input(id).value);
      html(`${id}-value`).textContent = value === 0 ? t("off") : format(value);
    }
  }

  /**
   * Show the scan while a button is held.
   * @param {HTMLButtonElement} hold
   */
  #bindBefore(hold) {
    const picture = byId("scan-picture", HTMLImageElement);
    const show = async () => {
      const { photo } = this.#editor;
      if (!photo) return;
      hold.setAttribute("aria-pressed", "true");
      picture.src = `/api/photos/${photo.id}/scan`;
      picture.hidden = false;
    };
    const hide = () => {
      hold.setAttribute("aria-pressed", "false");
      picture.hidden = true;
    };
    hold.addEventListener("pointerdown", show);
    for (const type of ["pointerup", "pointerleave", "pointercancel", "blur"]) hold.addEventListener(type, hide);
    hold.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") (picture.hidden ? show : hide)();
    });
  }
}
