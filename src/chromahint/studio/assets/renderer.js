// @ts-check
// Draws the visible part of a photo on a canvas: in gray, in its original colors, or in the colors of a network.

import { context2d } from "./dom.js";
import { changedBox, upsampleColors } from "./upsample.js";

/**
 * @import { NetworkColors } from "./color_client.js"
 * @import { Photo } from "./photo.js"
 * @import { Box, Part } from "./upsample.js"
 *
 * @typedef {{ kind: "gray" } | { kind: "original" } | { kind: "colors", colors: NetworkColors }} Picture
 * @typedef {Part & { x: number, y: number }} PlacedPart with its position on the canvas
 * @typedef {object} Drawn what a canvas shows
 * @property {string} key
 * @property {ImageBitmap[]} levels of the gray photo
 * @property {Float32Array} lightness
 * @property {Int16Array} ab
 * @property {ImageData} pixels
 */

const grayContext = context2d(document.createElement("canvas"), { willReadFrequently: true });
/** @type {{ levels: ImageBitmap[] | null, key: string, data: Uint8ClampedArray }} */
let cachedGray = { levels: null, key: "", data: new Uint8ClampedArray() };
/** @type {WeakMap<HTMLCanvasElement, Drawn>} */
const drawnColors = new WeakMap();

const recentSpeeds = [60000]; // pixels per millisecond
const MIN_TIMED_PIXELS = 1e5; // fewer pixels say nothing about the speed

/**
 * Estimate the number of pixels that can be colored within a time.
 * @param {number} milliseconds
 */
export const pixelBudget = (milliseconds) => Math.max(...recentSpeeds) * milliseconds;

/**
 * Draw the visible part of a photo.
 * @param {HTMLCanvasElement} canvas
 * @param {Picture} picture
 * @param {Photo} photo
 * @param {number} x left edge of the photo in canvas pixels
 * @param {number} y top edge of the photo in canvas pixels
 * @param {number} scale canvas pixels per photo pixel
 */
export function renderPhoto(canvas, picture, photo, x, y, scale) {
  const { width, height } = canvas;
  const part = visiblePart(photo, x, y, scale, width, height);
  const context = context2d(canvas);
  const isVisible = part.width > 0 && part.height > 0;
  if (picture.kind === "colors" && isVisible) {
    renderColors(canvas, context, picture.colors, photo, part);
    return;
  }
  drawnColors.delete(canvas);
  context.clearRect(0, 0, width, height);
  if (!isVisible) return;
  const levels = picture.kind === "original" && photo.original ? [photo.original] : photo.levels;
  drawPart(context, levels, photo, part, part.x, part.y);
}

/**
 * Draw the colors of a network. Only pixels that changed are computed: dragging a point changes few of them.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2D} context
 * @param {NetworkColors} colors
 * @param {Photo} photo
 * @param {PlacedPart} part
 */
function renderColors(canvas, context, colors, photo, part) {
  const { lightness, ab, width } = colors;
  const key = [canvas.width, canvas.height, ...Object.values(part)].join(" ");
  let drawn = drawnColors.get(canvas);
  /** @type {Box | null} */
  let box;
  if (drawn && drawn.lightness === lightness && drawn.levels === photo.levels && drawn.key === key) {
    box = changedBox(drawn.ab, colors);
  } else {
    const { levels } = photo;
    drawn = { key, levels, lightness, ab: ab.slice(), pixels: context.createImageData(part.width, part.height) };
    drawnColors.set(canvas, drawn);
    context.clearRect(0, 0, canvas.width, canvas.height);
    box = { top: 0, bottom: colors.height - 1, left: 0, right: width - 1 };
  }
  if (box === null) return;
  const gray = grayPixels(photo, part);
  const start = performance.now();
  const filled = upsampleColors(drawn.pixels.data, gray, part, photo, colors, box);
  context.putImageData(drawn.pixels, part.x, part.y, filled.x, filled.y, filled.width, filled.height);
  const count = filled.width * filled.height;
  if (count > MIN_TIMED_PIXELS) recentSpeeds.push(count / Math.max(1, performance.now() - start));
  if (recentSpeeds.length > 8) recentSpeeds.shift();
  for (let row = box.top; row <= box.bottom; row++) {
    for (const plane of [0, ab.length / 2]) {
      const offset = plane + row * width;
      drawn.ab.set(ab.subarray(offset + box.left, offset + box.right + 1), offset + box.left);
    }
  }
}

/**
 * Find the canvas pixels that the photo covers, and what they are in photo pixels. The outermost canvas pixels end
 * where the photo does.
 * @param {Photo} photo
 * @param {number} x
 * @param {number} y
 * @param {number} scale
 * @param {number} width of the canvas
 * @param {number} height of the canvas
 * @returns {PlacedPart}
 */
function visiblePart(photo, x, y, scale, width, height) {
  const [firstX, firstY] = [x, y].map(Math.round);
  const [lastX, lastY] = [x + scale * photo.width, y + scale * photo.height].map(Math.round);
  const stepX = photo.width / Math.max(1, lastX - firstX);
  const stepY = photo.height / Math.max(1, lastY - firstY);
  const left = Math.max(0, firstX);
  const top = Math.max(0, firstY);
  return {
    x: left,
    y: top,
    width: Math.min(width, lastX) - left,
    height: Math.min(height, lastY) - top,
    left: (left - firstX) * stepX,
    top: (top - firstY) * stepY,
    stepX,
    stepY,
  };
}

/**
 * Read the gray photo at the resolution of the canvas, RGBA.
 * @param {Photo} photo
 * @param {PlacedPart} part
 */
function grayPixels(photo, part) {
  const key = Object.values(part).join(" ");
  if (cachedGray.levels !== photo.levels || cachedGray.key !== key) {
    const { canvas } = grayContext;
    if (canvas.width < part.width || canvas.height < part.height) {
      Object.assign(canvas, { width: part.width, height: part.height });
    }
    drawPart(grayContext, photo.levels, photo, part, 0, 0);
    cachedGray = { levels: photo.levels, key, data: grayContext.getImageData(0, 0, part.width, part.height).data };
  }
  return cachedGray.data;
}

/**
 * Draw a part of the photo from the smallest bitmap that has the resolution for it.
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap[]} levels the largest first
 * @param {Photo} photo
 * @param {PlacedPart} part
 * @param {number} x
 * @param {number} y
 */
function drawPart(context, levels, photo, part, x, y) {
  const level = levels.findLast((bitmap) => bitmap.width * part.stepX >= photo.width * 0.999) ?? levels[0];
  const scaleX = level.width / photo.width;
  const scaleY = level.height / photo.height;
  context.imageSmoothingEnabled = part.stepX > 0.34; // zoomed far in, pixels are shown as squares
  context.imageSmoothingQuality = "high";
  context.drawImage(
    level,
    part.left * scaleX, part.top * scaleY, part.width * part.stepX * scaleX, part.height * part.stepY * scaleY,
    x, y, part.width, part.height,
  );
}
