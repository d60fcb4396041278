// @ts-check
// The ab plane: all colors that sRGB can show at one lightness, scaled to fit a square.

import { gamutFraction, labToRgbaClipped } from "./cielab.js";
import { context2d } from "./dom.js";

/**
 * @typedef {[number, number]} Pair
 * @typedef {object} Plane
 * @property {Pair[]} border a and b along the edge of the gamut
 * @property {(a: number, b: number) => Pair} toPosition map a color to a position (x, y) in the unit square
 * @property {(x: number, y: number) => Pair} toColor map a position in the unit square to a color (a, b)
 */

const DIRECTIONS = 180;
const MAX_CHROMA = 160; // Lab units, beyond the gamut in every direction
const MIN_SIDE = 10; // Lab units
const MARGIN = 1.06; // side of the square divided by that of the gamut
const BLOCK = 3; // canvas pixels that are filled at once

/**
 * Compute the ab plane at one lightness.
 * @param {number} l
 * @returns {Plane}
 */
export function abPlane(l) {
  const border = Array.from({ length: DIRECTIONS }, (_, n) => {
    const angle = (n * 2 * Math.PI) / DIRECTIONS;
    const a = MAX_CHROMA * Math.cos(angle);
    const b = MAX_CHROMA * Math.sin(angle);
    const fraction = gamutFraction(l, a, b);
    return /** @type {Pair} */ ([a * fraction, b * fraction]);
  });
  const low = [0, 1].map((axis) => Math.min(...border.map((color) => color[axis])));
  const high = [0, 1].map((axis) => Math.max(...border.map((color) => color[axis])));
  const side = MARGIN * Math.max(MIN_SIDE, high[0] - low[0], high[1] - low[1]);
  const center = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  return {
    border,
    toPosition: (a, b) => [0.5 + (a - center[0]) / side, 0.5 - (b - center[1]) / side],
    toColor: (x, y) => [center[0] + (x - 0.5) * side, center[1] + (0.5 - y) * side],
  };
}

/**
 * Draw the ab plane, with a ring around one color.
 * @param {HTMLCanvasElement} canvas
 * @param {number} l
 * @param {Plane} plane
 * @param {Pair} selected a and b of the color
 */
export function drawAbPlane(canvas, l, { border, toPosition, toColor }, selected) {
  const context = context2d(canvas);
  const side = canvas.width;
  const blocks = Math.floor(side / BLOCK);
  /**
   * @param {Pair} color
   * @returns {Pair}
   */
  const toCanvas = ([a, b]) => {
    const [x, y] = toPosition(a, b);
    return [x * side, y * side];
  };
  const image = new ImageData(blocks, blocks);
  const pixels = new Int32Array(image.data.buffer);
  for (let row = 0; row < blocks; row++) {
    for (let column = 0; column < blocks; column++) {
      const [a, b] = toColor((column + 0.5) / blocks, (row + 0.5) / blocks);
      pixels[row * blocks + column] = labToRgbaClipped(l, a, b);
    }
  }
  const small = new OffscreenCanvas(blocks, blocks);
  context2d(small).putImageData(image, 0, 0);
  context.clearRect(0, 0, side, side);
  context.save();
  context.beginPath();
  for (const color of border) context.lineTo(...toCanvas(color));
  context.clip();
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, side, side);
  context.restore();
  context.beginPath();
  context.arc(...toCanvas(selected), 13, 0, 2 * Math.PI);
  context.lineWidth = 6;
  context.strokeStyle = "rgb(0 0 0 / .45)";
  context.stroke();
  context.lineWidth = 3.5;
  context.strokeStyle = "#fff";
  context.stroke();
}
