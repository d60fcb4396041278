// @ts-check
// Requests the colors of one network: quick previews while a hint changes, the network's own size afterwards.

import { getColors, getNetworkInput, hasStatus } from "./api.js";
import { notifyError, withSpinner } from "./dom.js";
import { LatestOnlyQueue } from "./latest_only_queue.js";

/**
 * @import { Size } from "./api.js"
 * @import { LookSettings } from "./look.js"
 * @import { Photo } from "./photo.js"
 *
 * @typedef {object} NetworkColors
 * @property {number} width
 * @property {number} height
 * @property {Float32Array} lightness what the network sees, 0..100
 * @property {Int16Array} ab all values of a, then all of b, in 1/64 Lab units
 * @property {number | null} psnr in dB, for a photo that has colors
 * @property {string} model
 * @property {boolean} isNative whether this is the network's own size, and not a preview
 *
 * @typedef {{ photo: Photo, model: string, hints: string, size: Size, look: LookSettings }} ColorRequest
 */

const REST_DELAY = 220; // milliseconds without a change before the native size is requested
const GESTURE_DELAY = 700; // the same while a button is held: the gesture may go on at any moment
const RETRY_DELAY = 400;
const SLOW_RESPONSE = 70; // milliseconds; several slow responses call for a smaller preview
const FAST_RESPONSE = 35; // several fast ones for a larger preview
const STREAK = 3;

/** @param {number} milliseconds */
const delay = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class ColorClient {
  /** @type {number[]} preview sizes, the largest first */
  static previewSizes = [];

  /** @type {Photo | null} */
  #photo = null;
  /** @type {string | null} */
  #model = null;
  /** @type {Map<string, Float32Array>} */
  #networkInputs = new Map();
  /** @type {ColorRequest | null} */
  #nativeRequest = null;
  #nativeTimer = 0;
  #previewIndex = 0;
  #streak = 0; // slow responses in a row; negative for fast ones
  #queue;
  #onColors;
  #onPhotoClosed;

  /**
   * @param {(colors: NetworkColors) => void} onColors
   * @param {() => void} onPhotoClosed called if the server has closed the photo
   */
  constructor(onColors, onPhotoClosed) {
    this.#onColors = onColors;
    this.#onPhotoClosed = onPhotoClosed;
    /** @type {LatestOnlyQueue<ColorRequest>} */
    this.#queue = new LatestOnlyQueue((request) => withSpinner(() => this.#send(request)));
  }

  /**
   * Choose the photo and the network.
   * @param {Photo} photo
   * @param {string | null} model
   */
  use(photo, model) {
    if (photo !== this.#photo) this.#networkInputs.clear();
    if (model !== this.#model) {
      this.#previewIndex = 0;
      this.#streak = 0;
    }
    this.#photo = photo;
    this.#model = model;
    this.#nativeRequest = null;
    clearTimeout(this.#nativeTimer);
  }

  /**
   * Request colors for the text of a hint file.
   * @param {string} hints
   * @param {LookSettings} look
   * @param {{ isVisible: boolean, isDragging: boolean }} state colors that aren't visible need no preview
   */
  request(hints, look, { isVisible, isDragging }) {
    if (!this.#photo || this.#model === null) return;
    this.#nativeRequest = { photo: this.#photo, model: this.#model, hints, size: "native", look };
    if (isVisible) {
      this.#queue.push({ ...this.#nativeRequest, size: String(ColorClient.previewSizes[this.#previewIndex]) });
    }
    this.#scheduleNative(isDragging ? GESTURE_DELAY : REST_DELAY);
  }

  /** The gesture has ended: don't wait any longer than usual. */
  endGesture() {
    if (this.#nativeRequest !== null) this.#scheduleNative(REST_DELAY);
  }

  /** @param {number} milliseconds */
  #scheduleNative(milliseconds) {
    clearTimeout(this.#nativeTimer);
    this.#nativeTimer = setTimeout(() => {
      if (this.#nativeRequest !== null) this.#queue.push(this.#nativeRequest);
      this.#nativeRequest = null;
    }, milliseconds);
  }

  /** @param {ColorRequest} request */
  async #send(request) {
    const { photo, model, hints, size, look } = request;
    const isStale = () => photo !== this.#photo || model !== this.#model;
    if (isStale()) return;
    try {
      const key = `${model} ${size}`;
      const cached = this.#networkInputs.get(key);
      const lightness = cached ?? (await getNetworkInput(photo.id, model, size)).lightness;
      if (!cached) this.#networkInputs.set(key, lightness);
      const start = performance.now();
      const colors = await getColors(photo.id, model, size, hints, look);
      if (isStale()) return;
      if (size !== "native" && cached) this.#adaptPreviewSize(performance.now() - start);
      this.#onColors({ ...colors, lightness, model, isNative: size === "native" });
    } catch (error) {
      if (hasStatus(error, 503)) {
        await delay(RETRY_DELAY);
        if (!this.#queue.hasPending && !isStale()) this.#queue.push(request);
      } else if (hasStatus(error, 404)) {
        this.#onPhotoClosed();
      } else {
        notifyError(error);
      }
    }
  }

  /** @param {number} milliseconds that the last response took */
  #adaptPreviewSize(milliseconds) {
    if (milliseconds > SLOW_RESPONSE) this.#streak = Math.max(1, this.#streak + 1);
    else if (milliseconds < FAST_RESPONSE) this.#streak = Math.min(-1, this.#streak - 1);
    else this.#streak = 0;
    if (Math.abs(this.#streak) < STREAK) return;
    const smallest = ColorClient.previewSizes.length - 1;
    this.#previewIndex = Math.min(smallest, Math.max(0, this.#previewIndex + Math.sign(this.#streak)));
    this.#streak = 0;
  }
}
