// @ts-check
// Editing: points, strokes, and picking colors, for pointers (pointers.js) and keys (keyboard_cursor.js) alike.

import { translated } from "./annotations.js";
import { rgbToLab } from "./cielab.js";
import { html, notify, setPressed } from "./dom.js";
import { drawCursor, drawPoint, drawStroke, drawTarget, drawTrace } from "./overlay.js";

/**
 * @import { Annotation, AnnotationRef, Annotations, Hint, Position } from "./annotations.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Pane, Spot, View } from "./view.js"
 *
 * @typedef {"point" | "brush" | "pick" | "move" | "repair"} ToolName
 */

/**
 * Events: "select" when the selection changes, "release" when whatever is being done with an annotation has to end,
 * because the annotation may not exist any more, "trace" when a line was drawn that is not an annotation, "tool" when
 * another tool is used, "hover" when another annotation, or none, is under the pointer.
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

  /** @param {AnnotationRef | null} ref */
  select(ref) {
    this.selected = ref;
    const annotation = this.annotations.get(ref);
    if (annotation) this.picker.show(annotation);
    this.#view.refreshOverlay();
    this.dispatchEvent(new Event("select"));
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
    notify("Removed.");
  }

  toggleHidden() {
    this.#isHidden = !this.#isHidden;
    this.#view.refreshOverlay();
    notify(this.#isHidden ? "Points and strokes are hidden." : "Points and strokes are visible.");
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
   * Add a point of the current color; `commit` or `cancel` ends the gesture.
   * @param {number} x
   * @param {number} y
   */
  addPoint(x, y) {
    const ref = this.annotations.addPoint({ x, y, radius: this.radius, ...this.#hintAt(x, y) }, true);
    this.select(ref);
    return ref;
  }

  /**
   * Start a stroke of the current color; `commit` or `cancel` ends the gesture.
   * @param {number} x
   * @param {number} y
   */
  startStroke(x, y) {
    this.selected = null;
    const ref = this.annotations.addStroke({ path: [[x, y]], radius: this.radius, ...this.#hintAt(x, y) }, true);
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
    this.picker.addToRecent();
    this.annotations.commit();
    this.select(target);
  }

  /**
   * Give the selected annotation the current color.
   * @param {boolean} isInterim whether the color is still being chosen
   */
  recolorSelected(isInterim) {
    const { selected, annotations, picker } = this;
    if (selected && annotations.get(selected)) annotations.update(selected, picker.hintColor, isInterim);
    if (isInterim) return;
    picker.addToRecent();
    annotations.commit();
  }

  /**
   * Tell what lies under the pointer.
   * @param {AnnotationRef | null} ref
   */
  hover(ref) {
    if (ref?.kind === this.#hovered?.kind && ref?.index === this.#hovered?.index) return;
    this.#hovered = ref;
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
    notify("Color picked.");
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Omit<Hint, "radius">}
   */
  #hintAt(x, y) {
    const l = this.#view.photo?.lightness(x, y) ?? 50;
    this.picker.setLightness(l);
    return { l, ...this.picker.hintColor };
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
    /**
     * @param {number} x
     * @param {number} y
     */
    const toScreen = (x, y) => view.toStage(x, y, pane);
    /**
     * @param {AnnotationRef | null} ref
     * @param {AnnotationRef["kind"]} kind
     * @param {number} index
     */
    const isAt = (ref, kind, index) => ref?.kind === kind && ref.index === index;
    if (!this.#isHidden) {
      strokes.forEach((stroke, n) => {
        const isSelected = isAt(this.selected, "strokes", n) || isAt(this.#unfinished, "strokes", n);
        drawStroke(context, toScreen, view.scale, stroke, isSelected);
      });
      points.forEach((point, n) => {
        drawPoint(context, toScreen, view.scale, point, isAt(this.selected, "points", n));
      });
    }
    if (this.#trace.length) drawTrace(context, toScreen, this.#trace, 2 * this.radius * view.scale);
    if (this.#target) drawTarget(context, toScreen(...this.#target));
    if (this.cursor) drawCursor(context, toScreen(...this.cursor));
  }
}
