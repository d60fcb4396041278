// @ts-check
// Mouse, pen, and touch input on the photo.

/**
 * @import { Annotation, AnnotationRef, Position } from "./annotations.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { Spot, View } from "./view.js"
 *
 * @typedef {{ kind: "pinch" }} PinchGesture
 * @typedef {{ kind: "pan" }} PanGesture
 * @typedef {{ kind: "drag", target: AnnotationRef, original: Annotation, start: Spot, isNew: boolean }} DragGesture
 * @typedef {{ kind: "stroke", target: AnnotationRef }} StrokeGesture
 * @typedef {{ kind: "trace", path: Position[] }} TraceGesture a line that is not an annotation
 * @typedef {PinchGesture | TraceGesture | PanGesture | DragGesture | StrokeGesture} Gesture
 */

/** @type {Record<string, number>} screen pixels around a point that count as on it */
const POINT_TOLERANCE = { mouse: 12, pen: 14, touch: 22 };
const LINE_TOLERANCE = 0.6; // relative to that of points
const DRAG_DISTANCE = 5; // screen pixels that a click may move
const STROKE_STEP = 2; // screen pixels between two positions of a stroke

/**
 * Whether an event belongs to a control that lies over the photo.
 * @param {Event} event
 */
const isOnControl = ({ target }) =>
  target instanceof Element && target.closest("button, #divider, #next-place, #color-menu") !== null;

export class Pointers {
  /** @type {Gesture | null} */
  gesture = null;
  isSpaceHeld = false;
  /** @type {Map<number, Position>} page positions of the pointers that are down */
  #down = new Map();
  #view;
  #tools;

  /**
   * @param {View} view
   * @param {EditTools} tools
   */
  constructor(view, tools) {
    this.#view = view;
    this.#tools = tools;
    const { stage } = view;
    tools.addEventListener("release", () => {
      this.gesture = null;
    });
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    stage.addEventListener("pointerup", (event) => this.#onUp(event));
    stage.addEventListener("pointercancel", (event) => this.#onUp(event));
    stage.addEventListener("pointerleave", () => tools.hover(null));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (!view.photo) return;
      const speed = event.ctrlKey ? 0.01 : 0.0015;
      view.zoom(Math.exp(-event.deltaY * speed), ...this.#toPane(event.clientX, event.clientY));
    }, { passive: false });
  }

  /**
   * @param {number} clientX
   * @param {number} clientY
   * @returns {Position}
   */
  #toPane(clientX, clientY) {
    const box = this.#view.stage.getBoundingClientRect();
    const { pane } = this.#view.toPhoto(clientX, clientY);
    return [clientX - box.left - pane.left, clientY - box.top - pane.top];
  }

