// Bring the colors of a small picture up to what is seen, along the edges of the photo (joint bilateral upsampling),
// as the server does it for a download.

import { LIGHTNESS, rgbaAmongMany } from "./cielab.js";

const ALIKE = 6; // Lab units: a color counts half where the lightness is that far from where it was given
const STEPS = 64; // of a Lab unit that colors come in
const FAINT = STEPS / 4; // differences that nobody sees

/** For each place on the screen the two small pixels that it lies between, and the share of the second. */
function taps(count, first, step, large, small) {
  const before = new Int32Array(count), after = new Int32Array(count), part = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const middle = Math.min(small - 1, Math.max(0, ((first + (n + 0.5) * step) * small) / large - 0.5));
    before[n] = Math.floor(middle);
    after[n] = Math.min(small - 1, before[n] + 1);
    part[n] = middle - before[n];
  }
  return { before, after, part };
}

/** The box of small pixels whose colors are others than before, as far as anybody can see it; null where none are. */
export function changed(before, { width, height, ab }) {
  const second = width * height;
  let top = height, bottom = -1, left = width, right = -1;
  for (let row = 0, place = 0; row < height; row++) {
    for (let column = 0; column < width; column++, place++) {
      if (Math.abs(ab[place] - before[place]) <= FAINT && Math.abs(ab[place + second] - before[place + second]) <= FAINT) continue;
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
 * @param out RGBA of the part, to be filled
 * @param gray RGBA of the same part of the gray photo
 * @param part {width, height, left, top, across, down}: pixels on the screen; their first edges and their sides in the photo's
 * @param photo {width, height}
 * @param colors {width, height, lightness, ab}: a small picture, ab as 16-bit numbers, all a then all b
 * @param box of small pixels: what does not hang on them stays as it is
 * @returns {x, y, width, height}: the pixels that were filled
 */
export function paint(out, gray, part, photo, colors, box) {
  const { lightness, ab, width: across, height: down } = colors;
  const rows = taps(part.height, part.top, part.down, photo.height, down);
  const columns = taps(part.width, part.left, part.across, photo.width, across);
  const [y, lowest] = reached(rows, box.top, box.bottom), [x, rightmost] = reached(columns, box.left, box.right);
  const second = across * down, alike = 1 / (ALIKE * ALIKE), unit = 1 / STEPS;
  const pixels = new Int32Array(out.buffer);
  for (let row = y; row < lowest; row++) {
    const upper = rows.before[row] * across, lower = rows.after[row] * across;
    const low = rows.part[row], high = 1 - low;
    for (let column = x, place = row * part.width + x; column < rightmost; column++, place++) {
      const l = LIGHTNESS[gray[4 * place]];
      const left = columns.before[column], right = columns.after[column];
      const far = columns.part[column], near = 1 - far;
      const p0 = upper + left, p1 = upper + right, p2 = lower + left, p3 = lower + right;
      const d0 = lightness[p0] - l, d1 = lightness[p1] - l, d2 = lightness[p2] - l, d3 = lightness[p3] - l;
      const w0 = (high * near) / (1 + d0 * d0 * alike);
      const w1 = (high * far) / (1 + d1 * d1 * alike);
      const w2 = (low * near) / (1 + d2 * d2 * alike);
      const w3 = (low * far) / (1 + d3 * d3 * alike);
      const scale = unit / (w0 + w1 + w2 + w3);
      const a = (w0 * ab[p0] + w1 * ab[p1] + w2 * ab[p2] + w3 * ab[p3]) * scale;
      const b = (w0 * ab[p0 + second] + w1 * ab[p1 + second] + w2 * ab[p2 + second] + w3 * ab[p3 + second]) * scale;
      pixels[place] = rgbaAmongMany(l, a, b);
    }
  }
  return { x, y, width: rightmost - x, height: lowest - y };
}

/** From which place on the screen to before which some small pixels count. */
function reached({ before, after }, first, last) {
  const from = after.findIndex((each) => each >= first), to = before.findLastIndex((each) => each <= last) + 1;
  return from < 0 ? [0, 0] : [from, Math.max(from, to)];
}
