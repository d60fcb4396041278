// @ts-check
// Keyboard input on the photo: a cursor that arrow keys move, and everything that a pointer can do there.

import { notify } from "./dom.js";
import { positionOf } from "./geometry.js";
import { ARROWS } from "./shortcuts.js";
import { t } from "./translation.js";

/**
 * @import { Annotation, AnnotationRef, Position } from "./annotations.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { View } from "./view.js"
 */

const STEP = 8; // screen pixels
const LARGE_STEP = 48; // with Shift
const TOLERANCE = 10; // screen pixels around an annotation that count as on it
const PAN_FACTOR = 4;

export class KeyboardCursor {
  /** @type {{ target: AnnotationRef, original: Annotation, start: Position } | null} */
  #carried = null;
  #isDrawing = false;
  #view;
  #tools;

  /**
   * @param {View} view
   * @param {EditTools} tools
   */
  constructor(view, tools) {
    this.#view = view;
    this.#tools = tools;
    tools.addEventListener("release", () => {
      this.#carried = null;
      this.#isDrawing = false;
    });
    view.stage.addEventListener("keydown", (event) => this.#onKey(event));
    view.stage.addEventListener("blur", ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Element && relatedTarget.closest("#color-menu"))) this.#hide();
    });
    view.stage.addEventListener("pointerdown", () => this.#hide());
  }

  /**
   * Select the next or the previous annotation.
   * @param {1 | -1} step
   */
  selectNeighbor(step) {
    const tools = this.#tools;
    this.#finish();
    const target = tools.annotations.neighbor(tools.selected, step);
    const annotation = tools.annotations.get(target);
    if (target === null || !annotation) {
      notify(t("There are no points yet."));
      return;
    }
    this.#view.stage.focus({ preventScroll: true });
    this.#moveTo(positionOf(annotation));
    tools.select(target);
    const number = target.index + 1;
    notify(target.kind === "points" ? t("Point {number}", { number }) : t("Stroke {number}", { number }));
  }

  /** Cancel what Enter has started; return whether there was something to cancel. */
  escape() {
    const isBusy = this.#carried !== null || this.#isDrawing;
    if (isBusy) this.#tools.cancel();
    return isBusy;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const view = this.#view;
    const tools = this.#tools;
    if (!view.photo || event.target !== view.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      event.preventDefault();
      const step = event.shiftKey ? LARGE_STEP : STEP;
      if (tools.tool === "move") view.pan(-arrow[0] * step * PAN_FACTOR, -arrow[1] * step * PAN_FACTOR);
      else this.#step(arrow, step / view.scale);
    } else if (event.key === "Enter" && tools.cursor) {
      event.preventDefault();
      this.#enter(tools.cursor);
    }
  }

  /**
   * @param {[number, number]} direction
   * @param {number} distance in photo pixels
   */
  #step([dx, dy], distance) {
    const tools = this.#tools;
    const { photo } = this.#view;
    if (!photo) return;
    const [fromX, fromY] = tools.cursor ?? photo.toScan((photo.width - 1) / 2, (photo.height - 1) / 2);
    const x = Math.min(photo.scan_width - 1, Math.max(0, fromX + distance * dx));
    const y = Math.min(photo.scan_height - 1, Math.max(0, fromY + distance * dy));
    this.#moveTo([x, y]);
    if (this.#carried) {
      const { target, original, start } = this.#carried;
      tools.drag(target, original, x - start[0], y - start[1]);
    } else if (this.#isDrawing) {
      tools.extendStroke([[x, y]]);
    } else if (!tools.selected) {
      tools.picker.setLightness(photo.lightness(x, y));
    }
    notify(t("{x} across, {y} down", { x: Math.round(x), y: Math.round(y) }));
  }

  /** @param {Position} cursor */
  #enter([x, y]) {
    const tools = this.#tools;
    if (this.#carried) {
      this.#finish();
      notify(t("Dropped."));
      return;
    }
    if (this.#isDrawing) {
      this.#finish();
      notify(t("Stroke finished."));
      return;
    }
    if (tools.tool === "pick") {
      const [pane] = this.#view.panes;
      tools.pickColor({ x, y, pane, slot: pane.slot });
      return;
    }
    if (tools.tool === "brush" || tools.tool === "erase") {
      tools.startStroke(x, y);
      this.#isDrawing = true;
      notify(t("Drawing a stroke. Use the arrow keys to draw and Enter to finish."));
      return;
    }
    const target = tools.findAt({ x, y }, TOLERANCE);
    const original = tools.annotations.get(target);
    if (target && original) {
      this.#carried = { target, original, start: [x, y] };
      tools.select(target);
      notify(t("Picked up. Use the arrow keys to move it and Enter to drop it."));
    } else {
      tools.commitNew(tools.addPoint(x, y), true);
      notify(t("Point added. Choose its color with the arrow keys and Enter, or take it back with Escape."));
    }
  }

  /** Finish what Enter has started. */
  #finish() {
    const carried = this.#carried;
    const isDrawing = this.#isDrawing;
    this.#carried = null;
    this.#isDrawing = false;
    if (carried) this.#tools.commit(carried.target);
    else if (isDrawing) this.#tools.finishStroke();
  }

  /** @param {Position} position */
  #moveTo(position) {
    this.#tools.cursor = position;
    this.#view.reveal(...position);
    this.#view.refreshOverlay();
  }

  #hide() {
    this.#finish();
    this.#tools.cursor = null;
    this.#view.refreshOverlay();
  }
}
