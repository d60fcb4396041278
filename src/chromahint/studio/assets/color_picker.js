// The colors that a place of the photo can have: the plane at its lightness, and colors to take at once.

import { el } from "./dom.js";
import { WAYS } from "./shortcuts.js";
import { hexOf, share } from "./cielab.js";
import { drawPlane, planeAt } from "./ab_plane.js";

const EVERYDAY = [
  ["skin", 15, 18], ["tanned skin", 19, 28], ["lips", 42, 18], ["brick", 36, 32], ["wood", 14, 30], ["sand", 4, 20], ["gold", 10, 62], ["grass", -24, 38],
  ["leaves", -34, 32], ["water", -18, -14], ["sky", -6, -32], ["denim", 4, -36], ["violet", 30, -36], ["rose", 34, -4], ["wine red", 46, 20], ["orange", 32, 62],
];
const RECENT = 8, LATER = 60; // milliseconds after which the plane of another lightness is drawn
const clear = (l) => Math.min(78, Math.max(52, l)); // a color can be told there, also where it stands for a dark place

export class Picker extends EventTarget {
  constructor(plane, swatches, sample) {
    super();
    Object.assign(this, { plane, swatches, sample, l: 60, a: 36, b: 32, gray: false, recent: [], suggested: [], later: 0 });
    const pick = (event) => {
      const box = plane.getBoundingClientRect();
      this.choose(...this.lies.color((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height), true);
    };
    plane.addEventListener("pointerdown", (event) => { plane.setPointerCapture(event.pointerId); pick(event); });
    plane.addEventListener("pointermove", (event) => { if (event.buttons) pick(event); });
    plane.addEventListener("pointerup", () => this.#kept());
    plane.addEventListener("keydown", (event) => {
      const way = WAYS[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 10 : 2;
      this.choose(this.a + step * way[0], this.b - step * way[1]);
    });
    this.draw();
  }

  /** Stand for a place of that lightness. */
  at(l) {
    if (Math.abs(l - this.l) < 1) return;
    this.l = l;
    this.later ||= setTimeout(() => this.draw(), LATER);
  }

  /** Show a mark's color without choosing it anew. */
  show(l, a, b, gray) {
    Object.assign(this, { l, gray });
    if (!gray) Object.assign(this, { a, b });
    this.draw();
  }

  choose(a, b, passing = false) {
    const part = share(this.l, a, b);
    Object.assign(this, { a: a * part, b: b * part, gray: false });
    this.draw();
    this.dispatchEvent(new CustomEvent("choose", { detail: { passing } }));
  }

  keepGray(gray) {
    this.gray = gray;
    this.draw();
    this.dispatchEvent(new CustomEvent("choose", { detail: { passing: false } }));
  }

  #kept() {
    this.dispatchEvent(new CustomEvent("choose", { detail: { passing: false } }));
  }

  /** The color was used: it stands first among the recent ones. */
  used() {
    if (this.gray) return;
    const same = ([a, b]) => Math.hypot(a - this.a, b - this.b) < 3;
    if (this.recent.length && same(this.recent[0])) return;
    this.recent = [[this.a, this.b], ...this.recent.filter((each) => !same(each))].slice(0, RECENT);
    this.drawSwatches();
  }

  suggest(colors) {
    this.suggested = colors;
    this.drawSwatches();
  }

  draw() {
    clearTimeout(this.later);
    this.later = 0;
    const { plane, l } = this, part = share(l, this.a, this.b), [a, b] = this.gray ? [0, 0] : [this.a * part, this.b * part];
    this.lies = planeAt(l);
    drawPlane(plane, l, this.lies, [a, b]);
    const hex = hexOf(l, a, b);
    this.sample.style.background = hex;
    plane.setAttribute("aria-valuenow", String(Math.round(Math.hypot(a, b))));
    plane.setAttribute("aria-valuetext", this.gray ? "gray" : `color ${hex}`);
    this.drawSwatches();
  }

  drawSwatches() {
    const rows = { suggested: this.suggested, recent: this.recent.map(([a, b]) => ["recent", a, b]), everyday: EVERYDAY };
    for (const [name, colors] of Object.entries(rows)) {
      const box = this.swatches[name];
      box.parentElement.hidden = colors.length === 0;
      while (box.children.length > colors.length) box.lastChild.remove();
      colors.forEach(([title, a, b], place) => {
        let button = box.children[place];
        if (!button) {
          button = el("button", { type: "button", click: () => this.choose(button.color[0], button.color[1]) });
          box.append(button);
        }
        const hex = hexOf(clear(this.l), a, b);
        button.color = [a, b];
        if (button.title === title && button.dataset.hex === hex) return;
        button.dataset.hex = hex;
        button.title = title;
        button.setAttribute("aria-label", `${title}, ${hex}`);
        button.style.background = hex;
      });
    }
  }
}
