// @ts-check
// The viewport: which part of the photo is visible, how large it is, and what it is compared with.

import { context2d, resizeCanvas } from "./dom.js";
import { layOutPanes } from "./panes.js";
import { pixelBudget, renderPhoto } from "./renderer.js";

/**
 * @import { Position } from "./annotations.js"
 * @import { Mode, Pane, Slot } from "./panes.js"
 * @import { Photo } from "./photo.js"
 * @import { Picture } from "./renderer.js"
 *
 * @typedef {object} Spot what lies under a pointer
 * @property {number} x in pixels of the scan, clamped to the photo; pixel centers are at integers
 * @property {number} y
 * @property {Pane} pane
 * @property {Slot} slot which picture is visible there
 * @property {boolean} isInside whether it is on the photo
 */

const FRAME_TIME = 20; // milliseconds for drawing while something moves
const MAX_PIXELS = 6e6; // of a canvas at rest
const REST_DELAY = 250; // milliseconds
const BAR_HEIGHT = 52; // of the buttons at the bottom of the stage, with the space around them
const MIN_VISIBLE = 60; // pixels of the photo that stay on the stage

/** @type {Slot[]} */
const SLOTS = ["a", "b"];

/** Events: "move" when the photo was moved or zoomed, or its place on the page has changed. */
export class View extends EventTarget {
  /** @type {Photo | null} */
  photo = null;
  /** @type {Mode} */
  mode = "single";
  dividerPosition = 0.5; // 0..1, in the mode "split"
  showsOnlyOther = false; // while a person holds the button to compare
  scale = 1; // stage pixels per photo pixel
  x = 0; // left edge of the photo in a pane
  y = 0;
  /** @type {(context: CanvasRenderingContext2D, pane: Pane) => void} */
  drawAnnotations = () => {};

  /** @type {Record<Slot, Picture>} */
  #pictures = { a: { kind: "gray" }, b: { kind: "gray" } };
  /** @type {Set<Slot>} */
  #stale = new Set();
  #fitScale = 1;
  #frame = 0;
  #restTimer = 0;
  #isMoving = false;
  #canvases;
  #overlay;

  /**
   * @param {HTMLElement} stage
   * @param {Record<Slot, HTMLCanvasElement>} canvases
   * @param {HTMLCanvasElement} overlay
   */
  constructor(stage, canvases, overlay) {
    super();
    this.stage = stage;
    this.#canvases = canvases;
    this.#overlay = overlay;
    new ResizeObserver(() => this.fit()).observe(stage);
  }

  /**
   * Show a photo, in gray until its colors come.
   * @param {Photo} photo
   */
  show(photo) {
    this.photo = photo;
    this.#pictures = { a: { kind: "gray" }, b: { kind: "gray" } };
    this.fit();
  }

  /**
   * Show another version of the same photo; one of the same size stays where it is.
   * @param {Photo} photo
   */
  replace(photo) {
    const isSameSize = photo.width === this.photo?.width && photo.height === this.photo.height;
    this.photo = photo;
    if (isSameSize) this.refresh();
    else this.show(photo);
  }

