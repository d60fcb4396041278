// What is seen of the photo: where it lies, how large, and beside what.

import { LIGHTNESS } from "./lab.js";
import { paint } from "./paint.js";

const QUICK = 1.3e6, SHARP = 6e6; // pixels that are painted while something moves, and when it rests
const REST = 250;
const LOOKUP = 1024;

/** A photo's grey picture with smaller ones of itself, to be drawn from at any zoom. */
async function levelsOf(bitmap) {
  const levels = [bitmap];
  for (let last = bitmap; last.width > 1600 || last.height > 1600; levels.push(last)) {
    last = await createImageBitmap(last, { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2), resizeQuality: "high" });
  }
  return levels;
}

export class View extends EventTarget {
  constructor(stage, canvases, overlay) {
    super();
    Object.assign(this, { stage, canvases, overlay, photo: null, mode: "single", wipe: 0.5, holding: false, scale: 1, x: 0, y: 0 });
    this.pictures = { a: { kind: "grey" }, b: { kind: "grey" } };
    this.drawMarks = () => {};
    this.grey = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    this.kept = { key: "" };
    this.frame = 0;
    this.rest = 0;
    this.isQuick = false;
    new ResizeObserver(() => { this.fit(); }).observe(stage);
  }

  async show(about, grey, original) {
    const levels = await levelsOf(grey);
    const share = Math.min(1, LOOKUP / Math.max(about.width, about.height));
    const width = Math.max(1, Math.round(about.width * share)), height = Math.max(1, Math.round(about.height * share));
    const small = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    small.drawImage(levels.at(-1), 0, 0, width, height);
    this.photo = { ...about, levels, original, lookup: { width, height, data: small.getImageData(0, 0, width, height).data } };
    this.kept.key = "";
    this.pictures = { a: { kind: "grey" }, b: { kind: "grey" } };
    this.fit();
  }

  /** How light the photo is at a place. */
  lightness(x, y) {
    const { lookup, width, height } = this.photo;
    const column = Math.min(lookup.width - 1, Math.max(0, Math.floor(((x + 0.5) * lookup.width) / width)));
    const row = Math.min(lookup.height - 1, Math.max(0, Math.floor(((y + 0.5) * lookup.height) / height)));
    return LIGHTNESS[lookup.data[4 * (row * lookup.width + column)]];
  }

