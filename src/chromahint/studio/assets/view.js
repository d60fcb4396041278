// What is seen of the photo: where it lies, how large, and beside what.

import { affordable, paintPhoto } from "./renderer.js";

const QUICK = 20, SHARP = 6e6; // milliseconds for a picture while something moves; pixels of one when it rests
const REST = 250;
const GAP = 12; // pixels between two panes
const KEEP = 60; // pixels of the photo that stay on the stage, however it is moved

export class View extends EventTarget {
  constructor(stage, canvases, overlay) {
    super();
    Object.assign(this, { stage, canvases, overlay, photo: null, mode: "single", wipe: 0.5, holding: false, scale: 1, x: 0, y: 0 });
    this.pictures = { a: { kind: "gray" }, b: { kind: "gray" } };
    this.stale = new Set();
    this.drawMarks = () => {};
    this.frame = 0;
    this.rest = 0;
    this.isQuick = false;
    new ResizeObserver(() => this.fit()).observe(stage);
  }

  show(photo) {
    this.photo = photo;
    this.pictures = { a: { kind: "gray" }, b: { kind: "gray" } };
    this.fit();
  }

  /** The panes that are seen: which picture, and where on the stage; two lie as the photo has more room. */
  get panes() {
    const { clientWidth: width, clientHeight: height } = this.stage, whole = { left: 0, top: 0, width, height };
    if (this.holding) return [{ slot: "b", ...whole }];
    if (this.mode === "single" || !this.photo) return [{ slot: "a", ...whole }];
    if (this.mode === "wipe") return [{ slot: "a", ...whole }, { slot: "b", ...whole }];
    const half = { width: Math.floor((width - GAP) / 2), height: Math.floor((height - GAP) / 2) };
    const room = (across, down) => Math.min(across / this.photo.width, down / this.photo.height);
    return 1.25 * room(half.width, height) >= room(width, half.height)
      ? [{ slot: "b", ...whole, width: half.width }, { slot: "a", ...whole, width: half.width, left: width - half.width }]
      : [{ slot: "b", ...whole, height: half.height }, { slot: "a", ...whole, height: half.height, top: height - half.height }];
  }

  fit() {
    if (!this.photo) return;
    const [{ width, height }] = this.panes;
    const room = width < 600 ? 12 : 28;
    this.fitted = this.scale = Math.max(1e-3, Math.min((width - 2 * room) / this.photo.width, (height - 2 * room) / this.photo.height, 4));
    this.x = (width - this.scale * this.photo.width) / 2;
    this.y = (height - this.scale * this.photo.height) / 2;
    this.refresh();
  }

