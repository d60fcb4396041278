// Points and strokes as a hint file, which `chromahint colorize --hints` takes too.

import { hexOf, labOfHex, share } from "./cielab.js";

const FORMAT = "chromahint-hints/1";

// a color's lightness is no hint: in the middle of the range eight bits tell most, if a screen has such a color there
function codeOf({ l, a, b, gray }) {
  const middle = Math.min(80, Math.max(35, l));
  return gray ? "#808080" : hexOf(share(middle, a, b) < 1 ? l : middle, a, b);
}
const round = (value) => Math.round(value * 100) / 100;

/** The text of a hint file. */
export function toFile({ points, strokes }, photo = null) {
  return JSON.stringify({
    format: FORMAT,
    units: "px",
    ...(photo ? { photo: { name: photo.name, blake2b: photo.blake2b } } : {}),
    points: points.map((p) => ({
      x: round(p.x), y: round(p.y), color: codeOf(p), radius: round(p.radius), keep_grey: p.gray,
    })),
    strokes: strokes.map((s) => ({
      points: s.path.map(([x, y]) => [round(x), round(y)]), color: codeOf(s), radius: round(s.radius),
    })),
  });
}

/** The photo that a hint file was made on, {name, blake2b}, where it says so. */
export function photoOf(text) {
  try {
    return JSON.parse(text).photo ?? null;
  } catch {
    return null; // what is wrong with it the server can say
  }
}

/** Marks as the server has read them from a hint file. */
export function fromServer({ points, strokes }, photo) {
  const colored = ({ color, radius }, x, y) => {
    const [, a, b] = labOfHex(color ?? "#808080"), gray = Math.hypot(a, b) < 0.5;
    return { l: photo.lightness(x, y), a: gray ? 0 : a, b: gray ? 0 : b, gray, radius };
  };
  return {
    points: points.map((point) => ({ x: point.place[0], y: point.place[1], ...colored(point, ...point.place) })),
    strokes: strokes.map((stroke) => ({ path: stroke.path, ...colored(stroke, ...stroke.path[0]) })),
  };
}
