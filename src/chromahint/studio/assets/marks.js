// The points and strokes on a photo: every change can be taken back, and all of it is a hint file.

import { hexOf, labOfHex } from "./lab.js";

const FORMAT = "chromahint-hints/1";
const EMPTY = Object.freeze({ points: [], strokes: [] });
// a colour's lightness is no hint: in the middle of the range eight bits tell most about the colour
const clear = (l) => Math.min(80, Math.max(35, l));

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

  get count() {
    return this.now.points.length + this.now.strokes.length;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

const round = (value) => Math.round(value * 100) / 100;

/** The text of a hint file, which `chromahint colorize --hints` takes too. */
export function toFile({ points, strokes }, photo = null) {
  return JSON.stringify({
    format: FORMAT,
    units: "px",
    ...(photo ? { photo: { name: photo.name, blake2b: photo.blake2b } } : {}),
    points: points.map((p) => ({
      x: round(p.x), y: round(p.y), color: p.grey ? "#808080" : hexOf(clear(p.l), p.a, p.b), radius: round(p.radius), keep_grey: p.grey,
    })),
    strokes: strokes.map((s) => ({
      points: s.path.map(([x, y]) => [round(x), round(y)]), color: s.grey ? "#808080" : hexOf(clear(s.l), s.a, s.b), radius: round(s.radius),
    })),
  });
}

/** Read a hint file for a photo; `lightness(x, y)` tells how light a place of it is. */
export function fromFile(text, photo, lightness) {
  const content = JSON.parse(text);
  if (content.format !== FORMAT) throw new Error(`This is no hint file: its format is not ${FORMAT}.`);
  const relative = content.units === "relative";
  const longer = Math.max(photo.width, photo.height);
  const inside = (v, side) => Math.min(side - 1, Math.max(0, relative ? v * side - 0.5 : v));
  const colour = (mark) => {
    const [, a, b] = mark.keep_grey ? [0, 0, 0] : labOfHex(mark.color);
    const grey = mark.keep_grey === true || /^#(..)\1\1$/.test(mark.color);
    return { a: grey ? 0 : a, b: grey ? 0 : b, grey, radius: (mark.radius ?? 0) * (relative ? longer : 1) };
  };
  const points = (content.points ?? []).map((p) => {
    const x = inside(p.x, photo.width), y = inside(p.y, photo.height);
    return { x, y, l: lightness(x, y), ...colour(p) };
  });
  const strokes = (content.strokes ?? []).map((s) => {
    const path = s.points.map(([x, y]) => [inside(x, photo.width), inside(y, photo.height)]);
    return { path, l: lightness(...path[0]), ...colour(s) };
  });
  return { marks: { points, strokes }, photo: content.photo ?? null };
}