  /**
   * The visible panes.
   * @returns {[Pane, ...Pane[]]}
   */
  get panes() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (this.showsOnlyOther) return [{ slot: "b", left: 0, top: 0, width, height }];
    const { photo } = this;
    return layOutPanes(photo ? this.mode : "single", { width, height }, photo ?? { width: 1, height: 1 });
  }

  /** Show the whole photo. */
  fit() {
    const { photo } = this;
    if (!photo) return;
    const [{ width, height }] = this.panes;
    const margin = width < 600 ? 12 : 28;
    const visible = height - margin - BAR_HEIGHT;
    const scale = Math.min((width - 2 * margin) / photo.width, visible / photo.height, 4);
    this.#fitScale = this.scale = Math.max(1e-3, scale);
    this.x = (width - this.scale * photo.width) / 2;
    this.y = margin + (visible - this.scale * photo.height) / 2;
    this.refresh();
  }

  /**
   * Zoom in or out around a position in a pane, which is its center by default.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x = this.panes[0].width / 2, y = this.panes[0].height / 2) {
    if (!this.photo) return;
    const scale = Math.min(32, Math.max(this.#fitScale / 2, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.pan(0, 0);
  }

  /**
   * Move the photo.
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    const { photo, scale } = this;
    if (!photo) return;
    const [{ width, height }] = this.panes;
    this.x = Math.min(width - MIN_VISIBLE, Math.max(MIN_VISIBLE - scale * photo.width, this.x + dx));
    this.y = Math.min(height - MIN_VISIBLE, Math.max(MIN_VISIBLE - scale * photo.height, this.y + dy));
    this.refresh();
  }

  /**
   * Move the photo so that a position in it becomes visible.
   * @param {number} x
   * @param {number} y
   */
  reveal(x, y) {
    const [left, top] = this.toStage(x, y);
    const [pane] = this.panes;
    const margin = 24;
    /**
     * @param {number} position
     * @param {number} start
     * @param {number} size
     */
    const shift = (position, start, size) =>
      Math.max(0, start + margin - position) - Math.max(0, position - (start + size - margin));
    const dx = shift(left, pane.left, pane.width);
    const dy = shift(top, pane.top, pane.height);
    if (dx || dy) this.pan(dx, dy);
  }

  /**
   * Map a position on the page to the photo.
   * @param {number} clientX
   * @param {number} clientY
   * @returns {Spot}
   */
  toPhoto(clientX, clientY) {
    const { width, height } = this.photo ?? { width: 1, height: 1 };
    const box = this.stage.getBoundingClientRect();
    const stageX = clientX - box.left;
    const stageY = clientY - box.top;
    const { panes } = this;
    const pane = panes.findLast((each) => stageX >= each.left && stageY >= each.top) ?? panes[0];
    const isRightOfDivider = stageX / box.width >= this.dividerPosition;
    const slot = this.mode === "split" && !this.showsOnlyOther && isRightOfDivider ? "a" : pane.slot;
    const x = (stageX - pane.left - this.x) / this.scale - 0.5;
    const y = (stageY - pane.top - this.y) / this.scale - 0.5;
    /** @type {Position} */
    const inPicture = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
    const [scanX, scanY] = this.photo?.toScan(...inPicture) ?? inPicture;
    return {
      x: scanX,
      y: scanY,
      pane,
      slot,
      isInside: x >= -0.5 && y >= -0.5 && x < width - 0.5 && y < height - 0.5,
    };
  }

  /**
   * Map a position in the scan to the stage.
   * @param {number} x
   * @param {number} y
   * @param {Pane} [pane]
   * @returns {Position}
   */
  toStage(x, y, pane = this.panes[0]) {
    const [left, top] = this.photo?.toPicture(x, y) ?? [x, y];
    return [pane.left + this.x + (left + 0.5) * this.scale, pane.top + this.y + (top + 0.5) * this.scale];
  }

  /**
   * Change the picture in a slot. It is drawn at once, since a person is waiting for it.
   * @param {Slot} slot
   * @param {Picture} picture
   */
  setPicture(slot, picture) {
    if (picture.kind !== "colors" && picture.kind === this.#pictures[slot].kind) return;
    this.#pictures[slot] = picture;
    this.#invalidate([slot]);
    this.#draw();
    if (picture.kind !== "colors") return;
    performance.clearMarks("drawn");
    performance.mark("drawn");
  }

  /** Redraw everything: the photo has moved, or it is compared in another way. */
  refresh() {
    this.#invalidate(SLOTS);
    this.refreshOverlay();
    this.dispatchEvent(new Event("move"));
  }

  /** Redraw what lies over the photo. */
  refreshOverlay() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** @param {Slot[]} slots */
  #invalidate(slots) {
    for (const slot of slots) this.#stale.add(slot);
    this.#isMoving = true;
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      const previous = this.#pixelRatio();
      this.#isMoving = false;
      if (this.#pixelRatio() === previous) return;
      this.#stale = new Set(SLOTS);
      this.#draw();
    }, REST_DELAY);
  }

  /** Canvas pixels per stage pixel: in coarse steps, so that it does not change all the time. */
  #pixelRatio() {
    const { photo } = this;
    if (!photo) return window.devicePixelRatio;
    const [pane] = this.panes;
    const budget = this.#isMoving ? Math.min(MAX_PIXELS, pixelBudget(FRAME_TIME)) : MAX_PIXELS;
    const visibleWidth = Math.min(pane.width, this.scale * photo.width);
    const visibleHeight = Math.min(pane.height, this.scale * photo.height);
    const share = budget / (visibleWidth * visibleHeight * window.devicePixelRatio ** 2);
    return window.devicePixelRatio * Math.SQRT1_2 ** Math.max(0, Math.ceil(-Math.log2(share)));
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { photo } = this;
    if (!photo) return;
    const { panes } = this;
    const ratio = this.#pixelRatio();
    for (const slot of SLOTS) {
      const canvas = this.#canvases[slot];
      const pane = panes.find((each) => each.slot === slot);
      canvas.hidden = !pane;
      if (!pane || !this.#stale.delete(slot)) continue;
      canvas.style.left = `${pane.left}px`;
      canvas.style.top = `${pane.top}px`;
      canvas.style.width = `${pane.width}px`;
      canvas.style.height = `${pane.height}px`;
      resizeCanvas(canvas, pane, ratio);
      renderPhoto(canvas, this.#pictures[slot], photo, this.x * ratio, this.y * ratio, this.scale * ratio);
    }
    const isSplit = this.mode === "split" && !this.showsOnlyOther;
    this.#canvases.b.style.clipPath = isSplit ? `inset(0 ${100 * (1 - this.dividerPosition)}% 0 0)` : "";
    this.#drawOverlay(panes);
  }

  /** @param {Pane[]} panes */
  #drawOverlay(panes) {
    const overlay = this.#overlay;
    const ratio = window.devicePixelRatio;
    resizeCanvas(overlay, { width: this.stage.clientWidth, height: this.stage.clientHeight }, ratio);
    const context = context2d(overlay);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, overlay.width, overlay.height);
    if (this.showsOnlyOther) return;
    for (const pane of this.mode === "split" ? panes.slice(0, 1) : panes) {
      context.save();
      context.beginPath();
      context.rect(pane.left, pane.top, pane.width, pane.height);
      context.clip();
      this.drawAnnotations(context, pane);
      context.restore();
    }
  }

  /**
   * Return the visible color at a position.
   * @param {Omit<Spot, "isInside">} spot
   * @returns {[red: number, green: number, blue: number]} 0..255
   */
  colorAt({ x, y, pane, slot }) {
    const canvas = this.#canvases[slot];
    const [left, top] = this.toStage(x, y, pane);
    const ratio = canvas.width / pane.width;
    const context = context2d(new OffscreenCanvas(1, 1), { willReadFrequently: true });
    context.drawImage(canvas, -Math.round((left - pane.left) * ratio), -Math.round((top - pane.top) * ratio));
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue];
  }
}