  /** Larger or smaller about a place of a pane, or its middle. */
  zoom(factor, x = this.panes[0].width / 2, y = this.panes[0].height / 2) {
    if (!this.photo) return;
    const scale = Math.min(32, Math.max(this.fitted / 2, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.move(0, 0);
  }

  move(x, y) {
    const [{ width, height }] = this.panes, { photo, scale } = this;
    this.x = Math.min(width - KEEP, Math.max(KEEP - scale * photo.width, this.x + x));
    this.y = Math.min(height - KEEP, Math.max(KEEP - scale * photo.height, this.y + y));
    this.refresh();
  }

  /** Bring a place of the photo onto the stage, if it is not there. */
  reveal(x, y) {
    const [left, top] = this.spot(x, y), [pane] = this.panes, room = 24;
    const into = (at, from, side) => Math.max(0, from + room - at) - Math.max(0, at - (from + side - room));
    const across = into(left, pane.left, pane.width), down = into(top, pane.top, pane.height);
    if (across || down) this.move(across, down);
  }

  /** From the page to the photo's pixels, which picture of it, and whether that is on it; pixel centers are at integers. */
  place(clientX, clientY) {
    const box = this.stage.getBoundingClientRect(), { width, height } = this.photo;
    const pane = this.panes.findLast((each) => clientX - box.left >= each.left && clientY - box.top >= each.top) ?? this.panes[0];
    const slot = this.mode === "wipe" && !this.holding && (clientX - box.left) / box.width >= this.wipe ? "a" : pane.slot;
    const x = (clientX - box.left - pane.left - this.x) / this.scale - 0.5, y = (clientY - box.top - pane.top - this.y) / this.scale - 0.5;
    const isInside = x >= -0.5 && y >= -0.5 && x < width - 0.5 && y < height - 0.5;
    return { x: Math.min(width - 1, Math.max(0, x)), y: Math.min(height - 1, Math.max(0, y)), pane, slot, isInside };
  }

  /** From the photo's pixels to the stage, in a pane. */
  spot(x, y, pane = this.panes[0]) {
    return [pane.left + this.x + (x + 0.5) * this.scale, pane.top + this.y + (y + 0.5) * this.scale];
  }

  /** What a slot shows from now on; it is painted at once, for a person waits for it. */
  set(slot, picture) {
    if (picture.kind !== "colors" && picture.kind === this.pictures[slot].kind) return;
    this.pictures[slot] = picture;
    this.#paintSoon([slot]);
    this.#draw();
    if (picture.kind !== "colors") return;
    performance.clearMarks("painted");
    performance.mark("painted");
  }

  /** Where the photo lies has changed, or how it is compared. */
  refresh() {
    this.#paintSoon(["a", "b"]);
    this.touch();
  }

  /** What lies over the photo has changed. */
  touch() {
    this.frame ||= requestAnimationFrame(() => this.#draw());
  }

  #paintSoon(slots) {
    for (const slot of slots) this.stale.add(slot);
    this.isQuick = true;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      const before = this.#ratio();
      this.isQuick = false;
      if (this.#ratio() === before) return;
      this.stale = new Set(["a", "b"]);
      this.#draw();
    }, REST);
  }

  /** Pixels that are painted for one of the page: in steps, so that it does not change all the time. */
  #ratio() {
    const [pane] = this.panes, most = this.isQuick ? Math.min(SHARP, affordable(QUICK)) : SHARP;
    const seen = Math.min(pane.width, this.scale * this.photo.width) * Math.min(pane.height, this.scale * this.photo.height);
    const share = most / (seen * window.devicePixelRatio ** 2);
    return window.devicePixelRatio * Math.SQRT1_2 ** Math.max(0, Math.ceil(-Math.log2(share)));
  }

  #draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.photo) return;
    const { panes } = this, ratio = this.#ratio();
    for (const [slot, canvas] of Object.entries(this.canvases)) {
      const pane = panes.find((each) => each.slot === slot);
      canvas.hidden = !pane;
      if (!pane || !this.stale.delete(slot)) continue;
      for (const side of ["left", "top", "width", "height"]) canvas.style[side] = `${pane[side]}px`;
      resize(canvas, pane, ratio);
      paintPhoto(canvas, this.pictures[slot], this.photo, this.x * ratio, this.y * ratio, this.scale * ratio);
    }
    this.canvases.b.style.clipPath = this.mode === "wipe" && !this.holding ? `inset(0 ${100 * (1 - this.wipe)}% 0 0)` : "";
    this.#drawOverlay(panes);
  }

  #drawOverlay(panes) {
    const { overlay, stage } = this, ratio = window.devicePixelRatio;
    resize(overlay, { width: stage.clientWidth, height: stage.clientHeight }, ratio);
    const pen = overlay.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, overlay.width, overlay.height);
    if (this.holding) return;
    for (const pane of this.mode === "wipe" ? panes.slice(0, 1) : panes) {
      pen.save();
      pen.beginPath();
      pen.rect(pane.left, pane.top, pane.width, pane.height);
      pen.clip();
      this.drawMarks(pen, pane);
      pen.restore();
    }
  }

  /** The color that is seen at a place, as `place` tells it. */
  colorAt({ x, y, pane, slot }) {
    const canvas = this.canvases[slot], [left, top] = this.spot(x, y, pane), ratio = canvas.width / pane.width;
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    pen.drawImage(canvas, -Math.round((left - pane.left) * ratio), -Math.round((top - pane.top) * ratio));
    return pen.getImageData(0, 0, 1, 1).data;
  }
}

function resize(canvas, { width, height }, ratio) {
  const size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
}
