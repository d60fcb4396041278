// @ts-check
// Editing: points, strokes, and picking colors, for pointers (pointers.js) and keys (keyboard_cursor.js) alike.

import { FULL_EFFECT, isEraser, isSameRef } from "./annotations.js";
import { rgbToLab } from "./cielab.js";
import { html, notify, setPressed } from "./dom.js";
import { translated } from "./geometry.js";
import { drawCursor, drawOutline, drawPoint, drawStroke, drawTarget, drawTrace } from "./overlay.js";
import { t } from "./translation.js";
import { visibleColor } from "./visible_color.js";

/**
 * @import { Annotation, AnnotationRef, Annotations, Hint, Position } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Pane } from "./panes.js"
 * @import { Spot, View } from "./view.js"
 *
 * @typedef {"point" | "brush" | "erase" | "pick" | "move" | "repair" | "lasso"} ToolName
 */

/**
 * Events: "select" when the selection changes, "release" when whatever is being done with an annotation has to end,
 * because the annotation may not exist any more, "trace" when a line was drawn that is not an annotation, "tool" when
 * another tool is used, "hover" when another annotation, or none, is under the pointer, "add" when a point was added.
 */
export class EditTools extends EventTarget {
  /** @type {ToolName} */
  tool = "point";
  /** @type {AnnotationRef | null} */
  selected = null;
  /** @type {Position | null} the keyboard cursor */
  cursor = null;
  radius = 1; // of new points and strokes, in photo pixels
  /** @type {AnnotationRef | null} the stroke being drawn */
  #unfinished = null;
  /** @type {Position[]} */
  #trace = [];
  /** @type {AnnotationRef | null} */
  #hovered = null;
  /** @type {OffscreenCanvas | null} */
  #veil = null;
  /** @type {Position | null} */
  #target = null;
  #isHidden = false;
  #view;

