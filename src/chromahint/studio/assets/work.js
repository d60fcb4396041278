// @ts-check
// The work on a photo as it is saved: its points and strokes, their history, and settings.

import { encodePoint, encodeStroke, toAnnotations, toHintFile } from "./hint_file.js";

/**
 * @import { Annotations, AnnotationSet, PaletteColor, Point, Stroke } from "./annotations.js"
 * @import { Photo } from "./photo.js"
 * @import { Choice } from "./comparison.js"
 *
 * @typedef {{ points: number[], strokes: number[], palette?: PaletteColor[] }} State numbers of marks
 *
 * @typedef {object} History
 * @property {{ points: ReturnType<typeof encodePoint>[], strokes: ReturnType<typeof encodeStroke>[] }} marks
 * @property {State[]} past
 * @property {State[]} future
 *
 * @typedef {object} Work
 * @property {object} hints the content of a hint file
 * @property {Record<string, unknown>} preparation
 * @property {Choice} settings
 * @property {History} history
 * @property {boolean} done
 */

const MAX_STATES = 200;

/**
 * Describe earlier and later states: each mark is listed once, and states refer to it.
 * @param {Annotations} annotations
 * @returns {History}
 */
export function encodeHistory({ past, future }) {
  /** @type {Map<Point | Stroke, number>} */
  const numbers = new Map();
  /** @type {History["marks"]} */
  const marks = { points: [], strokes: [] };
  /**
   * @template {Point | Stroke} M
   * @template T
   * @param {M} mark
   * @param {T[]} list
   * @param {(mark: M) => T} encode
   */
  const numberOf = (mark, list, encode) => {
    const number = numbers.get(mark) ?? list.push(encode(mark)) - 1;
    numbers.set(mark, number);
    return number;
  };
  /** @param {AnnotationSet} state */
  const encode = ({ points, strokes, palette }) => ({
    points: points.map((point) => numberOf(point, marks.points, encodePoint)),
    strokes: strokes.map((stroke) => numberOf(stroke, marks.strokes, encodeStroke)),
    palette,
  });
  return { marks, past: past.slice(-MAX_STATES).map(encode), future: future.slice(-MAX_STATES).map(encode) };
}

/**
 * @param {History} history
 * @param {Photo} photo
 * @returns {{ past: AnnotationSet[], future: AnnotationSet[] }}
 */
export function decodeHistory({ marks, past, future }, photo) {
  const { points, strokes } = toAnnotations(marks, photo);
  /** @param {State} state */
  const decode = (state) => ({
    points: state.points.map((number) => points[number]),
    strokes: state.strokes.map((number) => strokes[number]),
    palette: state.palette ?? [],
  });
  return { past: past.map(decode), future: future.map(decode) };
}

/**
 * Describe the current points and strokes, as in a hint file.
 * @param {Annotations} annotations
 */
export const encodeHints = (annotations) => JSON.parse(toHintFile(annotations.current));
