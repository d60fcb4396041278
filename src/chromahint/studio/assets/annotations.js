// @ts-check
// The points and strokes on a photo, and its palette, with undo and redo.

import { segmentDistance } from "./geometry.js";

/**
 * @typedef {[x: number, y: number]} Position in pixels of the scan; pixel centers are at integers
 *
 * @typedef {object} Hint
 * @property {number} l lightness of the photo there, 0..100
 * @property {number} a
 * @property {number} b
 * @property {boolean} gray whether the place is to stay gray
 * @property {number} radius in photo pixels
 * @property {number} strength how much the color counts, 0..1
 * @property {boolean} enabled
 * @property {Position[] | null} area outline of the part of the photo in which it counts; null is the whole photo
 *
 * @typedef {Hint & { x: number, y: number }} Point
 * @typedef {Hint & { path: Position[], erases: boolean }} Stroke one that erases has no color
 * @typedef {Point | Stroke} Annotation
 * @typedef {{ color: string, weight: number }} PaletteColor #rrggbb, and its share in any unit
 * @typedef {{ points: Point[], strokes: Stroke[], palette: PaletteColor[] }} AnnotationSet
 * @typedef {{ kind: "points" | "strokes", index: number }} AnnotationRef
 */

/** A mark that counts fully, in the whole photo. */
export const FULL_EFFECT = Object.freeze({ strength: 1, enabled: true, area: null });

/** @type {Readonly<AnnotationSet>} */
export const NO_ANNOTATIONS = Object.freeze({ points: [], strokes: [], palette: [] });

/**
 * Holds the annotations and their history.
 *
 * Events: "change" whenever the annotations change, "commit" when a gesture ends, or after undo and redo, "amend" when
 * something is added to the last gesture.
 */
export class Annotations extends EventTarget {
  /** @type {AnnotationSet[]} */
  past = [];
  /** @type {AnnotationSet[]} */
  future = [];
  /** @type {AnnotationSet} */
  current = NO_ANNOTATIONS;
  /** @type {AnnotationSet | null} the annotations before the gesture in progress */
  #beforeGesture = null;

  /**
   * Replace everything, including the history.
   * @param {AnnotationSet} annotations
   * @param {{ past: AnnotationSet[], future: AnnotationSet[] }} [history]
   */
  load(annotations, { past, future } = { past: [], future: [] }) {
    this.past = past;
    this.future = future;
    this.current = annotations;
    this.#beforeGesture = null;
  }

