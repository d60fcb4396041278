// @ts-check
// A second image to take colors from: of the same place or time, or a painting.

import { rgbToLab } from "./cielab.js";
import { canvas as canvasById, context2d, html, input, notify } from "./dom.js";
import { ARROWS } from "./shortcuts.js";
import { t } from "./translation.js";

/**
 * @import { ColorPicker } from "./color_picker.js"
 */

const MAX_WIDTH = 560; // pixels
const STEP = 8; // pixels
const LARGE_STEP = 40; // with Shift

export class ReferenceImage {
  #canvas = canvasById("reference-canvas");
  #context = context2d(this.#canvas, { willReadFrequently: true });
  /** @type {ImageData | null} */
  #image = null;
  #x = 0;
  #y = 0;
  #picker;

  /** @param {ColorPicker} picker */
  constructor(picker) {
    this.#picker = picker;
    const canvas = this.#canvas;
    const fileInput = input("reference-file");
    fileInput.addEventListener("change", () => {
      this.#open(fileInput.files?.[0]);
      fileInput.value = "";
    });
    /**
     * @param {PointerEvent} event
     * @param {boolean} isInterim
     */
    const pick = ({ clientX, clientY }, isInterim) => {
      const box = canvas.getBoundingClientRect();
      const x = ((clientX - box.left) * canvas.width) / box.width;
      const y = ((clientY - box.top) * canvas.height) / box.height;
      this.#pick(x, y, isInterim);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pick(event, true);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) pick(event, true);
    });
    canvas.addEventListener("pointerup", (event) => pick(event, false));
    canvas.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      const step = event.shiftKey ? LARGE_STEP : STEP;
      this.#pick(this.#x + step * arrow[0], this.#y + step * arrow[1], false);
    });
  }

  /** @param {File | undefined} file */
  async #open(file) {
    if (!file) return;
    try {
      const bitmap = await createImageBitmap(file);
      const canvas = this.#canvas;
      const scale = Math.min(1, MAX_WIDTH / bitmap.width);
      canvas.width = Math.round(bitmap.width * scale);
      canvas.height = Math.round(bitmap.height * scale);
      this.#context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      this.#image = this.#context.getImageData(0, 0, canvas.width, canvas.height);
      this.#x = canvas.width / 2;
      this.#y = canvas.height / 2;
      html("reference").hidden = false;
      html("reference").scrollIntoView({ block: "nearest" });
      notify(t("Click a color in the second picture."));
    } catch {
      const { name } = file;
      notify(t("{name}: your browser can't open this picture. Try a JPEG or PNG file.", { name }), true);
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {boolean} isInterim
   */
  #pick(x, y, isInterim) {
    if (!this.#image) return;
    const { width, height, data } = this.#image;
    this.#x = Math.floor(Math.min(width - 1, Math.max(0, x)));
    this.#y = Math.floor(Math.min(height - 1, Math.max(0, y)));
    const offset = 4 * (this.#y * width + this.#x);
    const [, a, b] = rgbToLab(data[offset], data[offset + 1], data[offset + 2]);
    this.#drawMarker(this.#image);
    this.#picker.choose(a, b, isInterim);
  }

  /** @param {ImageData} image */
  #drawMarker(image) {
    const context = this.#context;
    context.putImageData(image, 0, 0);
    context.beginPath();
    context.arc(this.#x + 0.5, this.#y + 0.5, 9, 0, 2 * Math.PI);
    context.lineWidth = 5;
    context.strokeStyle = "rgb(0 0 0 / .5)";
    context.stroke();
    context.lineWidth = 2.5;
    context.strokeStyle = "#fff";
    context.stroke();
  }
}
