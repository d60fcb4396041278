// Keys on the photo: a cross that arrows move, and all that a pointer can do at it.

import { say } from "./dom.js";
import { WAYS } from "./shortcuts.js";
import { placeOf } from "./marks.js";

const STEP = 8, FAR = 48, NEAR = 10; // pixels of the screen

export class Cursor {
  constructor(view, tools) {
    Object.assign(this, { view, tools, carried: null, isDrawing: false });
    tools.addEventListener("released", () => Object.assign(this, { carried: null, isDrawing: false }));
    view.stage.addEventListener("keydown", (event) => this.#key(event));
    for (const end of ["blur", "pointerdown"]) view.stage.addEventListener(end, () => this.#leave());
  }

  /** Choose the next or the previous mark. */
  walk(step) {
    const { tools, view } = this;
    this.#drop();
    const target = tools.marks.beside(tools.chosen, step);
    if (target === null) return say("There are no points yet.");
    view.stage.focus({ preventScroll: true });
    this.#moveTo(placeOf(tools.marks.get(target)));
    tools.choose(target);
    say(`${target.kind === "points" ? "point" : "stroke"} ${target.index + 1}`);
  }

  /** End what Enter has begun; what was carried goes back. Returns whether there was something. */
  escape() {
    const isBusy = this.carried !== null || this.isDrawing;
    if (isBusy) this.tools.cancel();
    return isBusy;
  }

  #key(event) {
    const { view, tools } = this;
    if (!view.photo || event.target !== view.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = WAYS[event.key];
    if (way) {
      event.preventDefault();
      const step = event.shiftKey ? FAR : STEP;
      if (tools.tool === "hand") view.move(-way[0] * step * 4, -way[1] * step * 4);
      else this.#step(way, step / view.scale);
    } else if (event.key === "Enter" && tools.cross) {
      event.preventDefault();
      this.#enter();
    }
  }

  #step(way, step) {
    const { view, tools } = this, { width, height } = view.photo;
    const [x, y] = tools.cross ?? [(width - 1) / 2, (height - 1) / 2];
    this.#moveTo([Math.min(width - 1, Math.max(0, x + step * way[0])), Math.min(height - 1, Math.max(0, y + step * way[1]))]);
    const [left, top] = tools.cross;
    if (this.carried) tools.carry(this.carried.target, this.carried.before, left - this.carried.from[0], top - this.carried.from[1]);
    else if (this.isDrawing) tools.drawOn([tools.cross]);
    else if (!tools.chosen) tools.picker.at(view.photo.lightness(left, top));
    say(`${Math.round(left)} across, ${Math.round(top)} down`);
  }

  #enter() {
    const { view, tools } = this, [x, y] = tools.cross, under = tools.under({ x, y }, NEAR);
    if (this.carried) {
      this.#drop();
      say("put down");
    } else if (this.isDrawing) {
      this.#drop();
      say("the stroke has ended");
    } else if (tools.tool === "pick") {
      tools.pick({ x, y, pane: view.panes[0], slot: view.panes[0].slot });
    } else if (tools.tool === "brush") {
      tools.beginStroke(x, y);
      this.isDrawing = true;
      say("a stroke begins: arrows draw it, Enter ends it");
    } else if (under) {
      this.carried = { target: under, before: tools.marks.get(under), from: [x, y] };
      tools.choose(under);
      say("taken up: arrows move it, Enter puts it down");
    } else {
      tools.keep(tools.putPoint(x, y));
      say("a point was put here");
    }
  }

  #drop() {
    const { carried, isDrawing, tools } = this;
    this.carried = null;
    this.isDrawing = false;
    if (carried) tools.keep(carried.target);
    else if (isDrawing) tools.keep(tools.drawn);
  }

  #moveTo(cross) {
    this.tools.cross = cross;
    this.view.reveal(...cross);
    this.view.touch();
  }

  #leave() {
    this.#drop();
    this.tools.cross = null;
    this.view.touch();
  }
}
