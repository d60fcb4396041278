// The points and strokes on a photo: every change can be taken back.

const EMPTY = Object.freeze({ points: [], strokes: [] });

export class Marks extends EventTarget {
  constructor() {
    super();
    this.reset(EMPTY);
  }

  reset(now, quiet = false) {
    this.past = [];
    this.future = [];
    this.now = now;
    this.before = null;
    if (!quiet) this.#tell();
  }

  /** Change something; `passing` for what a gesture goes through, which undo jumps over. */
  set(now, passing = false) {
    if (this.before === null) this.before = this.now;
    this.now = now;
    if (!passing) this.keep();
    this.#tell();
  }

  /** The gesture has ended. */
  keep() {
    if (this.before !== null && this.before !== this.now) {
      this.past.push(this.before);
      this.future = [];
    }
    this.before = null;
    this.dispatchEvent(new Event("kept"));
  }

  /** The gesture was not meant: all is as before it. */
  takeBack() {
    if (this.before === null) return;
    this.now = this.before;
    this.before = null;
    this.#tell();
  }

  undo() {
    this.keep();
    return this.#go(this.past, this.future);
  }

  redo() {
    this.keep();
    return this.#go(this.future, this.past);
  }

  #go(from, to) {
    if (from.length === 0) return false;
    to.push(this.now);
    this.now = from.pop();
    this.#tell();
    this.dispatchEvent(new Event("kept"));
    return true;
  }

  add(kind, mark, passing) {
    this.set({ ...this.now, [kind]: [...this.now[kind], mark] }, passing);
    return { kind, index: this.now[kind].length - 1 };
  }

  change({ kind, index }, changes, passing) {
    const list = [...this.now[kind]];
    list[index] = { ...list[index], ...changes };
    this.set({ ...this.now, [kind]: list }, passing);
  }

  remove({ kind, index }) {
    this.set({ ...this.now, [kind]: this.now[kind].filter((_, n) => n !== index) });
  }

  get(chosen) {
    return chosen ? this.now[chosen.kind][chosen.index] : undefined;
  }

  /** Which mark lies within `near` of a place, the uppermost first: points over strokes, later ones over earlier ones. */
  at(x, y, near) {
    const { points, strokes } = this.now;
    const point = points.findLastIndex((p) => Math.hypot(p.x - x, p.y - y) <= Math.max(near, Math.min(p.radius, 3 * near)));
    if (point >= 0) return { kind: "points", index: point };
    // the line in the middle of a stroke: points can be put inside of a broad one
    const stroke = strokes.findLastIndex(({ path }) => path.some((end, n) => farFrom(path[Math.max(0, n - 1)], end, x, y) <= near));
    return stroke >= 0 ? { kind: "strokes", index: stroke } : null;
  }

  /** The one before or after another, as they were put: points, then strokes. */
  beside(chosen, step) {
    if (this.count === 0) return null;
    const { points } = this.now;
    const at = chosen === null ? (step > 0 ? -1 : 0) : chosen.index + (chosen.kind === "points" ? 0 : points.length);
    const next = (at + step + this.count) % this.count;
    return next < points.length ? { kind: "points", index: next } : { kind: "strokes", index: next - points.length };
  }

  get count() {
    return this.now.points.length + this.now.strokes.length;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** How far a place is from a line between two others. */
function farFrom([x0, y0], [x1, y1], x, y) {
  const long = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const along = long === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / long));
  return Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0));
}

/** Where a mark lies: a point's middle, a stroke's first place. */
export const placeOf = (mark) => (mark.path ? mark.path[0] : [mark.x, mark.y]);

/** What changes in a mark that is moved, as far as the photo reaches. */
export function moved(mark, across, down, photo) {
  const path = mark.path ?? [[mark.x, mark.y]];
  const within = (by, axis, side) => Math.min(side - 1 - Math.max(...path.map((at) => at[axis])), Math.max(-Math.min(...path.map((at) => at[axis])), by));
  const x = within(across, 0, photo.width), y = within(down, 1, photo.height);
  const there = path.map((at) => [at[0] + x, at[1] + y]), l = photo.lightness(...there[0]);
  return mark.path ? { path: there, l } : { x: there[0][0], y: there[0][1], l };
}
