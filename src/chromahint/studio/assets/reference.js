// A second picture to take colors from: of the same place, of the same time, or a painting.

import { $, say } from "./dom.js";
import { WAYS } from "./shortcuts.js";
import { labOf } from "./cielab.js";

const WIDEST = 560; // pixels

export class Reference {
  constructor(picker) {
    Object.assign(this, { picker, picture: null, place: null });
    const canvas = $("reference-canvas");
    $("second").addEventListener("change", () => {
      this.take($("second").files[0]);
      $("second").value = "";
    });
    const pick = ({ clientX, clientY }, passing) => {
      const box = canvas.getBoundingClientRect();
      this.#pick([((clientX - box.left) * canvas.width) / box.width, ((clientY - box.top) * canvas.height) / box.height], passing);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pick(event, true);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && pick(event, true));
    canvas.addEventListener("pointerup", (event) => pick(event, false));
    canvas.addEventListener("keydown", (event) => {
      const way = WAYS[event.key];
      if (!way) return;
      event.preventDefault();
      const step = event.shiftKey ? 40 : 8;
      this.#pick([this.place[0] + step * way[0], this.place[1] + step * way[1]], false);
    });
  }

  async take(file) {
    if (!file) return;
    try {
      const bitmap = await createImageBitmap(file), canvas = $("reference-canvas"), share = Math.min(1, WIDEST / bitmap.width);
      Object.assign(canvas, { width: Math.round(bitmap.width * share), height: Math.round(bitmap.height * share) });
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      this.picture = pen.getImageData(0, 0, canvas.width, canvas.height);
      this.place = [canvas.width / 2, canvas.height / 2];
      $("reference-box").hidden = false;
      $("reference-box").scrollIntoView({ block: "nearest" });
      say("Click a color in the second picture.");
    } catch {
      say(`${file.name}: the browser cannot show this picture`, true);
    }
  }

  #pick(place, passing) {
    const { width, height, data } = this.picture;
    const [x, y] = [[place[0], width], [place[1], height]].map(([at, side]) => Math.floor(Math.min(side - 1, Math.max(0, at))));
    this.place = [x, y];
    const at = 4 * (y * width + x), [, a, b] = labOf(...data.slice(at, at + 3));
    this.#mark();
    this.picker.choose(a, b, passing);
  }

  #mark() {
    const pen = $("reference-canvas").getContext("2d");
    pen.putImageData(this.picture, 0, 0);
    for (const [width, style] of [[5, "rgb(0 0 0 / .5)"], [2.5, "#fff"]]) {
      pen.beginPath();
      pen.arc(this.place[0] + 0.5, this.place[1] + 0.5, 9, 0, 2 * Math.PI);
      Object.assign(pen, { lineWidth: width, strokeStyle: style });
      pen.stroke();
    }
  }
}