  /**
   * @param {View} view
   * @param {Annotations} annotations
   * @param {ColorPicker} picker
   */
  constructor(view, annotations, picker) {
    super();
    this.#view = view;
    this.annotations = annotations;
    this.picker = picker;
    view.drawAnnotations = (context, pane) => this.#draw(context, pane);
    annotations.addEventListener("change", () => {
      if ([this.selected, this.#unfinished].some((ref) => ref && !annotations.get(ref))) this.release();
    });
  }

  /** @param {ToolName} tool */
  use(tool) {
    this.tool = tool;
    this.#view.stage.dataset.tool = tool;
    setPressed(html("tools"), tool);
    this.dispatchEvent(new Event("tool"));
  }

  /**
   * @param {AnnotationRef | null} ref
   * @param {boolean} [isNew] whether it is a point in a color that nobody has chosen
   */
  select(ref, isNew = false) {
    this.selected = ref;
    const annotation = this.annotations.get(ref);
    if (annotation) this.picker.show(annotation);
    this.#view.refreshOverlay();
    this.dispatchEvent(new CustomEvent("select", { detail: { isNew } }));
  }

  /** End whatever is being done with an annotation. */
  release() {
    this.#unfinished = null;
    this.dispatchEvent(new Event("release"));
    this.select(null);
  }

  /** @param {AnnotationRef | null} [target] */
  remove(target = this.selected) {
    if (!target || !this.annotations.get(target)) return;
    this.release();
    this.annotations.remove(target);
    notify(t("Removed."));
  }

  toggleHidden() {
    this.#isHidden = !this.#isHidden;
    this.#view.refreshOverlay();
    notify(this.#isHidden ? t("Points and strokes are hidden.") : t("Points and strokes are visible."));
  }

  /**
   * Find the annotation near a position.
   * @param {{ x: number, y: number }} position
   * @param {number} tolerance in screen pixels
   */
  findAt({ x, y }, tolerance) {
    return this.#isHidden ? null : this.annotations.findAt(x, y, tolerance / this.#view.scale);
  }

  /**
   * Add a point; `commit` or `cancel` ends the gesture.
   * @param {number} x
   * @param {number} y
   * @param {Partial<Hint>} [color] that of new annotations by default
   */
  addPoint(x, y, color) {
    const ref = this.annotations.addPoint({ x, y, radius: this.radius, ...this.#hintAt(x, y), ...color }, true);
    this.select(ref, !color && !this.picker.isChosen);
    return ref;
  }

  /**
   * Start a stroke of the current color, or one that erases; `commit` or `cancel` ends the gesture.
   * @param {number} x
   * @param {number} y
   */
  startStroke(x, y) {
    this.selected = null;
    const erases = this.tool === "erase";
    const color = erases ? { a: 0, b: 0, gray: false } : {};
    const stroke = { path: [/** @type {Position} */ ([x, y])], radius: this.radius, ...this.#hintAt(x, y), ...color };
    const ref = this.annotations.addStroke({ ...stroke, erases }, true);
    this.#unfinished = ref;
    return ref;
  }

  /** @param {Position[]} positions */
  extendStroke(positions) {
    const stroke = this.annotations.getStroke(this.#unfinished);
    if (!stroke || !this.#unfinished) return;
    this.annotations.update(this.#unfinished, { path: [...stroke.path, ...positions] }, true);
  }

  /** Finish the stroke being drawn, if there is one. */
  finishStroke() {
    if (this.#unfinished) this.commit(this.#unfinished);
  }

  /**
   * Move an annotation relative to where it was.
   * @param {AnnotationRef} target
   * @param {Annotation} original
   * @param {number} dx
   * @param {number} dy
   */
  drag(target, original, dx, dy) {
    const photo = this.#view.photo;
    if (!photo) return;
    const changes = translated(original, dx, dy, photo);
    this.annotations.update(target, changes, true);
    this.picker.setLightness(changes.l);
  }

  /**
   * End a gesture.
   * @param {AnnotationRef} target
   */
  commit(target) {
    this.#unfinished = null;
    this.annotations.commit();
    this.select(target);
  }

  /**
   * End the gesture that has added a point, whose color is then to be chosen.
   * @param {AnnotationRef} target
   * @param {boolean} [byKeyboard]
   */
  commitNew(target, byKeyboard = false) {
    this.commit(target);
    this.dispatchEvent(new CustomEvent("add", { detail: { byKeyboard } }));
  }

  /**
   * Give the selected annotation the current color.
   * @param {boolean} isInterim whether the color is still being chosen
   */
  recolorSelected(isInterim) {
    const { selected, annotations, picker } = this;
    const current = annotations.get(selected);
    const color = picker.hintColor;
    const isSame = current && current.a === color.a && current.b === color.b && current.gray === color.gray;
    if (selected && current && !isSame && !isEraser(current)) annotations.update(selected, color, true);
    if (isInterim) return;
    picker.addToRecent();
    annotations.commit();
  }

  /**
   * Tell what lies under the pointer.
   * @param {AnnotationRef | null} ref
   */
  hover(ref) {
    if (isSameRef(ref, this.#hovered)) return;
    this.#hovered = ref;
    this.#view.refreshOverlay();
    this.dispatchEvent(new CustomEvent("hover", { detail: { ref } }));
  }

  /**
   * Veil the photo, except where the picture is transparent.
   * @param {OffscreenCanvas | null} veil
   */
  showVeil(veil) {
    if (veil === this.#veil) return;
    this.#veil = veil;
    this.#view.refreshOverlay();
  }

  /**
   * Mark a place of the photo.
   * @param {Position | null} target
   */
  showTarget(target) {
    this.#target = target;
    this.#view.refreshOverlay();
  }

  /**
   * Show a line that is being drawn.
   * @param {Position[]} path
   */
  showTrace(path) {
    this.#trace = path;
    this.#view.refreshOverlay();
  }

  /**
   * End a line.
   * @param {Position[] | null} path null if it was canceled
   */
  endTrace(path) {
    this.showTrace([]);
    if (path) this.dispatchEvent(new CustomEvent("trace", { detail: { path } }));
  }

  /** Undo a gesture in progress. */
  cancel() {
    this.release();
    this.annotations.rollback();
  }

  /**
   * Make the visible color at a position the current one.
   * @param {Omit<Spot, "isInside">} spot
   */
  pickColor(spot) {
    const [l, a, b] = rgbToLab(...this.#view.colorAt(spot));
    this.select(null);
    this.picker.setLightness(l);
    this.picker.choose(a, b);
    this.use("point");
    notify(t("Color picked."));
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Omit<Hint, "radius">}
   */
  #hintAt(x, y) {
    const l = this.#view.photo?.lightness(x, y) ?? 50;
    this.picker.setLightness(l);
    const color = this.picker.isChosen ? this.picker.hintColor : visibleColor(this.#view, x, y);
    return { l, ...color, ...FULL_EFFECT };
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Pane} pane
   */
  #draw(context, pane) {
    const view = this.#view;
    const { strokes, points } = this.annotations.current;
    const { photo } = view;
    if (this.#veil && photo) {
      context.drawImage(
        this.#veil, pane.left + view.x, pane.top + view.y, view.scale * photo.width, view.scale * photo.height,
      );
    }
    /** @type {(x: number, y: number) => Position} */
    const toScreen = (x, y) => view.toStage(x, y, pane);
    if (!this.#isHidden) {
      const selected = this.annotations.get(this.selected ?? this.#unfinished);
      if (selected?.area) drawOutline(context, toScreen, selected.area);
      const marked = [selected, this.annotations.get(this.#hovered)];
      for (const each of strokes) drawStroke(context, toScreen, view.scale, each, marked.includes(each));
      for (const each of points) drawPoint(context, toScreen, view.scale, each, marked.includes(each));
    }
    if (this.tool === "lasso") drawOutline(context, toScreen, this.#trace);
    else if (this.#trace.length) drawTrace(context, toScreen, this.#trace, 2 * this.radius * view.scale);
    if (this.#target) drawTarget(context, toScreen(...this.#target));
    if (this.cursor) drawCursor(context, toScreen(...this.cursor));
  }
}
