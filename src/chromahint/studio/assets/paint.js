// Bring the colours of a small picture up to what is seen, along the edges of the photo (joint bilateral upsampling),
// as the server does it for a download.

import { LIGHTNESS, put } from "./lab.js";

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
 * @param part {width, height, left, top, step}: pixels on the screen; their first edge and their side in the photo's
 * @param photo {width, height}
 * @param colours {width, height, lightness, ab}: a small picture, ab as 16-bit numbers, all a then all b
 */
export function paint(out, grey, part, photo, colours) {
  const { lightness, ab, width: across, height: down } = colours;
  const rows = taps(part.height, part.top, part.step, photo.height, down);
  const columns = taps(part.width, part.left, part.step, photo.width, across);
  const second = across * down, alike = 1 / (ALIKE * ALIKE), unit = 1 / STEPS;
  for (let row = 0, place = 0; row < part.height; row++) {
    const upper = rows.before[row] * across, lower = rows.after[row] * across;
    const low = rows.part[row], high = 1 - low;
    for (let column = 0; column < part.width; column++, place += 4) {
      const l = LIGHTNESS[grey[place]];
      const left = columns.before[column], right = columns.after[column];
      const far = columns.part[column], near = 1 - far;
      const p0 = upper + left, p1 = upper + right, p2 = lower + left, p3 = lower + right;
      let apart = lightness[p0] - l;
      const w0 = (high * near) / (1 + apart * apart * alike);
      apart = lightness[p1] - l;
      const w1 = (high * far) / (1 + apart * apart * alike);
      apart = lightness[p2] - l;
      const w2 = (low * near) / (1 + apart * apart * alike);
      apart = lightness[p3] - l;
      const w3 = (low * far) / (1 + apart * apart * alike);
      const scale = unit / (w0 + w1 + w2 + w3);
      const a = (w0 * ab[p0] + w1 * ab[p1] + w2 * ab[p2] + w3 * ab[p3]) * scale;
      const b = (w0 * ab[p0 + second] + w1 * ab[p1 + second] + w2 * ab[p2 + second] + w3 * ab[p3 + second]) * scale;
      put(out, place, l, a, b);
    }
  }
}
