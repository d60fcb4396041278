// Draws the points and strokes over the photo, and the cross that keys move.

import { hexOf } from "./cielab.js";

// in the middle of the range a small dot's color can be told
const dotOf = ({ l, a, b }) => hexOf(Math.min(75, Math.max(45, l)), a, b);

function outline(pen, styles) {
  for (const [width, style] of styles) {
    Object.assign(pen, { lineWidth: width, strokeStyle: style });
    pen.stroke();
  }
}

/**
 * @param pen of the overlay
 * @param spot from the photo's pixels to the overlay's
 * @param scale pixels of the overlay for one of the photo
 */
export function drawStroke(pen, spot, scale, stroke, isChosen) {
  pen.beginPath();
  stroke.path.forEach(([x, y], n) => pen[n ? "lineTo" : "moveTo"](...spot(x, y)));
  if (stroke.path.length === 1) pen.lineTo(...spot(...stroke.path[0]));
  pen.lineCap = pen.lineJoin = "round";
  if (isChosen) {
    pen.globalAlpha = 0.55;
    outline(pen, [[Math.max(3, 2 * stroke.radius * scale), dotOf(stroke)]]);
    pen.globalAlpha = 1;
  }
  if (isChosen) {
    for (const [x, y] of [spot(...stroke.path[0]), spot(...stroke.path.at(-1))]) {
      pen.moveTo(x + 3, y);
      pen.arc(x, y, 3, 0, 2 * Math.PI);
    }
  }
  outline(pen, [[isChosen ? 6 : 4, "rgb(0 0 0 / .4)"], [isChosen ? 4 : 2.5, "#fff"], [isChosen ? 2 : 1, dotOf(stroke)]]);
}

export function drawPoint(pen, spot, scale, point, isChosen) {
  const [x, y] = spot(point.x, point.y), side = isChosen ? 7 : 5;
  const circle = (radius) => {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
  };
  circle(side);
  pen.fillStyle = dotOf(point);
  pen.fill();
  circle(side + 1.2);
  outline(pen, [[3.5, "rgb(0 0 0 / .45)"], [2, "#fff"]]);
  if (point.gray) {
    pen.beginPath();
    pen.moveTo(x - 3, y + 3);
    pen.lineTo(x + 3, y - 3);
    outline(pen, [[1.5, "#fff"]]);
  }
  if (!isChosen) return;
  circle(Math.max(11, point.radius * scale));
  outline(pen, [[1, "rgb(255 255 255 / .8)"]]);
}

export function drawCross(pen, [x, y]) {
  pen.beginPath();
  for (const [across, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(x + 4 * across, y + 4 * down);
    pen.lineTo(x + 15 * across, y + 15 * down);
  }
  outline(pen, [[4, "rgb(0 0 0 / .5)"], [2, "#fff"]]);
}
