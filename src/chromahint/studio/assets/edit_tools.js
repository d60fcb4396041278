// What is done with the photo: points, strokes and taking colors, whether by pointer (pointers.js) or by keys (cursor.js).

import { drawCross, drawPoint, drawStroke } from "./overlay.js";
import { $, press, say } from "./dom.js";
import { labOf } from "./cielab.js";
import { moved } from "./marks.js";

export class Tools extends EventTarget {
  constructor(view, marks, picker) {
    super();
    Object.assign(this, { view, marks, picker, tool: "point", chosen: null, radius: 1, isHidden: false, drawn: null, cross: null });
    view.drawMarks = (pen, pane) => this.#draw(pen, pane);
    marks.addEventListener("change", () => {
      if ([this.chosen, this.drawn].some((each) => each && !marks.get(each))) this.release();
    });
  }

  use(tool) {
    this.tool = tool;
    this.view.stage.dataset.tool = tool;
    press($("tools"), tool);
  }

  choose(chosen) {
    this.chosen = chosen;
    const mark = this.marks.get(chosen);
    if (mark) this.picker.show(mark.l, mark.a, mark.b, mark.gray);
    this.view.touch();
    this.dispatchEvent(new Event("chosen"));
  }

  /** Whatever is being done with a mark ends here: it may not be there any more. */
  release() {
    this.drawn = null;
    this.dispatchEvent(new Event("released"));
    this.choose(null);
  }

  remove(target = this.chosen) {
    if (!this.marks.get(target)) return;
    this.release();
    this.marks.remove(target);
    say("removed");
  }

  hide(isHidden = !this.isHidden) {
    this.isHidden = isHidden;
    this.view.touch();
    say(isHidden ? "points and strokes are hidden" : "points and strokes are shown");
  }

  /** The mark within some pixels of the screen of a place of the photo. */
  under({ x, y }, near) {
    return this.isHidden ? null : this.marks.at(x, y, near / this.view.scale);
  }

  /** Put a point of the current color, which is then to be kept. */
  putPoint(x, y) {
    this.choose(this.marks.add("points", { x, y, radius: this.radius, ...this.#colorAt(x, y) }, true));
    return this.chosen;
  }

  /** Begin a stroke of the current color, which is then to be drawn on and kept. */
  beginStroke(x, y) {
    this.chosen = null;
    this.drawn = this.marks.add("strokes", { path: [[x, y]], radius: this.radius, ...this.#colorAt(x, y) }, true);
  }

  drawOn(places) {
    this.marks.change(this.drawn, { path: [...this.marks.get(this.drawn).path, ...places] }, true);
  }

  /** Move a mark from where it was. */
  carry(target, before, across, down) {
    const changes = moved(before, across, down, this.view.photo);
    this.marks.change(target, changes, true);
    this.picker.at(changes.l);
  }

  /** The gesture has ended. */
  keep(target) {
    this.drawn = null;
    this.picker.used();
    this.marks.keep();
    this.choose(target);
  }

  /** The gesture was not meant. */
  cancel() {
    this.release();
    this.marks.takeBack();
  }

  /** Take the color that is seen at a place, as `view.place` tells it. */
  pick(place) {
    const [l, a, b] = labOf(...this.view.colorAt(place));
    this.choose(null);
    this.picker.at(l);
    this.picker.choose(a, b);
    this.use("point");
    say("this color was taken");
  }

  #colorAt(x, y) {
    const l = this.view.photo.lightness(x, y), { a, b, gray } = this.picker;
    this.picker.at(l);
    return { l, a: gray ? 0 : a, b: gray ? 0 : b, gray };
  }

  #draw(pen, pane) {
    const { view, marks, chosen, drawn } = this, spot = (x, y) => view.spot(x, y, pane);
    const is = (mark, kind, index) => mark?.kind === kind && mark.index === index;
    if (!this.isHidden) {
      marks.now.strokes.forEach((stroke, n) => drawStroke(pen, spot, view.scale, stroke, is(chosen, "strokes", n) || is(drawn, "strokes", n)));
      marks.now.points.forEach((point, n) => drawPoint(pen, spot, view.scale, point, is(chosen, "points", n)));
    }
    if (this.cross) drawCross(pen, spot(...this.cross));
  }
}
