// sRGB <-> CIE Lab as the server does it: L in 0..100, a and b in Lab units, D65 white.

const LOW = -2e-4, HIGH = 1 + 2e-4; // a screen's red, green and blue, with room for rounding
const WHITE = [0.95047, 1, 1.08883];
const STEPS = 65535;
const linear = (v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
const gamma = (v) => (v > 0.0031308 ? 1.055 * v ** (1 / 2.4) - 0.055 : 12.92 * v);
const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 4 / 29);
const unf = (t) => (t > 0.2068966 ? t * t * t : (t - 4 / 29) / 7.787);

const EIGHT = Uint8Array.from({ length: STEPS + 1 }, (_, n) => Math.round(255 * gamma(n / STEPS)));
const to8 = (v) => EIGHT[v <= 0 ? 0 : v >= 1 ? STEPS : (v * STEPS + 0.5) | 0];

/** Lightness of each of the 256 grays. */
export const LIGHTNESS = Float32Array.from({ length: 256 }, (_, n) => Math.max(0, 116 * f(linear(n / 255)) - 16));

// numbers that live in this function only are no objects to JavaScript: three times as fast as shared ones
function bytes(l, a, b, strict) {
  const fy = (l + 16) / 116, fz = fy - b / 200;
  const x = WHITE[0] * unf(fy + a / 500), y = unf(fy), z = WHITE[2] * unf(fz > 0 ? fz : 0);
  const red = 3.2404542 * x - 1.5371385 * y - 0.4985314 * z;
  const green = -0.969266 * x + 1.8760108 * y + 0.041556 * z;
  const blue = 0.0556434 * x - 0.2040259 * y + 1.0572252 * z;
  if (strict && (Math.min(red, green, blue) < LOW || Math.max(red, green, blue) > HIGH)) return 0;
  return to8(red) | (to8(green) << 8) | (to8(blue) << 16) | 0xff000000;
}

/** The share of a color, 0..1, that a screen can show at a lightness. */
export function share(l, a, b) {
  if (bytes(l, a, b, true)) return 1;
  let shown = 0;
  for (let part = 0.5; part > 0.001; part /= 2) {
    if (bytes(l, a * (shown + part), b * (shown + part), true)) shown += part;
  }
  return shown;
}

/** Red, green, blue and full opacity, the lowest byte first; what no screen can show keeps its lightness and hue. */
export function rgbaOf(l, a, b) {
  return bytes(l, a, b, true) || muted(l, a, b, share(l, a, b));
}

const muted = (l, a, b, part) => bytes(l, a * part, b * part, false);

// many pixels have nearly the same color: how much of it a screen can show is found once for all of them
const SLOTS = 15, asked = new Int32Array(1 << SLOTS), found = new Float32Array(1 << SLOTS);
/** The same for pictures: quicker where many colors are beyond a screen, and nothing that can be told apart. */
export function rgbaAmongMany(l, a, b) {
  const exact = bytes(l, a, b, true);
  if (exact) return exact;
  const light = (8 * l + 0.5) | 0, first = (4 * a + 512.5) | 0, second = (4 * b + 512.5) | 0;
  const key = (light << 20) | ((first & 1023) << 10) | (second & 1023);
  const slot = Math.imul(key, 0x9e3779b1) >>> (32 - SLOTS);
  if (asked[slot] !== key) {
    asked[slot] = key;
    found[slot] = share(light / 8, (first - 512) / 4, (second - 512) / 4);
  }
  return muted(l, a, b, found[slot]);
}

/** The same where what no screen can show need not look right: quicker. */
export const clippedOf = (l, a, b) => bytes(l, a, b, false);

export function hexOf(l, a, b) {
  const rgba = rgbaOf(l, a, b);
  return `#${[0, 8, 16].map((bits) => ((rgba >> bits) & 255).toString(16).padStart(2, "0")).join("")}`;
}

export function labOf(r, g, b) {
  const [lr, lg, lb] = [linear(r / 255), linear(g / 255), linear(b / 255)];
  const x = f((0.4124564 * lr + 0.3575761 * lg + 0.1804375 * lb) / WHITE[0]);
  const y = f(0.2126729 * lr + 0.7151522 * lg + 0.072175 * lb);
  const z = f((0.0193339 * lr + 0.119192 * lg + 0.9503041 * lb) / WHITE[2]);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
export const labOfHex = (hex) => labOf(...[1, 3, 5].map((n) => parseInt(hex.slice(n, n + 2), 16)));
