// @ts-check
// An open photo: bitmaps to draw it from at any zoom, and the lightness of each place.

import { getGray, getOriginal } from "./api.js";
import { GRAY_LIGHTNESS } from "./cielab.js";
import { context2d } from "./dom.js";
import { isLineSlow } from "./line_speed.js";

/**
 * @import { Position } from "./annotations.js"
 * @import { PhotoInfo } from "./api.js"
 *
 * @typedef {object} PhotoPixels
 * @property {ImageBitmap[]} levels the gray photo, the largest bitmap first, each next one half as large
 * @property {boolean} lacksDetails whether a smaller bitmap came first, because the line is slow
 * @property {ImageBitmap | null} original the photo in its own colors, once somebody wants to see them
 * @property {(x: number, y: number) => number} lightness L in 0..100 at a pixel of the scan
 * @property {(x: number, y: number) => Position} toPicture maps pixels of the scan to those of the prepared photo
 * @property {(x: number, y: number) => Position} toScan the opposite
 *
 * @typedef {PhotoInfo & PhotoPixels} Photo
 */

const MAX_LEVEL_SIZE = 1600; // pixels; larger bitmaps get smaller copies
const LOOKUP_SIZE = 1024; // pixels

/**
 * @param {ImageBitmap} bitmap
 */
async function buildLevels(bitmap) {
  const levels = [bitmap];
  for (let last = bitmap; last.width > MAX_LEVEL_SIZE || last.height > MAX_LEVEL_SIZE; levels.push(last)) {
    last = await createImageBitmap(last, {
      resizeWidth: Math.ceil(last.width / 2),
      resizeHeight: Math.ceil(last.height / 2),
      resizeQuality: "high",
    });
  }
  return levels;
}

/**
 * Load a photo, ready to be drawn.
 * @param {PhotoInfo} info
 * @returns {Promise<Photo>}
 */
export async function loadPhoto(info) {
  const isCompact = isLineSlow();
  const levels = await buildLevels(await getGray(info.id, isCompact));
  const lacksDetails = isCompact && levels[0].width < info.width;
  const { width, height } = info;
  const scale = Math.min(1, LOOKUP_SIZE / Math.max(width, height));
  const columns = Math.max(1, Math.round(width * scale));
  const rows = Math.max(1, Math.round(height * scale));
  const lookup = context2d(new OffscreenCanvas(columns, rows), { willReadFrequently: true });
  lookup.drawImage(levels[levels.length - 1], 0, 0, columns, rows);
  const { toPicture, toScan } = frameMaps(info.matrix);
  const { data } = lookup.getImageData(0, 0, columns, rows);
  /**
   * @param {number} x
   * @param {number} y
   */
  const lightness = (x, y) => {
    const [left, top] = toPicture(x, y);
    const column = Math.min(columns - 1, Math.max(0, Math.floor(((left + 0.5) * columns) / width)));
    const row = Math.min(rows - 1, Math.max(0, Math.floor(((top + 0.5) * rows) / height)));
    return GRAY_LIGHTNESS[data[4 * (row * columns + column)]];
  };
  return { ...info, levels, lacksDetails, original: null, lightness, toPicture, toScan };
}

/** @type {WeakSet<Photo>} photos whose own colors are being loaded */
const loadingOriginals = new WeakSet();

/**
 * Load the photo in its own colors, if it has any; return whether they have just come.
 * @param {Photo} photo
 */
export async function loadOriginal(photo) {
  if (!photo.has_color || photo.original || loadingOriginals.has(photo)) return false;
  loadingOriginals.add(photo);
  try {
    photo.original = await getOriginal(photo.id);
  } finally {
    loadingOriginals.delete(photo);
  }
  return true;
}

/**
 * Load what a smaller bitmap lacks.
 * @param {Photo} photo
 */
export async function loadDetails(photo) {
  photo.lacksDetails = false;
  photo.levels = await buildLevels(await getGray(photo.id, false));
}

/**
 * Return the maps between a scan and the photo that was turned upright and cut out of it.
 * @param {[number, number, number][]} matrix 2x3, of a turn and a shift
 * @returns {Pick<PhotoPixels, "toPicture" | "toScan">}
 */
function frameMaps([[cos, sin, dx], [, , dy]]) {
  return {
    toPicture: (x, y) => [cos * x + sin * y + dx, cos * y - sin * x + dy],
    toScan: (x, y) => [cos * (x - dx) - sin * (y - dy), sin * (x - dx) + cos * (y - dy)],
  };
}

/**
 * Create a small JPEG of the gray photo.
 * @param {Photo} photo
 */
export async function createThumbnail(photo) {
  const smallest = photo.levels[photo.levels.length - 1];
  const scale = Math.min(1, 300 / smallest.width);
  const canvas = new OffscreenCanvas(Math.ceil(smallest.width * scale), Math.ceil(smallest.height * scale));
  context2d(canvas).drawImage(smallest, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
}
