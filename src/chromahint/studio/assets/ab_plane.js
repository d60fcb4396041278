// The plane of a and b at one lightness, as far as screens show it, laid into a square.

import { clippedOf, share } from "./cielab.js";

const TURNS = 180, FAR = 160; // directions from gray, and Lab units that no screen shows
const LEAST = 10, MARGIN = 1.06; // Lab units, and the side of the square as a multiple of the plane's
const COARSE = 3; // pixels of the canvas that are filled at once

/** Its border, and how it lies in a square of side 1: `place` of a color, across and down, and `color` of a place. */
export function planeAt(l) {
  const border = Array.from({ length: TURNS }, (_, turn) => {
    const angle = (turn * 2 * Math.PI) / TURNS, a = FAR * Math.cos(angle), b = FAR * Math.sin(angle), part = share(l, a, b);
    return [a * part, b * part];
  });
  const [low, high] = [Math.min, Math.max].map((most) => [0, 1].map((axis) => most(...border.map((each) => each[axis]))));
  const side = MARGIN * Math.max(LEAST, high[0] - low[0], high[1] - low[1]);
  const middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  return {
    border,
    place: (a, b) => [0.5 + (a - middle[0]) / side, 0.5 - (b - middle[1]) / side],
    color: (across, down) => [middle[0] + (across - 0.5) * side, middle[1] + (0.5 - down) * side],
  };
}

/** Draw it, with a ring around one color. */
export function drawPlane(canvas, l, { border, place, color }, chosen) {
  const pen = canvas.getContext("2d"), side = canvas.width, coarse = Math.floor(side / COARSE);
  const spot = ([a, b]) => place(a, b).map((share) => share * side);
  const small = new OffscreenCanvas(coarse, coarse), filled = new ImageData(coarse, coarse), pixels = new Int32Array(filled.data.buffer);
  for (let row = 0; row < coarse; row++) {
    for (let column = 0; column < coarse; column++) pixels[row * coarse + column] = clippedOf(l, ...color((column + 0.5) / coarse, (row + 0.5) / coarse));
  }
  small.getContext("2d").putImageData(filled, 0, 0);
  pen.clearRect(0, 0, side, side);
  pen.save();
  pen.beginPath();
  for (const each of border) pen.lineTo(...spot(each));
  pen.clip();
  pen.imageSmoothingQuality = "high";
  pen.drawImage(small, 0, 0, side, side);
  pen.restore();
  pen.beginPath();
  pen.arc(...spot(chosen), 13, 0, 2 * Math.PI);
  for (const [width, style] of [[6, "rgb(0 0 0 / .45)"], [3.5, "#fff"]]) {
    Object.assign(pen, { lineWidth: width, strokeStyle: style });
    pen.stroke();
  }
}
