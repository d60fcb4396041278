// @ts-check
// Joint bilateral upsampling: bring the colors of a small image to the resolution of the screen, along the edges of
// the photo. The server does the same for a download.

import { GRAY_LIGHTNESS, labToRgbaCached } from "./cielab.js";

/**
 * @typedef {object} SmallColors the colors of a small image, as the server sends them
 * @property {number} width
 * @property {number} height
 * @property {Float32Array | number[]} lightness 0..100, row by row
 * @property {Int16Array | number[]} ab all values of a, then all of b, in 1/64 Lab units
 *
 * @typedef {object} Part the visible part of a photo
 * @property {number} width in canvas pixels
 * @property {number} height
 * @property {number} left its left edge in photo pixels
 * @property {number} top
 * @property {number} stepX width of a canvas pixel in photo pixels
 * @property {number} stepY
 *
 * @typedef {{ top: number, bottom: number, left: number, right: number }} Box inclusive range of small pixels
 */

const LIGHTNESS_SCALE = 6; // a color's weight is halved if its lightness differs by this many Lab units
const STEPS_PER_UNIT = 64;
const VISIBLE_STEPS = STEPS_PER_UNIT / 4; // smaller differences are invisible

/**
 * For each canvas pixel along one axis, find the two small pixels that it lies between and the weight of the second.
 * @param {number} count canvas pixels
 * @param {number} start photo coordinate of their first edge
 * @param {number} step size of a canvas pixel in photo pixels
 * @param {number} large size of the photo
 * @param {number} small size of the small image
 */
function interpolationTaps(count, start, step, large, small) {
  const before = new Int32Array(count);
  const after = new Int32Array(count);
  const weight = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const center = Math.min(small - 1, Math.max(0, ((start + (n + 0.5) * step) * small) / large - 0.5));
    before[n] = Math.floor(center);
    after[n] = Math.min(small - 1, before[n] + 1);
    weight[n] = center - before[n];
  }
  return { before, after, weight };
}

/**
 * Find the bounding box of the small pixels whose color changed visibly, or null if none did.
 * @param {Int16Array} previous
 * @param {SmallColors} colors
 * @returns {Box | null}
 */
export function changedBox(previous, { width, height, ab }) {
  const plane = width * height;
  let top = height;
  let bottom = -1;
  let left = width;
  let right = -1;
  for (let row = 0, index = 0; row < height; row++) {
    for (let column = 0; column < width; column++, index++) {
      if (
        Math.abs(ab[index] - previous[index]) <= VISIBLE_STEPS &&
        Math.abs(ab[index + plane] - previous[index + plane]) <= VISIBLE_STEPS
      ) continue;
      top = Math.min(top, row);
      bottom = row;
      left = Math.min(left, column);
      right = Math.max(right, column);
    }
  }
  return bottom < 0 ? null : { top, bottom, left, right };
}

/**
 * Color a part of the photo.
 * @param {Uint8ClampedArray} out RGBA of the part, to be filled
 * @param {Uint8ClampedArray | number[]} gray RGBA of the same part of the gray photo
 * @param {Part} part
 * @param {{ width: number, height: number }} photo
 * @param {SmallColors} colors
 * @param {Box} box the small pixels that changed; canvas pixels that don't depend on them are left alone
 * @returns the canvas pixels that were filled
 */
export function upsampleColors(out, gray, part, photo, colors, box) {
  const { lightness, ab, width, height } = colors;
  const rows = interpolationTaps(part.height, part.top, part.stepY, photo.height, height);
  const columns = interpolationTaps(part.width, part.left, part.stepX, photo.width, width);
  const [firstRow, endRow] = affectedRange(rows, box.top, box.bottom);
  const [firstColumn, endColumn] = affectedRange(columns, box.left, box.right);
  const plane = width * height;
  const falloff = 1 / (LIGHTNESS_SCALE * LIGHTNESS_SCALE);
  const unit = 1 / STEPS_PER_UNIT;
  const pixels = new Int32Array(out.buffer);
  for (let row = firstRow; row < endRow; row++) {
    const upper = rows.before[row] * width;
    const lower = rows.after[row] * width;
    const lowerWeight = rows.weight[row];
    const upperWeight = 1 - lowerWeight;
    for (let column = firstColumn, index = row * part.width + firstColumn; column < endColumn; column++, index++) {
      const l = GRAY_LIGHTNESS[gray[4 * index]];
      const left = columns.before[column];
      const right = columns.after[column];
      const rightWeight = columns.weight[column];
      const leftWeight = 1 - rightWeight;
      const p0 = upper + left;
      const p1 = upper + right;
      const p2 = lower + left;
      const p3 = lower + right;
      const d0 = lightness[p0] - l;
      const d1 = lightness[p1] - l;
      const d2 = lightness[p2] - l;
      const d3 = lightness[p3] - l;
      const w0 = (upperWeight * leftWeight) / (1 + d0 * d0 * falloff);
      const w1 = (upperWeight * rightWeight) / (1 + d1 * d1 * falloff);
      const w2 = (lowerWeight * leftWeight) / (1 + d2 * d2 * falloff);
      const w3 = (lowerWeight * rightWeight) / (1 + d3 * d3 * falloff);
      const scale = unit / (w0 + w1 + w2 + w3);
      const a = (w0 * ab[p0] + w1 * ab[p1] + w2 * ab[p2] + w3 * ab[p3]) * scale;
      const b = (w0 * ab[p0 + plane] + w1 * ab[p1 + plane] + w2 * ab[p2 + plane] + w3 * ab[p3 + plane]) * scale;
      pixels[index] = labToRgbaCached(l, a, b);
    }
  }
  return { x: firstColumn, y: firstRow, width: endColumn - firstColumn, height: endRow - firstRow };
}

/**
 * Find the half-open range of canvas pixels that depend on a range of small pixels.
 * @param {{ before: Int32Array, after: Int32Array }} taps
 * @param {number} first
 * @param {number} last
 */
function affectedRange({ before, after }, first, last) {
  const start = after.findIndex((index) => index >= first);
  const end = before.findLastIndex((index) => index <= last) + 1;
  return start < 0 ? [0, 0] : [start, Math.max(start, end)];
}
