// @ts-check
// Keeps the colors of both pictures up to date with the annotations.

import { hasStatus } from "./api.js";
import { ColorClient } from "./color_client.js";
import { notifyError } from "./dom.js";
import { toHintFile } from "./hint_file.js";
import { loadOriginal } from "./photo.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { NetworkColors } from "./color_client.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { Look } from "./look.js"
 * @import { Pointers } from "./pointers.js"
 * @import { Photo } from "./photo.js"
 * @import { Slot } from "./panes.js"
 * @import { View } from "./view.js"
 *
 * @typedef {object} Parts
 * @property {Annotations} annotations
 * @property {Comparison} comparison
 * @property {EditorDocument} editor
 * @property {Look} look
 * @property {Pointers} pointers
 * @property {View} view
 */

export class Coloring {
  #parts;
  #clients;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const reopen = () => parts.editor.reopen();
    this.#clients = {
      a: new ColorClient((colors) => this.#show("a", colors), reopen),
      b: new ColorClient((colors) => this.#show("b", colors), reopen),
    };
  }

  /**
   * Whether the photo stays gray: without hints, models that only propagate them have nothing to show.
   * @param {string} model
   */
  staysGray(model) {
    const { annotations, comparison } = this.#parts;
    const { count, current } = annotations;
    return count === 0 && current.palette.length === 0 && !comparison.modelInfo(model)?.colors_without_hints;
  }

  /** Request new colors. */
  update() {
    const { annotations, comparison, editor, look, pointers, view } = this.#parts;
    if (!editor.photo) return;
    const { settings } = look;
    const hints = toHintFile(annotations.current);
    const isDragging = pointers.gesture !== null;
    this.#clients.a.use(editor.photo, comparison.model);
    this.#clients.a.request(hints, settings, { isVisible: true, isDragging });
    this.#clients.b.use(editor.photo, comparison.otherModel);
    if (comparison.otherModel === null) {
      const isOriginal = comparison.compareWith === "original";
      view.setPicture("b", { kind: isOriginal ? "original" : "gray" });
      if (isOriginal) this.#showOriginal(editor.photo);
    } else {
      const isVisible = view.mode !== "single" || view.showsOnlyOther;
      this.#clients.b.request(hints, settings, { isVisible, isDragging });
    }
  }

  /**
   * Show the photo in its own colors as soon as they are there; until then, it is gray.
   * @param {Photo} photo
   */
  async #showOriginal(photo) {
    const { editor, view } = this.#parts;
    try {
      if (await loadOriginal(photo) && photo === editor.photo) view.refresh();
    } catch (error) {
      if (hasStatus(error, 404)) editor.reopen();
      else notifyError(error);
    }
  }

  /** A gesture has ended: the final colors need not wait any longer. */
  endGesture() {
    this.#clients.a.endGesture();
    this.#clients.b.endGesture();
  }

  /**
   * @param {Slot} slot
   * @param {NetworkColors} colors
   */
  #show(slot, colors) {
    const { comparison, view } = this.#parts;
    const isGray = this.staysGray(colors.model);
    view.setPicture(slot, isGray ? { kind: "gray" } : { kind: "colors", colors });
    if (!colors.isNative) return;
    comparison.setPsnr(slot, isGray ? null : colors.psnr);
    if (slot === "a") document.body.dataset.updates = String(Number(document.body.dataset.updates ?? 0) + 1);
  }
}
