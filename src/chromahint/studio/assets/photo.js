// The photo that is open, as the page has it: pictures to draw it from at any zoom, and how light each place is.

import { LIGHTNESS } from "./cielab.js";

const LARGE = 1600, LOOKUP = 1024; // pixels

/** A picture and smaller ones of itself. */
async function levelsOf(bitmap) {
  const levels = [bitmap];
  for (let last = bitmap; last.width > LARGE || last.height > LARGE; levels.push(last)) {
    last = await createImageBitmap(last, { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2), resizeQuality: "high" });
  }
  return levels;
}

/**
 * @param about what the server says of it: {id, name, width, height, colored, blake2b, kind}
 * @param gray picture of its lightness
 * @param original picture of its own colors, or null where it has none
 */
export async function makePhoto(about, gray, original) {
  const levels = await levelsOf(gray), { width, height } = about;
  const share = Math.min(1, LOOKUP / Math.max(width, height));
  const across = Math.max(1, Math.round(width * share)), down = Math.max(1, Math.round(height * share));
  const small = new OffscreenCanvas(across, down).getContext("2d", { willReadFrequently: true });
  small.drawImage(levels.at(-1), 0, 0, across, down);
  const { data } = small.getImageData(0, 0, across, down);
  const lightness = (x, y) => {
    const column = Math.min(across - 1, Math.max(0, Math.floor(((x + 0.5) * across) / width)));
    const row = Math.min(down - 1, Math.max(0, Math.floor(((y + 0.5) * down) / height)));
    return LIGHTNESS[data[4 * (row * across + column)]];
  };
  return { ...about, levels, original, lightness };
}
