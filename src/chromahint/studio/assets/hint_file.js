// @ts-check
// Reads and writes points, strokes, and a palette as a hint file, which `chromahint colorize --hints` accepts too.

import { gamutFraction, hexToLab, labToHex } from "./cielab.js";

/**
 * @import { HintFile, HintFileMark } from "./api.js"
 * @import { AnnotationSet, Hint, Point, Position, Stroke } from "./annotations.js"
 * @import { Photo } from "./photo.js"
 */

const FORMAT = "chromahint-hints/3";

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

/**
 * @param {Position} position
 * @returns {Position}
 */
const roundPosition = ([x, y]) => [round(x), round(y)];

/**
 * Encode what limits the effect of a mark.
 * @param {Hint} hint
 */
const encodeEffect = ({ strength, enabled, area }) => ({
  ...(strength < 1 ? { strength: round(strength) } : {}),
  ...(enabled ? {} : { enabled }),
  ...(area ? { area: area.map(roundPosition) } : {}),
});

/** @param {Point} point */
export const encodePoint = (point) => ({
  x: round(point.x),
  y: round(point.y),
  color: encodeColor(point),
  radius: round(point.radius),
  keep_grey: point.gray,
  ...encodeEffect(point),
});

/** @param {Stroke} stroke */
export const encodeStroke = (stroke) => ({
  points: stroke.path.map(roundPosition),
  ...(stroke.erases ? { erase: true } : { color: encodeColor(stroke) }),
  radius: round(stroke.radius),
  ...encodeEffect(stroke),
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
 * Convert the content of a hint file of the newest format, in pixels.
 * @param {HintFile} hints
 * @param {Photo} photo
 * @returns {AnnotationSet}
 */
export function toAnnotations({ points, strokes, palette }, photo) {
  /**
   * @param {HintFileMark} mark
   * @param {Position} position
   * @returns {Hint}
   */
  const toHint = ({ color, radius, strength = 1, enabled = true, area }, position) => {
    const [, a, b] = hexToLab(color ?? "#808080");
    const gray = Math.hypot(a, b) < 0.5;
    const l = photo.lightness(...position);
    return { l, a: gray ? 0 : a, b: gray ? 0 : b, gray, radius, strength, enabled, area: area ?? null };
  };
  return {
    points: points.map((point) => ({ x: point.x, y: point.y, ...toHint(point, [point.x, point.y]) })),
    strokes: strokes.map(({ points: path, erase: erases = false, ...mark }) =>
      ({ path, erases, ...toHint(mark, path[0]) })),
    palette: palette ?? [],
  };
}
