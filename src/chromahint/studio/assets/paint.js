// Bring the colours of a small picture up to what is seen, along the edges of the photo (joint bilateral upsampling),
// as the server does it for a download.

import { LIGHTNESS, rgbaAmongMany } from "./lab.js";

const ALIKE = 6; // Lab units: a colour counts half where the lightness is that far from where it was given
const STEPS = 64; // of a Lab unit that colours come in

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

/**
 * Colour a part of the photo.
 * @param out RGBA of the part, to be filled
 * @param grey RGBA of the same part of the grey photo
 * @param part {width, height, left, top, across, down}: pixels on the screen; their first edges and their sides in the photo's
 * @param photo {width, height}
 * @param colours {width, height, lightness, ab}: a small picture, ab as 16-bit numbers, all a then all b
 */
export function paint(out, grey, part, photo, colours) {
  const { lightness, ab, width: across, height: down } = colours, { width, height } = part;
  const rows = taps(height, part.top, part.down, photo.height, down);
  const columns = taps(width, part.left, part.across, photo.width, across);
  const second = across * down, alike = 1 / (ALIKE * ALIKE), unit = 1 / STEPS;
  const pixels = new Int32Array(out.buffer);
  for (let row = 0, place = 0; row < height; row++) {
    const upper = rows.before[row] * across, lower = rows.after[row] * across;
    const low = rows.part[row], high = 1 - low;
    for (let column = 0; column < width; column++, place++) {
      const l = LIGHTNESS[grey[4 * place]];
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
}