  /**
   * @param {PointerEvent} event
   * @param {Spot} spot
   */
  #findUnder(event, spot) {
    const tolerance = POINT_TOLERANCE[event.pointerType] ?? POINT_TOLERANCE.mouse;
    const found = this.#tools.findAt(spot, tolerance);
    return found?.kind === "strokes" ? this.#tools.findAt(spot, tolerance * LINE_TOLERANCE) : found;
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    const view = this.#view;
    const tools = this.#tools;
    if (!view.photo || isOnControl(event)) return;
    view.stage.focus({ preventScroll: true });
    view.stage.setPointerCapture(event.pointerId);
    this.#down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#down.size === 2) {
      // a second finger: what the first one began was not intended
      if (this.gesture && "target" in this.gesture) tools.cancel();
      this.gesture = { kind: "pinch" };
    }
    if (this.#down.size > 1) return;
    const spot = view.toPhoto(event.clientX, event.clientY);
    const under = this.#findUnder(event, spot);
    if (event.button === 2) {
      tools.remove(under);
    } else if (event.button === 1 || this.isSpaceHeld || tools.tool === "move") {
      this.gesture = { kind: "pan" };
      view.stage.classList.add("panning");
    } else if (under && tools.tool === "point") {
      tools.select(under);
      this.#startDrag(under, spot);
    } else if (!spot.isInside) {
      tools.select(null);
    } else if (tools.tool === "pick") {
      tools.pickColor(spot);
    } else if (tools.tool === "repair" || tools.tool === "lasso") {
      this.gesture = { kind: "trace", path: [[spot.x, spot.y]] };
      tools.showTrace(this.gesture.path);
    } else if (tools.tool === "brush" || tools.tool === "erase") {
      this.gesture = { kind: "stroke", target: tools.startStroke(spot.x, spot.y) };
    } else {
      this.#startDrag(tools.addPoint(spot.x, spot.y), spot, true);
    }
  }

  /**
   * @param {AnnotationRef} target
   * @param {Spot} start
   * @param {boolean} [isNew] whether it has just been added
   */
  #startDrag(target, start, isNew = false) {
    const original = this.#tools.annotations.get(target);
    if (original) this.gesture = { kind: "drag", target, original, start, isNew };
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const view = this.#view;
    const tools = this.#tools;
    const { gesture } = this;
    if (!view.photo || isOnControl(event)) return;
    const previous = this.#down.get(event.pointerId);
    const spot = view.toPhoto(event.clientX, event.clientY);
    if (!previous) {
      const under = tools.tool === "point" ? this.#findUnder(event, spot) : null;
      view.stage.classList.toggle("over-annotation", under !== null);
      tools.hover(under);
      if (!tools.selected && spot.isInside) tools.picker.setLightness(view.photo.lightness(spot.x, spot.y));
      return;
    }
    this.#down.set(event.pointerId, [event.clientX, event.clientY]);
    if (gesture?.kind === "pinch") this.#pinch(event, previous);
    else if (gesture?.kind === "pan") view.pan(event.clientX - previous[0], event.clientY - previous[1]);
    else if (gesture?.kind === "trace") {
      gesture.path.push([spot.x, spot.y]);
      tools.showTrace(gesture.path);
    } else if (gesture?.kind === "stroke") this.#extendStroke(event, gesture.target);
    else if (gesture?.kind === "drag") {
      const distance = Math.hypot(spot.x - gesture.start.x, spot.y - gesture.start.y) * view.scale;
      if (distance > DRAG_DISTANCE) gesture.isNew = false;
      tools.drag(gesture.target, gesture.original, spot.x - gesture.start.x, spot.y - gesture.start.y);
    }
  }

  /**
   * @param {PointerEvent} event
   * @param {AnnotationRef} target
   */
  #extendStroke(event, target) {
    const view = this.#view;
    const path = this.#tools.annotations.getStroke(target)?.path;
    if (!path) return;
    let last = path[path.length - 1];
    /** @type {Position[]} */
    const added = [];
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const { x, y } = view.toPhoto(each.clientX, each.clientY);
      if (Math.hypot(x - last[0], y - last[1]) * view.scale < STROKE_STEP) continue;
      last = [x, y];
      added.push(last);
    }
    if (added.length) this.#tools.extendStroke(added);
  }

  /**
   * @param {PointerEvent} event
   * @param {Position} previous
   */
  #pinch(event, previous) {
    const others = [...this.#down].filter(([id]) => id !== event.pointerId);
    if (others.length !== 1) return;
    const [[, other]] = others;
    /** @type {Position} */
    const current = [event.clientX, event.clientY];
    /** @param {Position} position */
    const distance = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    this.#view.pan((current[0] - previous[0]) / 2, (current[1] - previous[1]) / 2);
    const center = this.#toPane((current[0] + other[0]) / 2, (current[1] + other[1]) / 2);
    this.#view.zoom(distance(current) / distance(previous), ...center);
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (!this.#down.delete(event.pointerId)) return;
    const { gesture } = this;
    if (gesture?.kind === "pinch" && this.#down.size > 0) return;
    this.#view.stage.classList.remove("panning");
    this.gesture = null;
    if (gesture?.kind === "trace") this.#tools.endTrace(event.type === "pointercancel" ? null : gesture.path);
    if (!gesture || !("target" in gesture)) return;
    if (event.type === "pointercancel") this.#tools.cancel();
    else if (gesture.kind === "drag" && gesture.isNew) this.#tools.commitNew(gesture.target);
    else this.#tools.commit(gesture.target);
  }
}