  /**
   * Replace the annotations.
   * @param {AnnotationSet} annotations
   * @param {boolean} [isInterim] whether a gesture is in progress; undo skips its intermediate states
   */
  set(annotations, isInterim = false) {
    if (this.#beforeGesture === null) this.#beforeGesture = this.current;
    this.current = annotations;
    if (!isInterim) this.commit();
    this.#dispatchChange();
  }

  /** End a gesture: undo returns to the state before it. */
  commit() {
    if (this.#beforeGesture !== null && this.#beforeGesture !== this.current) {
      this.past.push(this.#beforeGesture);
      this.future = [];
    }
    this.#beforeGesture = null;
    this.dispatchEvent(new Event("commit"));
  }

  /** Cancel a gesture: restore the state before it. */
  rollback() {
    if (this.#beforeGesture === null) return;
    this.current = this.#beforeGesture;
    this.#beforeGesture = null;
    this.#dispatchChange();
  }

  /** Undo the last change; return whether there was one. */
  undo() {
    this.commit();
    return this.#step(this.past, this.future);
  }

  /** Redo the last change that was undone; return whether there was one. */
  redo() {
    this.commit();
    return this.#step(this.future, this.past);
  }

  /**
   * @param {AnnotationSet[]} from
   * @param {AnnotationSet[]} to
   */
  #step(from, to) {
    const next = from.pop();
    if (next === undefined) return false;
    to.push(this.current);
    this.current = next;
    this.#dispatchChange();
    this.dispatchEvent(new Event("commit"));
    return true;
  }

  /**
   * @param {Point} point
   * @param {boolean} [isInterim]
   * @returns {AnnotationRef}
   */
  addPoint(point, isInterim) {
    this.set({ ...this.current, points: [...this.current.points, point] }, isInterim);
    return { kind: "points", index: this.current.points.length - 1 };
  }

  /**
   * @param {Stroke} stroke
   * @param {boolean} [isInterim]
   * @returns {AnnotationRef}
   */
  addStroke(stroke, isInterim) {
    this.set({ ...this.current, strokes: [...this.current.strokes, stroke] }, isInterim);
    return { kind: "strokes", index: this.current.strokes.length - 1 };
  }

  /**
   * Change some properties of an annotation.
   * @param {AnnotationRef} ref
   * @param {Partial<Point> | Partial<Stroke>} changes
   * @param {boolean} [isInterim]
   */
  update({ kind, index }, changes, isInterim) {
    const list = [...this.current[kind]];
    list[index] = /** @type {Annotation} */ ({ ...list[index], ...changes });
    this.set({ ...this.current, [kind]: list }, isInterim);
  }

  /**
   * Change an annotation as a part of what was done last: undo takes back both.
   * @param {AnnotationRef} ref
   * @param {Partial<Point>} changes
   */
  amend({ kind, index }, changes) {
    const list = this.current[kind].map((each, n) => (n === index ? { ...each, ...changes } : each));
    this.current = { ...this.current, [kind]: list };
    this.#dispatchChange();
    if (!this.isInGesture) this.dispatchEvent(new Event("amend"));
  }

  get isInGesture() {
    return this.#beforeGesture !== null;
  }

  /**
   * @param {PaletteColor[]} palette
   * @param {boolean} [isInterim]
   */
  setPalette(palette, isInterim) {
    this.set({ ...this.current, palette }, isInterim);
  }

  /** @param {AnnotationRef} ref */
  remove({ kind, index }) {
    this.set({ ...this.current, [kind]: this.current[kind].filter((_, n) => n !== index) });
  }

  /**
   * @param {AnnotationRef | null} ref
   * @returns {Annotation | undefined}
   */
  get(ref) {
    return ref ? this.current[ref.kind][ref.index] : undefined;
  }

  /**
   * @param {AnnotationRef | null} ref
   * @returns {Stroke | undefined}
   */
  getStroke(ref) {
    return ref?.kind === "strokes" ? this.current.strokes[ref.index] : undefined;
  }

  /**
   * Find the topmost annotation near a position: points lie above strokes, later ones above earlier ones.
   * @param {number} x
   * @param {number} y
   * @param {number} tolerance in photo pixels
   * @returns {AnnotationRef | null}
   */
  findAt(x, y, tolerance) {
    const { points, strokes } = this.current;
    const point = points.findLastIndex(
      (each) => Math.hypot(each.x - x, each.y - y) <= Math.max(tolerance, Math.min(each.radius, 3 * tolerance)),
    );
    if (point >= 0) return { kind: "points", index: point };
    // only the center line of a stroke counts, so that points can be added inside of a broad one
    const stroke = strokes.findLastIndex(({ path }) =>
      path.some((end, n) => segmentDistance(path[Math.max(0, n - 1)], end, x, y) <= tolerance));
    return stroke >= 0 ? { kind: "strokes", index: stroke } : null;
  }

  /**
   * Return the annotation before or after another one, in the order points, strokes.
   * @param {AnnotationRef | null} ref
   * @param {number} step
   * @returns {AnnotationRef | null}
   */
  neighbor(ref, step) {
    if (this.count === 0) return null;
    const { points } = this.current;
    const start = step > 0 ? -1 : 0;
    const position = ref === null ? start : ref.index + (ref.kind === "points" ? 0 : points.length);
    const next = (position + step + this.count) % this.count;
    return next < points.length
      ? { kind: "points", index: next }
      : { kind: "strokes", index: next - points.length };
  }

  get count() {
    return this.current.points.length + this.current.strokes.length;
  }

  #dispatchChange() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {Annotation} annotation */
export const isEraser = (annotation) => "erases" in annotation && annotation.erases;

/**
 * Whether two references are to the same annotation.
 * @param {AnnotationRef | null} first
 * @param {AnnotationRef | null} second
 */
export const isSameRef = (first, second) => first?.kind === second?.kind && first?.index === second?.index;
