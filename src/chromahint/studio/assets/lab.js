// sRGB <-> CIE Lab as the server does it: L in 0..100, a and b in Lab units, D65 white.

const TINY = 2e-4;
const WHITE = [0.95047, 1, 1.08883];
const STEPS = 8192;
const linear = (v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
const gamma = (v) => (v > 0.0031308 ? 1.055 * v ** (1 / 2.4) - 0.055 : 12.92 * v);
const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 4 / 29);
const unf = (t) => (t > 0.2068966 ? t * t * t : (t - 4 / 29) / 7.787);

const eight = new Uint8Array(STEPS + 1);
for (let n = 0; n <= STEPS; n++) eight[n] = Math.round(255 * gamma((n / STEPS) ** 2)); // finer where it is dark
const to8 = (v) => (v <= 0 ? 0 : v >= 1 ? 255 : eight[(Math.sqrt(v) * STEPS + 0.5) | 0]);

/** Lightness of each of the 256 greys. */
export const LIGHTNESS = Float32Array.from({ length: 256 }, (_, n) => Math.max(0, 116 * f(linear(n / 255)) - 16));

let red = 0, green = 0, blue = 0;
function toLinear(l, a, b) {
  const fy = (l + 16) / 116, fz = fy - b / 200;
  const x = WHITE[0] * unf(fy + a / 500), y = unf(fy), z = WHITE[2] * unf(fz > 0 ? fz : 0);
  red = 3.2404542 * x - 1.5371385 * y - 0.4985314 * z;
  green = -0.969266 * x + 1.8760108 * y + 0.041556 * z;
  blue = 0.0556434 * x - 0.2040259 * y + 1.0572252 * z;
}
const beyond = () => Math.min(red, green, blue) < -TINY || Math.max(red, green, blue) > 1 + TINY;

/** The share of a colour, 0..1, that a screen can show at a lightness. */
export function share(l, a, b) {
  toLinear(l, a, b);
  if (!beyond()) return 1;
  let shown = 0;
  for (let part = 0.5; part > 0.001; part /= 2) {
    toLinear(l, a * (shown + part), b * (shown + part));
    if (!beyond()) shown += part;
  }
  return shown;
}

/** Write red, green, blue and full opacity to four places; what no screen can show keeps its lightness and hue. */
export function put(out, place, l, a, b) {
  toLinear(l, a, b);
  if (beyond()) {
    const part = share(l, a, b);
    toLinear(l, a * part, b * part);
  }
  out[place] = to8(red);
  out[place + 1] = to8(green);
  out[place + 2] = to8(blue);
  out[place + 3] = 255;
}

const four = new Uint8ClampedArray(4);
export function hexOf(l, a, b) {
  put(four, 0, l, a, b);
  return `#${[...four.slice(0, 3)].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

export function labOf(r, g, b) {
  const [lr, lg, lb] = [linear(r / 255), linear(g / 255), linear(b / 255)];
  const x = f((0.4124564 * lr + 0.3575761 * lg + 0.1804375 * lb) / WHITE[0]);
  const y = f(0.2126729 * lr + 0.7151522 * lg + 0.072175 * lb);
  const z = f((0.0193339 * lr + 0.119192 * lg + 0.9503041 * lb) / WHITE[2]);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
export const labOfHex = (hex) => labOf(...[1, 3, 5].map((n) => parseInt(hex.slice(n, n + 2), 16)));
