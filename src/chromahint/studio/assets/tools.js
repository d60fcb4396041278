// What pointers and keys do on the photo: points, strokes, moving, zooming.

import { $, press, say } from "./elements.js";
import { hexOf, labOf } from "./lab.js";

const NEAR = 12; // pixels of the screen

export class Tools extends EventTarget {
  constructor(view, marks, picker) {
    super();
    Object.assign(this, { view, marks, picker, tool: "point", chosen: null, radius: 1, isHidden: false, gesture: null, spaced: false, cursor: null });
    this.pointers = new Map();
    view.drawMarks = (pen, pane) => this.#draw(pen, pane);
    const { stage } = view;
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.#up(event));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = this.#onPane(event);
      view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), x, y);
    }, { passive: false });
    stage.addEventListener("keydown", (event) => this.#key(event));
    stage.addEventListener("blur", () => { this.cursor = null; view.drawOverlay(); });
    marks.addEventListener("change", () => {
      if (this.chosen && !marks.get(this.chosen)) this.choose(null);
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
    if (mark) this.picker.show(mark.l, mark.a, mark.b, mark.grey);
    this.view.drawOverlay();
    this.dispatchEvent(new Event("chosen"));
  }

  remove(target = this.chosen) {
    if (!target || !this.marks.get(target)) return;
    this.chosen = null;
    this.marks.remove(target);
    say("removed");
  }

  hide(isHidden = !this.isHidden) {
    this.isHidden = isHidden;
    this.view.drawOverlay();
  }

  #colour(l) {
    this.picker.at(l);
    const { a, b, grey } = this.picker;
    return { l, a: grey ? 0 : a, b: grey ? 0 : b, grey };
  }

  #onPane(event) {
    const box = this.view.stage.getBoundingClientRect(), place = this.view.place(event.clientX, event.clientY);
    return [event.clientX - box.left - place.pane.left, event.clientY - box.top];
  }

  /** The mark under the pointer, the uppermost first. */
  #under(event) {
    if (this.isHidden) return null;
    const { view, marks } = this, place = view.place(event.clientX, event.clientY), near = NEAR / view.scale;
    for (let index = marks.now.points.length - 1; index >= 0; index--) {
      const point = marks.now.points[index];
      if (Math.hypot(point.x - place.x, point.y - place.y) <= Math.max(near, Math.min(point.radius, 3 * near))) return { kind: "points", index };
    }
    for (let index = marks.now.strokes.length - 1; index >= 0; index--) {
      const { path, radius } = marks.now.strokes[index];
      if (path.some(([x, y]) => Math.hypot(x - place.x, y - place.y) <= Math.max(near / 2, radius))) return { kind: "strokes", index };
    }
    return null;
  }

  #down(event) {
    const { view, marks } = this;
    if (!view.photo || event.target.id === "divider") return;
    view.stage.focus({ preventScroll: true });
    this.cursor = null;
    view.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 2) {
      this.#cancel();
      this.gesture = { kind: "pinch" };
      return;
    }
    const under = this.#under(event), place = view.place(event.clientX, event.clientY);
    if (event.button === 2) {
      this.remove(under);
    } else if (event.button === 1 || this.spaced || this.tool === "hand") {
      this.gesture = { kind: "move" };
      view.stage.classList.add("moving");
    } else if (under?.kind === "points" && this.tool !== "brush" && this.tool !== "pick") {
      const point = marks.get(under);
      this.choose(under);
      this.gesture = { kind: "drag", under, off: [point.x - place.x, point.y - place.y] };
    } else if (!place.isInside) {
      this.choose(null);
    } else if (this.tool === "pick") {
      const [l, a, b] = labOf(...view.colourAt(place.x, place.y));
      this.choose(null);
      this.picker.at(l);
      this.picker.choose(a, b);
      this.use("point");
    } else if (this.tool === "brush") {
      const colour = this.#colour(view.lightness(place.x, place.y));
      this.gesture = { kind: "stroke", under: marks.add("strokes", { path: [[place.x, place.y]], radius: this.radius, ...colour }, true) };
      this.chosen = null;
    } else {
      const added = marks.add("points", { x: place.x, y: place.y, radius: this.radius, ...this.#colour(view.lightness(place.x, place.y)) }, true);
      this.gesture = { kind: "drag", under: added, off: [0, 0] };
      this.choose(added);
    }
  }

  #move(event) {
    const { view, marks, gesture } = this;
    if (!view.photo) return;
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      const under = this.#under(event);
      view.stage.classList.toggle("over", under?.kind === "points" && this.tool === "point");
      if (!this.chosen) this.#hover(event);
      return;
    }
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (gesture?.kind === "pinch") {
      this.#pinch(event, before);
    } else if (gesture?.kind === "move") {
      view.move(event.clientX - before[0], event.clientY - before[1]);
    } else if (gesture?.kind === "drag") {
      const place = view.place(event.clientX, event.clientY), { width, height } = view.photo;
      const x = Math.min(width - 1, Math.max(0, place.x + gesture.off[0])), y = Math.min(height - 1, Math.max(0, place.y + gesture.off[1]));
      const l = view.lightness(x, y);
      marks.change(gesture.under, { x, y, l }, true);
      this.picker.at(l);
    } else if (gesture?.kind === "stroke") {
      const path = [...marks.get(gesture.under).path];
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        const { x, y } = view.place(each.clientX, each.clientY), [lastX, lastY] = path.at(-1);
        if (Math.hypot(x - lastX, y - lastY) * view.scale >= 2) path.push([x, y]);
      }
      marks.change(gesture.under, { path }, true);
    }
  }

  #hover(event) {
    const place = this.view.place(event.clientX, event.clientY);
    if (place.isInside) this.picker.at(this.view.lightness(place.x, place.y));
  }

  #pinch(event, before) {
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length !== 1) return;
    const [[, other]] = others, now = [event.clientX, event.clientY];
    const far = (from) => Math.max(1, Math.hypot(from[0] - other[0], from[1] - other[1]));
    const [x, y] = this.#onPane({ clientX: (now[0] + other[0]) / 2, clientY: (now[1] + other[1]) / 2 });
    this.view.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.view.zoom(far(now) / far(before), x, y);
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.view.stage.classList.remove("moving");
    if (this.gesture?.kind === "pinch") {
      if (this.pointers.size === 0) this.gesture = null;
      return;
    }
    const { gesture } = this;
    this.gesture = null;
    if (gesture?.kind === "drag" || gesture?.kind === "stroke") {
      this.picker.used();
      this.marks.keep();
      this.choose(gesture.under);
    }
  }

  /** A second finger came: what the first one began was not meant. */
  #cancel() {
    const { marks } = this;
    if (marks.before !== null) {
      const { before } = marks;
      this.chosen = null;
      marks.set(before, true);
      marks.before = null;
    }
  }

  #key(event) {
    const { view, marks } = this;
    if (!view.photo || event.target !== view.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const { width, height } = view.photo;
    if (way) {
      event.preventDefault();
      const step = (event.shiftKey ? 48 : 8) / view.scale;
      const [x, y] = this.cursor ?? [width / 2, height / 2];
      this.cursor = [Math.min(width - 1, Math.max(0, x + step * way[0])), Math.min(height - 1, Math.max(0, y + step * way[1]))];
      if (!this.chosen) this.picker.at(view.lightness(...this.cursor));
      say(`${Math.round(this.cursor[0])} across, ${Math.round(this.cursor[1])} down`);
      view.drawOverlay();
    } else if (event.key === "Enter" && this.cursor) {
      event.preventDefault();
      const [x, y] = this.cursor, colour = this.#colour(view.lightness(x, y));
      this.choose(marks.add("points", { x, y, radius: this.radius, ...colour }, false));
      this.picker.used();
      say("a point was put here");
    }
  }

  #draw(pen, pane) {
    const { view, marks } = this;
    if (!this.isHidden) {
      marks.now.strokes.forEach((stroke, index) => {
        const isChosen = this.chosen?.kind === "strokes" && this.chosen.index === index;
        const isDrawn = this.gesture?.kind === "stroke" && this.gesture.under.index === index;
        pen.beginPath();
        stroke.path.forEach(([x, y], n) => pen[n ? "lineTo" : "moveTo"](...view.spot(x, y, pane)));
        if (stroke.path.length === 1) pen.lineTo(...view.spot(...stroke.path[0], pane));
        pen.lineCap = pen.lineJoin = "round";
        if (isDrawn || isChosen) {
          pen.globalAlpha = 0.55;
          pen.lineWidth = Math.max(3, 2 * stroke.radius * view.scale);
          pen.strokeStyle = hexOf(stroke.l, stroke.a, stroke.b);
          pen.stroke();
          pen.globalAlpha = 1;
        }
        for (const [width, style] of [[3, "rgb(0 0 0 / .4)"], [1.5, "rgb(255 255 255 / .85)"]]) Object.assign(pen, { lineWidth: width, strokeStyle: style }), pen.stroke();
      });
      marks.now.points.forEach((point, index) => {
        const isChosen = this.chosen?.kind === "points" && this.chosen.index === index, [x, y] = view.spot(point.x, point.y, pane);
        const circle = (radius, width, style) => {
          pen.beginPath();
          pen.arc(x, y, radius, 0, 2 * Math.PI);
          Object.assign(pen, { lineWidth: width, strokeStyle: style });
          pen.stroke();
        };
        pen.beginPath();
        pen.arc(x, y, isChosen ? 7 : 5, 0, 2 * Math.PI);
        pen.fillStyle = hexOf(Math.min(75, Math.max(40, point.l)), point.a, point.b);
        pen.fill();
        circle(isChosen ? 8.5 : 6, 3.5, "rgb(0 0 0 / .45)");
        circle(isChosen ? 8.5 : 6, 2, "#fff");
        if (isChosen) circle(Math.max(11, point.radius * view.scale), 1, "rgb(255 255 255 / .8)");
      });
    }
    if (this.cursor && pane.slot === "a") {
      const [x, y] = view.spot(...this.cursor, pane);
      for (const [width, style] of [[4, "rgb(0 0 0 / .5)"], [2, "#fff"]]) {
        pen.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          pen.moveTo(x + 4 * dx, y + 4 * dy);
          pen.lineTo(x + 15 * dx, y + 15 * dy);
        }
        Object.assign(pen, { lineWidth: width, strokeStyle: style });
        pen.stroke();
      }
    }
  }
}
