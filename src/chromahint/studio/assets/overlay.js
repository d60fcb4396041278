// @ts-check
// Draws points, strokes, and the keyboard cursor over the photo.

import { labToHex } from "./cielab.js";

/**
 * @import { Hint, Point, Position, Stroke } from "./annotations.js"
 *
 * @typedef {(x: number, y: number) => Position} ToScreen maps photo pixels to overlay pixels
 */

/**
 * Return the color of a dot, at a lightness at which small dots can be told apart.
 * @param {Hint} hint
 */
export const dotColor = ({ l, a, b }) => labToHex(Math.min(75, Math.max(45, l)), a, b);

/**
 * Marks that are switched off are faint.
 * @param {Hint} hint
 */
const opacity = ({ enabled }) => (enabled ? 1 : 0.4);

/**
 * Stroke the current path with several lines on top of each other.
 * @param {CanvasRenderingContext2D} context
 * @param {[width: number, style: string][]} lines
 */
function outline(context, lines) {
  for (const [width, style] of lines) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ToScreen} toScreen
 * @param {number} scale overlay pixels per photo pixel
 * @param {Stroke} stroke
 * @param {boolean} isSelected
 */
export function drawStroke(context, toScreen, scale, stroke, isSelected) {
  context.beginPath();
  stroke.path.forEach(([x, y], n) => context[n ? "lineTo" : "moveTo"](...toScreen(x, y)));
  const first = stroke.path[0];
  const last = stroke.path[stroke.path.length - 1];
  if (stroke.path.length === 1) context.lineTo(...toScreen(...first));
  context.lineCap = context.lineJoin = "round";
  const color = dotColor(stroke);
  if (isSelected) {
    context.globalAlpha = 0.55;
    outline(context, [[Math.max(3, 2 * stroke.radius * scale), color]]);
    context.globalAlpha = 1;
    for (const [x, y] of [toScreen(...first), toScreen(...last)]) {
      context.moveTo(x + 3, y);
      context.arc(x, y, 3, 0, 2 * Math.PI);
    }
  }
  context.globalAlpha = opacity(stroke);
  if (stroke.erases) context.setLineDash([5, 6]);
  outline(context, isSelected
    ? [[6, "rgb(0 0 0 / .4)"], [4, "#fff"], [2, color]]
    : [[4, "rgb(0 0 0 / .4)"], [2.5, "#fff"], [1, color]]);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ToScreen} toScreen
 * @param {number} scale overlay pixels per photo pixel
 * @param {Point} point
 * @param {boolean} isSelected
 */
export function drawPoint(context, toScreen, scale, point, isSelected) {
  const [x, y] = toScreen(point.x, point.y);
  const radius = isSelected ? 7 : 5;
  /** @param {number} size */
  const circle = (size) => {
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
  };
  context.globalAlpha = opacity(point);
  circle(radius);
  context.fillStyle = dotColor(point);
  context.fill();
  circle(radius + 1.2);
  outline(context, [[3.5, "rgb(0 0 0 / .45)"], [2, "#fff"]]);
  if (point.gray) {
    context.beginPath();
    context.moveTo(x - 3, y + 3);
    context.lineTo(x + 3, y - 3);
    outline(context, [[1.5, "#fff"]]);
  }
  context.globalAlpha = 1;
  if (!isSelected) return;
  circle(Math.max(11, point.radius * scale));
  outline(context, [[1, "rgb(255 255 255 / .8)"]]);
}

/**
 * Draw the outline of a part of the photo.
 * @param {CanvasRenderingContext2D} context
 * @param {ToScreen} toScreen
 * @param {Position[]} path
 */
export function drawOutline(context, toScreen, path) {
  context.beginPath();
  path.forEach(([x, y], n) => context[n ? "lineTo" : "moveTo"](...toScreen(x, y)));
  context.closePath();
  context.lineJoin = "round";
  outline(context, [[3, "rgb(0 0 0 / .5)"]]);
  context.setLineDash([6, 5]);
  outline(context, [[1.5, "#fff"]]);
  context.setLineDash([]);
}

/**
 * Draw a line that is not an annotation, such as that of the repair brush.
 * @param {CanvasRenderingContext2D} context
 * @param {ToScreen} toScreen
 * @param {Position[]} path
 * @param {number} width in overlay pixels
 */
export function drawTrace(context, toScreen, path, width) {
  context.beginPath();
  path.forEach(([x, y], n) => context[n ? "lineTo" : "moveTo"](...toScreen(x, y)));
  if (path.length === 1) context.lineTo(...toScreen(...path[0]));
  context.lineCap = context.lineJoin = "round";
  outline(context, [[Math.max(3, width), "rgb(214 40 40 / .5)"]]);
}

/**
 * Mark a place where a point would help.
 * @param {CanvasRenderingContext2D} context
 * @param {Position} position in overlay pixels
 */
export function drawTarget(context, [x, y]) {
  for (const radius of [9, 20]) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    outline(context, [[5, "rgb(0 0 0 / .5)"], [2.5, "#fff"]]);
  }
}

/**
 * Draw the keyboard cursor.
 * @param {CanvasRenderingContext2D} context
 * @param {Position} position in overlay pixels
 */
export function drawCursor(context, [x, y]) {
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + 4 * dx, y + 4 * dy);
    context.lineTo(x + 15 * dx, y + 15 * dy);
  }
  outline(context, [[4, "rgb(0 0 0 / .5)"], [2, "#fff"]]);
}
