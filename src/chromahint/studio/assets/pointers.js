// Mouse, pen and fingers on the photo.

const NEAR = { mouse: 12, pen: 14, touch: 22 }, NEAR_LINE = 0.6; // pixels of the screen
const STEP = 2; // pixels of the screen between two places of a stroke

// buttons and the wipe lie on the photo, and are no part of it
const isOnTop = ({ target }) => target.closest("button, #divider") !== null;

export class Pointers {
  constructor(view, tools) {
    Object.assign(this, { view, tools, gesture: null, spaced: false, down: new Map() });
    const { stage } = view;
    tools.addEventListener("released", () => { this.gesture = null; });
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.#up(event));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (view.photo) view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...this.#onPane(event.clientX, event.clientY));
    }, { passive: false });
  }

  #onPane(x, y) {
    const box = this.view.stage.getBoundingClientRect(), { pane } = this.view.place(x, y);
    return [x - box.left - pane.left, y - box.top - pane.top];
  }

  #under(event, place) {
    const near = NEAR[event.pointerType] ?? NEAR.mouse, { tools } = this;
    const point = tools.under(place, near);
    return point?.kind === "strokes" ? tools.under(place, near * NEAR_LINE) : point;
  }

  #down(event) {
    const { view, tools } = this;
    if (!view.photo || isOnTop(event)) return;
    view.stage.focus({ preventScroll: true });
    view.stage.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.down.size === 2) {
      // a second finger came: what the first one began was not meant
      if (this.gesture?.target) tools.cancel();
      this.gesture = { kind: "pinch" };
    }
    if (this.down.size > 1) return;
    const place = view.place(event.clientX, event.clientY), under = this.#under(event, place);
    if (event.button === 2) {
      tools.remove(under);
    } else if (event.button === 1 || this.spaced || tools.tool === "hand") {
      this.gesture = { kind: "move" };
      view.stage.classList.add("moving");
    } else if (under && tools.tool === "point") {
      tools.choose(under);
      this.gesture = { kind: "carry", target: under, before: tools.marks.get(under), from: place };
    } else if (!place.isInside) {
      tools.choose(null);
    } else if (tools.tool === "pick") {
      tools.pick(place);
    } else if (tools.tool === "brush") {
      tools.beginStroke(place.x, place.y);
      this.gesture = { kind: "stroke", target: tools.drawn };
    } else {
      const target = tools.putPoint(place.x, place.y);
      this.gesture = { kind: "carry", target, before: tools.marks.get(target), from: place };
    }
  }

  #move(event) {
    const { view, tools, gesture } = this;
    if (!view.photo || isOnTop(event)) return;
    const before = this.down.get(event.pointerId), place = view.place(event.clientX, event.clientY);
    if (!before) {
      view.stage.classList.toggle("over", tools.tool === "point" && this.#under(event, place) !== null);
      if (!tools.chosen && place.isInside) tools.picker.at(view.photo.lightness(place.x, place.y));
      return;
    }
    this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (gesture?.kind === "pinch") this.#pinch(event, before);
    else if (gesture?.kind === "move") view.move(event.clientX - before[0], event.clientY - before[1]);
    else if (gesture?.kind === "carry") tools.carry(gesture.target, gesture.before, place.x - gesture.from.x, place.y - gesture.from.y);
    else if (gesture?.kind === "stroke") this.#draw(event);
  }

  #draw(event) {
    const { view, tools } = this, places = [];
    let last = tools.marks.get(tools.drawn).path.at(-1);
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const { x, y } = view.place(each.clientX, each.clientY);
      if (Math.hypot(x - last[0], y - last[1]) * view.scale < STEP) continue;
      last = [x, y];
      places.push(last);
    }
    if (places.length) tools.drawOn(places);
  }

  #pinch(event, before) {
    const others = [...this.down].filter(([id]) => id !== event.pointerId);
    if (others.length !== 1) return;
    const [[, other]] = others, now = [event.clientX, event.clientY];
    const far = (from) => Math.max(1, Math.hypot(from[0] - other[0], from[1] - other[1]));
    this.view.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.view.zoom(far(now) / far(before), ...this.#onPane((now[0] + other[0]) / 2, (now[1] + other[1]) / 2));
  }

  #up(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { gesture } = this;
    if (gesture?.kind === "pinch" && this.down.size > 0) return;
    this.view.stage.classList.remove("moving");
    this.gesture = null;
    if (gesture?.target && event.type === "pointercancel") this.tools.cancel();
    else if (gesture?.target) this.tools.keep(gesture.target);
  }
}
