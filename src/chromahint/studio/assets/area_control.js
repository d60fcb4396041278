// @ts-check
// Limits the selected point or stroke to a part of the photo: one that the server finds, or one that a person draws.

import { isEraser } from "./annotations.js";
import { getParts } from "./api.js";
import { button, html, notify, notifyError, onGroupClick, setPressed, withSpinner } from "./dom.js";
import { positionOf } from "./geometry.js";
import { t } from "./translation.js";

/**
 * @import { AnnotationRef, Annotations, Position } from "./annotations.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools } from "./edit_tools.js"
 *
 * @typedef {object} Parts
 * @property {Annotations} annotations
 * @property {Comparison} comparison
 * @property {EditorDocument} editor
 * @property {EditTools} tools
 *
 * @typedef {"everywhere" | "part" | "outline"} Choice
 */

export class AreaControl {
  #parts;
  /** @type {Position[][]} parts around the place that was asked for last, from small to large */
  #found = [];
  #place = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { annotations, tools } = parts;
    onGroupClick(html("area-choice"), (choice) => this.use(/** @type {Choice} */ (choice)));
    button("menu-this-part").addEventListener("click", () => this.#useNextPart(true));
    tools.addEventListener("select", () => this.#update());
    annotations.addEventListener("change", () => this.#update());
    tools.addEventListener("trace", (event) => {
      if (tools.tool !== "lasso") return;
      const { path } = /** @type {CustomEvent<{ path: Position[] }>} */ (event).detail;
      if (path.length > 2) this.#limit(path);
      tools.use("point");
    });
  }

  /**
   * Choose where the selected mark counts.
   * @param {Choice} choice
   */
  use(choice) {
    const { annotations, tools } = this.#parts;
    const mark = annotations.get(tools.selected);
    if (!mark || isEraser(mark)) {
      notify(t("Select a point first."));
    } else if (choice === "everywhere") {
      this.#limit(null);
    } else if (choice === "part") {
      this.#useNextPart();
    } else {
      tools.use("lasso");
      notify(t("Draw around the part that this color is for."));
    }
  }

  /**
   * Limit the selected mark to a part around it; each time to a larger one, then to the smallest again.
   * @param {boolean} [isNew] whether its color is still being chosen
   */
  async #useNextPart(isNew = false) {
    const { annotations, comparison, editor, tools } = this.#parts;
    const { selected } = tools;
    const { photo } = editor;
    const position = this.#position(selected);
    if (!selected || !position || !photo) return;
    const place = [photo.id, comparison.model, ...position].join(" ");
    try {
      if (place !== this.#place) {
        this.#found = await withSpinner(() => getParts(photo.id, comparison.model, position));
        this.#place = place;
      }
    } catch (error) {
      notifyError(error);
      return;
    }
    // its color may have changed meanwhile, but it must be the same mark, at the same place
    const mark = annotations.get(selected);
    if (!mark || photo !== editor.photo || String(this.#position(tools.selected)) !== String(position)) return;
    const next = (this.#found.findIndex((each) => each === mark.area) + 1) % this.#found.length;
    const area = this.#found[next];
    if (!area) {
      notify(t("No part found around this point. Draw around it instead."));
      return;
    }
    if (isNew) annotations.amend(selected, { area });
    else this.#limit(area);
    notify(this.#found.length > 1
      ? t("The color stays in this part. Press again for a larger one.")
      : t("The color stays in this part."));
  }

  /**
   * @param {AnnotationRef | null} ref
   * @returns {Position | null} of a mark, in whole pixels
   */
  #position(ref) {
    const mark = this.#parts.annotations.get(ref);
    if (!mark) return null;
    const [x, y] = positionOf(mark);
    return [Math.round(x), Math.round(y)];
  }

  /** @param {Position[] | null} area */
  #limit(area) {
    const { annotations, tools } = this.#parts;
    if (tools.selected && annotations.get(tools.selected)) annotations.update(tools.selected, { area });
  }

  #update() {
    const { annotations, tools } = this.#parts;
    const mark = annotations.get(tools.selected);
    html("area").hidden = !mark || isEraser(mark);
    const isFound = mark?.area && this.#found.includes(mark.area);
    setPressed(html("area-choice"), mark?.area ? (isFound ? "part" : "outline") : "everywhere");
  }
}
