// @ts-check
// Where points and strokes are, and where they are when they have been moved.

/**
 * @import { Annotation, Position } from "./annotations.js"
 * @import { Photo } from "./photo.js"
 */

/**
 * Distance of a position from a line segment.
 * @param {Position} start
 * @param {Position} end
 * @param {number} x
 * @param {number} y
 */
export function segmentDistance([x0, y0], [x1, y1], x, y) {
  const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const projection = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, projection));
  return Math.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0));
}

/**
 * Whether a position is inside of an outline.
 * @param {Position[]} outline
 * @param {Position} position
 */
function isInside(outline, [x, y]) {
  let crossings = 0;
  outline.forEach(([x1, y1], n) => {
    const [x0, y0] = outline[(n || outline.length) - 1];
    if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) crossings++;
  });
  return crossings % 2 === 1;
}

/**
 * Return the position of a point, or the start of a stroke.
 * @param {Annotation} annotation
 * @returns {Position}
 */
export const positionOf = (annotation) =>
  ("path" in annotation ? annotation.path[0] : [annotation.x, annotation.y]);

/**
 * Return the properties that change if an annotation is moved, within the photo. It keeps its area unless it leaves it.
 * @param {Annotation} annotation
 * @param {number} dx
 * @param {number} dy
 * @param {Photo} photo
 * @returns {{ l: number, area: Position[] | null } & ({ path: Position[] } | { x: number, y: number })}
 */
export function translated(annotation, dx, dy, photo) {
  /** @type {Position[]} */
  const path = "path" in annotation ? annotation.path : [[annotation.x, annotation.y]];
  /**
   * @param {number} shift
   * @param {0 | 1} axis
   * @param {number} size
   */
  const limit = (shift, axis, size) => {
    const coordinates = path.map((position) => position[axis]);
    return Math.min(size - 1 - Math.max(...coordinates), Math.max(-Math.min(...coordinates), shift));
  };
  const shiftX = limit(dx, 0, photo.scan_width);
  const shiftY = limit(dy, 1, photo.scan_height);
  const shifted = path.map(([x, y]) => /** @type {Position} */ ([x + shiftX, y + shiftY]));
  const [x, y] = shifted[0];
  const l = photo.lightness(x, y);
  const area = annotation.area && isInside(annotation.area, [x, y]) ? annotation.area : null;
  return "path" in annotation ? { path: shifted, l, area } : { x, y, l, area };
}