  /** The panes that are seen: which picture, and where on the stage. */
  get panes() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (this.mode === "side" && !this.holding) {
      const half = Math.floor((width - 12) / 2);
      return [{ slot: "b", left: 0, width: half, height }, { slot: "a", left: width - half, width: half, height }];
    }
    if (this.holding) return [{ slot: "b", left: 0, width, height }];
    const single = [{ slot: "a", left: 0, width, height }];
    return this.mode === "wipe" ? [...single, { slot: "b", left: 0, width, height }] : single;
  }

  get paneWidth() {
    return this.panes[0].width;
  }

  fit() {
    if (!this.photo) return;
    const { clientHeight: height } = this.stage, width = this.paneWidth;
    const room = width < 600 ? 12 : 28;
    this.fitted = this.scale = Math.max(1e-3, Math.min((width - 2 * room) / this.photo.width, (height - 2 * room) / this.photo.height, 4));
    this.x = (width - this.scale * this.photo.width) / 2;
    this.y = (height - this.scale * this.photo.height) / 2;
    this.refresh();
  }

  zoom(factor, x = this.paneWidth / 2, y = this.stage.clientHeight / 2) {
    if (!this.photo) return;
    const scale = Math.min(32, Math.max(this.fitted / 2, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.move(0, 0);
  }

  move(x, y) {
    const keep = 60, { clientHeight: height } = this.stage;
    this.x = Math.min(this.paneWidth - keep, Math.max(keep - this.scale * this.photo.width, this.x + x));
    this.y = Math.min(height - keep, Math.max(keep - this.scale * this.photo.height, this.y + y));
    this.refresh();
  }

  /** From the page to the photo's pixels, and whether that is on it; pixel centres are at integers. */
  place(clientX, clientY) {
    const box = this.stage.getBoundingClientRect();
    let x = clientX - box.left;
    const pane = this.panes.find((each) => x >= each.left && x < each.left + each.width) ?? this.panes[0];
    x = (x - pane.left - this.x) / this.scale - 0.5;
    const y = (clientY - box.top - this.y) / this.scale - 0.5;
    const { width, height } = this.photo;
    return {
      x: Math.min(width - 1, Math.max(0, x)), y: Math.min(height - 1, Math.max(0, y)), pane,
      isInside: x >= -0.5 && y >= -0.5 && x < width - 0.5 && y < height - 0.5,
    };
  }

  /** From the photo's pixels to the stage, in a pane. */
  spot(x, y, pane = this.panes[0]) {
    return [pane.left + this.x + (x + 0.5) * this.scale, this.y + (y + 0.5) * this.scale];
  }

  set(slot, picture) {
    this.pictures[slot] = picture;
    this.refresh();
  }

  refresh() {
    this.isQuick = true;
    this.#soon();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.isQuick = false;
      if (this.#ratio(QUICK) < this.#ratio(SHARP)) this.#soon();
    }, REST);
  }

  #soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.#draw();
    });
  }

  #ratio(most) {
    const pane = this.panes[0];
    return Math.min(window.devicePixelRatio, Math.sqrt(most / Math.max(1, pane.width * pane.height)));
  }

  #draw() {
    if (!this.photo) return;
    const panes = this.panes, ratio = this.#ratio(this.isQuick ? QUICK : SHARP);
    for (const [slot, canvas] of Object.entries(this.canvases)) {
      const pane = panes.find((each) => each.slot === slot);
      canvas.hidden = !pane;
      if (!pane) continue;
      canvas.style.left = `${pane.left}px`;
      canvas.style.width = `${pane.width}px`;
      canvas.style.height = `${pane.height}px`;
      canvas.style.clipPath = slot === "b" && this.mode === "wipe" && !this.holding ? `inset(0 ${100 * (1 - this.wipe)}% 0 0)` : "";
      this.#drawPane(canvas, this.pictures[slot], pane, ratio);
    }
    this.drawOverlay();
    this.dispatchEvent(new Event("drawn"));
  }

  drawOverlay() {
    const { overlay, stage } = this, ratio = window.devicePixelRatio;
    overlay.width = Math.round(stage.clientWidth * ratio);
    overlay.height = Math.round(stage.clientHeight * ratio);
    const pen = overlay.getContext("2d");
    pen.scale(ratio, ratio);
    if (!this.photo || this.holding) return;
    for (const pane of this.panes) {
      if (this.mode === "wipe" && pane.slot === "b") continue;
      pen.save();
      pen.beginPath();
      pen.rect(pane.left, 0, pane.width, pane.height);
      pen.clip();
      this.drawMarks(pen, pane);
      pen.restore();
    }
  }

  #drawPane(canvas, picture, pane, ratio) {
    const width = Math.round(pane.width * ratio), height = Math.round(pane.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const { photo } = this, scale = this.scale * ratio;
    const left = Math.max(0, Math.floor(this.x * ratio)), top = Math.max(0, Math.floor(this.y * ratio));
    const right = Math.min(width, Math.ceil(this.x * ratio + scale * photo.width)), bottom = Math.min(height, Math.ceil(this.y * ratio + scale * photo.height));
    if (right <= left || bottom <= top) return;
    const part = { width: right - left, height: bottom - top, left: (left - this.x * ratio) / scale, top: (top - this.y * ratio) / scale, step: 1 / scale };
    if (picture.kind === "original" && photo.original) {
      drawPart(pen, [photo.original], photo, part, left, top);
    } else if (picture.kind === "colours" && picture.colours) {
      const grey = this.#greyOf(part);
      const out = pen.createImageData(part.width, part.height);
      paint(out.data, grey, part, photo, picture.colours);
      pen.putImageData(out, left, top);
    } else drawPart(pen, photo.levels, photo, part, left, top);
  }

  #greyOf(part) {
    const key = Object.values(part).join(" ");
    if (this.kept.key !== key) {
      const { canvas } = this.grey;
      if (canvas.width < part.width || canvas.height < part.height) Object.assign(canvas, { width: part.width, height: part.height });
      drawPart(this.grey, this.photo.levels, this.photo, part, 0, 0);
      this.kept = { key, data: this.grey.getImageData(0, 0, part.width, part.height).data };
    }
    return this.kept.data;
  }

  /** The colour that is seen at a place of the stage. */
  colourAt(x, y) {
    const [left, top] = this.spot(x, y), canvas = this.canvases.a;
    const ratio = canvas.width / this.paneWidth;
    return canvas.getContext("2d").getImageData(Math.round((left - this.panes[0].left) * ratio), Math.round(top * ratio), 1, 1).data;
  }
}

/** Draw a part of the photo from the smallest picture that is large enough. */
function drawPart(pen, levels, photo, part, left, top) {
  const level = levels.findLast((each) => each.width * part.step >= photo.width * 0.999) ?? levels[0];
  const across = level.width / photo.width, down = level.height / photo.height;
  pen.imageSmoothingEnabled = part.step > 0.34; // pixels are shown as such where they are large
  pen.imageSmoothingQuality = "high";
  pen.drawImage(level, part.left * across, part.top * down, part.width * part.step * across, part.height * part.step * down, left, top, part.width, part.height);
}
