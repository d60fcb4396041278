// @ts-check
// sRGB <-> CIELAB with the server's conventions: L in 0..100, a and b in Lab units, D65 white point.

/** @typedef {[l: number, a: number, b: number]} Lab */

const GAMUT_MIN = -2e-4; // linear red, green, and blue that a screen can show, with room for rounding
const GAMUT_MAX = 1 + 2e-4;
const WHITE = [0.95047, 1, 1.08883];
const GAMMA_STEPS = 65535;

/** @param {number} v */
const toLinear = (v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
/** @param {number} v */
const toGamma = (v) => (v > 0.0031308 ? 1.055 * v ** (1 / 2.4) - 0.055 : 12.92 * v);
/** @param {number} t */
const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 4 / 29);
/** @param {number} t */
const inverseF = (t) => (t > 0.2068966 ? t * t * t : (t - 4 / 29) / 7.787);

const GAMMA_TABLE = Uint8Array.from({ length: GAMMA_STEPS + 1 }, (_, n) => Math.round(255 * toGamma(n / GAMMA_STEPS)));
/** @param {number} v */
const toByte = (v) => GAMMA_TABLE[v <= 0 ? 0 : v >= 1 ? GAMMA_STEPS : (v * GAMMA_STEPS + 0.5) | 0];

/** Lightness of each of the 256 grays. */
export const GRAY_LIGHTNESS = Float32Array.from(
  { length: 256 },
  (_, n) => Math.max(0, 116 * f(toLinear(n / 255)) - 16),
);

/**
 * Convert Lab to RGBA, packed into an integer with red in the lowest byte.
 *
 * Local variables keep this loop free of allocations, which makes it three times as fast.
 * @param {number} l
 * @param {number} a
 * @param {number} b
 * @param {boolean} strict return 0 for colors outside of the sRGB gamut instead of clipping them
 */
function packRgba(l, a, b, strict) {
  const fy = (l + 16) / 116;
  const fz = fy - b / 200;
  const x = WHITE[0] * inverseF(fy + a / 500);
  const y = inverseF(fy);
  const z = WHITE[2] * inverseF(fz > 0 ? fz : 0);
  const red = 3.2404542 * x - 1.5371385 * y - 0.4985314 * z;
  const green = -0.969266 * x + 1.8760108 * y + 0.041556 * z;
  const blue = 0.0556434 * x - 0.2040259 * y + 1.0572252 * z;
  if (strict && (Math.min(red, green, blue) < GAMUT_MIN || Math.max(red, green, blue) > GAMUT_MAX)) return 0;
  return toByte(red) | (toByte(green) << 8) | (toByte(blue) << 16) | 0xff000000;
}

/**
 * Return the largest fraction (0..1) of a color's chroma that sRGB can show at its lightness.
 * @param {number} l
 * @param {number} a
 * @param {number} b
 */
export function gamutFraction(l, a, b) {
  if (packRgba(l, a, b, true)) return 1;
  let fraction = 0;
  for (let step = 0.5; step > 0.001; step /= 2) {
    if (packRgba(l, a * (fraction + step), b * (fraction + step), true)) fraction += step;
  }
  return fraction;
}

/**
 * Convert Lab to packed RGBA. Colors outside of the gamut keep their lightness and hue.
 * @param {number} l
 * @param {number} a
 * @param {number} b
 */
export function labToRgba(l, a, b) {
  return packRgba(l, a, b, true) || packDesaturated(l, a, b, gamutFraction(l, a, b));
}

/**
 * @param {number} l
 * @param {number} a
 * @param {number} b
 * @param {number} fraction of the chroma to keep
 */
const packDesaturated = (l, a, b, fraction) => packRgba(l, a * fraction, b * fraction, false);

// neighboring pixels have nearly the same color, so their gamut fraction is computed once
const CACHE_BITS = 15;
const cachedKeys = new Int32Array(1 << CACHE_BITS);
const cachedFractions = new Float32Array(1 << CACHE_BITS);

/**
 * Convert Lab to packed RGBA for whole images: faster than `labToRgba` if many colors are outside of the gamut, with
 * differences too small to see.
 * @param {number} l
 * @param {number} a
 * @param {number} b
 */
export function labToRgbaCached(l, a, b) {
  const exact = packRgba(l, a, b, true);
  if (exact) return exact;
  const stepL = (8 * l + 0.5) | 0;
  const stepA = (4 * a + 512.5) | 0;
  const stepB = (4 * b + 512.5) | 0;
  const key = (stepL << 20) | ((stepA & 1023) << 10) | (stepB & 1023);
  const slot = Math.imul(key, 0x9e3779b1) >>> (32 - CACHE_BITS);
  if (cachedKeys[slot] !== key) {
    cachedKeys[slot] = key;
    cachedFractions[slot] = gamutFraction(stepL / 8, (stepA - 512) / 4, (stepB - 512) / 4);
  }
  return packDesaturated(l, a, b, cachedFractions[slot]);
}

/**
 * Convert Lab to packed RGBA by clipping: fastest, but colors outside of the gamut change their hue.
 * @param {number} l
 * @param {number} a
 * @param {number} b
 */
export const labToRgbaClipped = (l, a, b) => packRgba(l, a, b, false);

/**
 * Convert Lab to "#rrggbb".
 * @param {number} l
 * @param {number} a
 * @param {number} b
 */
export function labToHex(l, a, b) {
  const rgba = labToRgba(l, a, b);
  return `#${[0, 8, 16].map((shift) => ((rgba >> shift) & 255).toString(16).padStart(2, "0")).join("")}`;
}

/**
 * Convert 8-bit RGB to Lab.
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 * @returns {Lab}
 */
export function rgbToLab(red, green, blue) {
  const r = toLinear(red / 255);
  const g = toLinear(green / 255);
  const b = toLinear(blue / 255);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / WHITE[0]);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / WHITE[2]);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/**
 * Convert "#rrggbb" to Lab.
 * @param {string} hex
 */
export function hexToLab(hex) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  return rgbToLab(red, green, blue);
}
