// The first page: a photo to open, photos to try, and those that were worked on.

import { $, el } from "./dom.js";
import { forgetPhoto, keptPhotos } from "./storage.js";

/**
 * Show the first page.
 * @param samples names of photos to try
 * @param desk what opens them
 */
export async function welcome(samples, desk) {
  const open = (source) => async () => {
    if (await desk.open(source)) leave();
  };
  const card = (source, picture, name, ...more) => el("li", {}, el("button", { type: "button", click: open(source) }, el("img", { src: picture, alt: "" }), el("span", {}, name)), ...more);
  const photos = (await keptPhotos()).filter(({ source, thumbnail }) => thumbnail && (source.blob || source.sample));
  const addresses = photos.map(({ thumbnail }) => URL.createObjectURL(thumbnail));
  $("kept").replaceChildren(...photos.map(({ digest, name, source, marks }, n) => {
    const count = marks ? marks.points.length + marks.strokes.length : 0;
    const forget = el("button", {
      type: "button", class: "forget", "aria-label": `Forget ${name}`, title: "Forget this photo and its points",
      click: async ({ target }) => {
        await forgetPhoto(digest);
        target.closest("li").remove();
        $("kept-box").hidden = $("kept").children.length === 0;
      },
    }, "×");
    return card(source, addresses[n], count ? `${name} · ${count}` : name, forget);
  }));
  $("kept-box").hidden = photos.length === 0;
  $("samples").replaceChildren(...samples.map((name) => card({ sample: name }, `/api/samples/${name}`, name)));
  $("back").hidden = !desk.photo;
  document.body.classList.add("empty");
  if (desk.photo) $("back").focus({ preventScroll: true });
}

export function leave() {
  document.body.classList.remove("empty");
  for (const picture of $("kept").querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  $("kept").replaceChildren();
}
