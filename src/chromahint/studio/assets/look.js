// @ts-check
// How the colors are used: how strong they are, and whether a point may color the whole photo.

import { html, input } from "./dom.js";
import { formatPercent } from "./translation.js";

/**
 * @typedef {{ strength: number, reach: "near" | "whole" }} LookSettings strength in percent
 */

/** Events: "change" while a setting changes, "commit" when it has. */
export class Look extends EventTarget {
  #strength = input("strength");
  #reach = input("reach");

  constructor() {
    super();
    for (const control of [this.#strength, this.#reach]) {
      control.addEventListener("input", () => {
        this.#show();
        this.dispatchEvent(new Event("change"));
      });
      control.addEventListener("change", () => this.dispatchEvent(new Event("commit")));
    }
    this.#show();
  }

  /** @returns {LookSettings} */
  get settings() {
    return { strength: Number(this.#strength.value), reach: this.#reach.checked ? "whole" : "near" };
  }

  /**
   * Use the settings that were saved with a photo.
   * @param {Partial<LookSettings>} settings
   */
  restore({ strength = 100, reach = "near" }) {
    this.#strength.value = String(strength);
    this.#reach.checked = reach === "whole";
    this.#show();
  }

  #show() {
    html("strength-value").textContent = formatPercent(Number(this.#strength.value));
  }
}
