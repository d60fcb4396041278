// Paints the part of a photo that is seen on a canvas: gray, in its own colors, or in those that a network gave.

import { changed, paint } from "./upsample.js";

const gray = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
let kept = { photo: null, key: "", data: null };
const painted = new WeakMap(); // canvases that show a network's colors: what was painted on them
const speeds = [60000]; // pixels a millisecond, of the last few times
const FEW = 1e5; // pixels that tell nothing of the speed

/** Pixels that can be colored within some milliseconds. */
export const affordable = (milliseconds) => Math.max(...speeds) * milliseconds;

/**
 * @param canvas of `width` x `height` pixels
 * @param picture {kind: "gray" | "original" | "colors", colors}
 * @param photo from photo.js
 * @param x where its left edge lies on the canvas, in pixels of it
 * @param y where its upper edge lies
 * @param scale pixels of the canvas for one of the photo
 */
export function paintPhoto(canvas, picture, photo, x, y, scale) {
  const { width, height } = canvas, part = seen(photo, x, y, scale, width, height), pen = canvas.getContext("2d");
  if (picture.kind === "colors" && part.width > 0 && part.height > 0) return paintColors(canvas, pen, picture.colors, photo, part);
  painted.delete(canvas);
  pen.clearRect(0, 0, width, height);
  if (part.width <= 0 || part.height <= 0) return;
  drawPart(pen, picture.kind === "original" ? [photo.original] : photo.levels, photo, part, part.x, part.y);
}

/** Colors of the same small picture as before are painted where they differ: a dragged point changes little. */
function paintColors(canvas, pen, colors, photo, part) {
  const { lightness, ab, width } = colors, key = [canvas.width, canvas.height, ...Object.values(part)].join(" ");
  let now = painted.get(canvas), box = now?.lightness === lightness && now.key === key ? changed(now.ab, colors) : undefined;
  if (box === undefined) {
    now = { key, lightness, ab: ab.slice(), out: pen.createImageData(part.width, part.height) };
    painted.set(canvas, now);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    box = { top: 0, bottom: colors.height - 1, left: 0, right: width - 1 };
  }
  if (box === null) return;
  const light = grayOf(photo, part), start = performance.now();
  const fresh = paint(now.out.data, light, part, photo, colors, box), pixels = fresh.width * fresh.height;
  pen.putImageData(now.out, part.x, part.y, fresh.x, fresh.y, fresh.width, fresh.height);
  if (pixels > FEW) speeds.push(pixels / Math.max(1, performance.now() - start));
  if (speeds.length > 8) speeds.shift();
  for (let row = box.top; row <= box.bottom; row++) {
    for (const plane of [0, ab.length / 2]) {
      const from = plane + row * width;
      now.ab.set(ab.subarray(from + box.left, from + box.right + 1), from + box.left);
    }
  }
}

/** Whole pixels of the screen, the outermost of which end where the photo does; their edges and sides in the photo's. */
function seen(photo, x, y, scale, width, height) {
  const first = [x, y].map(Math.round), last = [x + scale * photo.width, y + scale * photo.height].map(Math.round);
  const across = photo.width / Math.max(1, last[0] - first[0]), down = photo.height / Math.max(1, last[1] - first[1]);
  const left = Math.max(0, first[0]), top = Math.max(0, first[1]);
  return {
    x: left, y: top, width: Math.min(width, last[0]) - left, height: Math.min(height, last[1]) - top,
    left: (left - first[0]) * across, top: (top - first[1]) * down, across, down,
  };
}

function grayOf(photo, part) {
  const key = Object.values(part).join(" ");
  if (kept.photo !== photo || kept.key !== key) {
    const { canvas } = gray;
    if (canvas.width < part.width || canvas.height < part.height) Object.assign(canvas, { width: part.width, height: part.height });
    drawPart(gray, photo.levels, photo, part, 0, 0);
    kept = { photo, key, data: gray.getImageData(0, 0, part.width, part.height).data };
  }
  return kept.data;
}

/** Draw a part of the photo from the smallest picture that is large enough. */
function drawPart(pen, levels, photo, part, x, y) {
  const level = levels.findLast((each) => each.width * part.across >= photo.width * 0.999) ?? levels[0];
  const across = level.width / photo.width, down = level.height / photo.height;
  pen.imageSmoothingEnabled = part.across > 0.34; // pixels are shown as such where they are large
  pen.imageSmoothingQuality = "high";
  pen.drawImage(level, part.left * across, part.top * down, part.width * part.across * across, part.height * part.down * down, x, y, part.width, part.height);
}
