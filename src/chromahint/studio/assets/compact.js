// @ts-check
// Reads the lightness and the colors that come as JPEG files on a slow line.

import { context2d } from "./dom.js";

const BLOCK = 8; // each channel is filled up to a multiple of this many rows
const STEPS_PER_UNIT = 64; // of the colors in memory

/**
 * Read the gray levels of a picture.
 * @param {Blob} file
 */
async function readLevels(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = context2d(new OffscreenCanvas(width, height), { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: width * height }, (_, n) => data[4 * n]);
}

/**
 * @param {Blob} file
 * @param {number} count of pixels
 */
export async function readLightness(file, count) {
  return Float32Array.from((await readLevels(file)).subarray(0, count), (level) => level / 2.55);
}

/**
 * @param {Blob} file
 * @param {{ width: number, height: number }} size
 * @returns all values of a, then all of b
 */
export async function readColors(file, { width, height }) {
  const levels = await readLevels(file);
  const offset = Math.ceil(height / BLOCK) * BLOCK * width;
  const count = width * height;
  return Int16Array.from(
    { length: 2 * count },
    (_, n) => (levels[n < count ? n : n - count + offset] - 128) * STEPS_PER_UNIT,
  );
}
