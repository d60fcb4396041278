// @ts-check
// The start page: open a photo, continue recent work, or try a sample.

import { thumbnailUrl } from "./api.js";
import { button, el, html } from "./dom.js";
import { deletePhoto, loadRecentPhotos } from "./storage.js";

/**
 * @import { EditorDocument } from "./document.js"
 * @import { SavedPhoto, Source } from "./storage.js"
 */

/**
 * Whether a photo can be opened from the start page. A photo from the command line can't: the browser has no copy.
 * @param {SavedPhoto} photo
 * @returns {photo is SavedPhoto & { source: Source, thumbnail: Blob }}
 */
function canReopen(photo) {
  return Boolean(photo.thumbnail && photo.source && !("initialPhoto" in photo.source));
}

/**
 * Show the start page.
 * @param {string[]} samples names of the sample photos
 * @param {EditorDocument} editor
 */
export async function showStartPage(samples, editor) {
  /**
   * @param {Source} source
   * @param {string} imageUrl
   * @param {string} label
   * @param {Node} [extra]
   */
  const card = (source, imageUrl, label, extra) => {
    const open = async () => {
      if (await editor.open(source)) hideStartPage();
    };
    const content = [el("img", { src: imageUrl, alt: "" }), el("span", {}, label)];
    return el("li", {}, el("button", { type: "button", click: open }, ...content), extra);
  };
  const photos = (await loadRecentPhotos()).filter(canReopen);
  const recent = html("recent-photos");
  recent.replaceChildren(...photos.map(({ digest, name = "photo", source, thumbnail, annotations }) => {
    const count = annotations ? annotations.points.length + annotations.strokes.length : 0;
    const label = count ? `${name} · ${count}` : name;
    return card(source, URL.createObjectURL(thumbnail), label, deleteButton(digest, name));
  }));
  html("recent-section").hidden = photos.length === 0;
  html("samples").replaceChildren(...samples.map((name) => card({ sample: name }, thumbnailUrl(name), name)));
  button("back").hidden = !editor.photo;
  document.body.classList.add("start-page-open");
  if (editor.photo) button("back").focus({ preventScroll: true });
}

/**
 * @param {string} digest
 * @param {string} name
 */
function deleteButton(digest, name) {
  const remove = el("button", {
    type: "button",
    class: "delete",
    "aria-label": `Remove ${name} from this list`,
    title: "Remove this photo and its points",
    click: async () => {
      await deletePhoto(digest);
      remove.closest("li")?.remove();
      html("recent-section").hidden = html("recent-photos").children.length === 0;
    },
  }, "×");
  return remove;
}

/** Hide the start page. */
export function hideStartPage() {
  document.body.classList.remove("start-page-open");
  for (const image of html("recent-photos").querySelectorAll("img")) URL.revokeObjectURL(image.src);
  html("recent-photos").replaceChildren();
}
