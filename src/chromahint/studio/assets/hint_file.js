// @ts-check
// Reads and writes points, strokes, and a palette as a hint file, which `chromahint colorize --hints` accepts too.

import { gamutFraction, hexToLab, labToHex } from "./cielab.js";

/**
 * @import { ParsedHints } from "./api.js"
 * @import { AnnotationSet, Hint, Point, Stroke } from "./annotations.js"
 * @import { Photo } from "./photo.js"
 */

const FORMAT = "chromahint-hints/2";

/**
 * Encode a hint's color. Its lightness is not a hint: a medium one keeps most of the precision of 8 bits, if the
 * color is within the gamut there.
 * @param {Hint} hint
 */
function encodeColor({ l, a, b, gray }) {
  const medium = Math.min(80, Math.max(35, l));
  return gray ? "#808080" : labToHex(gamutFraction(medium, a, b) < 1 ? l : medium, a, b);
}

/** @param {number} value */
const round = (value) => Math.round(value * 100) / 100;

/** @param {Point} point */
export const encodePoint = (point) => ({
  x: round(point.x),
  y: round(point.y),
  color: encodeColor(point),
  radius: round(point.radius),
  keep_grey: point.gray,
});

/** @param {Stroke} stroke */
export const encodeStroke = (stroke) => ({
  points: stroke.path.map(([x, y]) => [round(x), round(y)]),
  color: encodeColor(stroke),
  radius: round(stroke.radius),
});

/**
 * Return the text of a hint file.
 * @param {AnnotationSet} annotations
 * @param {Photo | null} [photo] is named in the file, if given
 */
export function toHintFile({ points, strokes, palette }, photo = null) {
  return JSON.stringify({
    format: FORMAT,
    units: "px",
    ...(photo ? { photo: { name: photo.name, blake2b: photo.blake2b } } : {}),
    points: points.map(encodePoint),
    strokes: strokes.map(encodeStroke),
    palette,
  });
}

/**
 * Return the photo that a hint file was made for, if it names one.
 * @param {string} text
 * @returns {{ name?: string, blake2b?: string } | null}
 */
export function photoOfHintFile(text) {
  try {
    return JSON.parse(text).photo ?? null;
  } catch {
    return null; // the server reports what is wrong with the file
  }
}

/**
 * Convert a hint file that the server has parsed.
 * @param {ParsedHints} hints
 * @param {Photo} photo
 * @returns {AnnotationSet}
 */
export function toAnnotations({ points, strokes, palette }, photo) {
  /**
   * @param {{ color: string | null, radius: number }} hint
   * @param {number} x
   * @param {number} y
   * @returns {Hint}
   */
  const toHint = ({ color, radius }, x, y) => {
    const [, a, b] = hexToLab(color ?? "#808080");
    const gray = Math.hypot(a, b) < 0.5;
    return { l: photo.lightness(x, y), a: gray ? 0 : a, b: gray ? 0 : b, gray, radius };
  };
  return {
    points: points.map((point) => ({ x: point.x, y: point.y, ...toHint(point, point.x, point.y) })),
    strokes: strokes.map((stroke) => ({ path: stroke.path, ...toHint(stroke, ...stroke.path[0]) })),
    palette,
  };
}
