// @ts-check
// The start page: open photos, continue with kept ones, or try a sample.

import { deletePhoto } from "./album_dialogs.js";
import { button, el, html } from "./dom.js";
import { showThumbnail } from "./thumbnails.js";
import { plural, t } from "./translation.js";
import { bindWipe, createWipe } from "./wipe.js";

/**
 * @import { Album } from "./album.js"
 * @import { EditorDocument } from "./document.js"
 * @import { KeptPhoto } from "./project_api.js"
 * @import { Source } from "./storage.js"
 */

const MAX_CARDS = 12;

/** @type {Record<string, string>} */
const SAMPLE_TITLES = { astronaut: t("Astronaut"), chelsea: t("Cat"), coffee: t("Coffee"), rocket: t("Rocket") };

/**
 * Show the start page.
 * @param {string[]} samples names of the sample photos
 * @param {EditorDocument} editor
 * @param {Album} album
 */
export async function showStartPage(samples, editor, album) {
  /**
   * @param {Source} source
   * @param {HTMLElement} picture
   * @param {string} name
   * @param {string} [details]
   */
  const card = (source, picture, name, details) => {
    const open = async () => {
      if (await editor.open(source)) hideStartPage();
    };
    const title = el("span", {}, name);
    return el("button", { type: "button", click: open }, picture, title, details ? el("small", {}, details) : null);
  };
  await editor.sync.flush();
  await album.refresh();
  html("samples").replaceChildren(...samples.map((name) => {
    const wipe = createWipe(new URL(`samples/${name}.webp`, import.meta.url).href);
    const button = card({ sample: name }, wipe, SAMPLE_TITLES[name]);
    button.value = name;
    bindWipe(button, wipe);
    return el("li", {}, button);
  }));
  showKept(album, editor, (photo) => {
    const image = el("img", { alt: "" });
    showThumbnail(image, photo);
    return card({ key: photo.key }, image, photo.name, describe(photo));
  });
  button("back").hidden = !editor.photo;
  document.body.classList.add("start-page-open");
  if (editor.photo) button("back").focus({ preventScroll: true });
}

/**
 * Show the photos that were worked on last, then others.
 * @param {Album} album
 * @param {EditorDocument} editor
 * @param {(photo: KeptPhoto) => HTMLElement} card
 */
function showKept(album, editor, card) {
  const recent = album.photos.toSorted((first, second) => (second.saved ?? "").localeCompare(first.saved ?? ""));
  html("recent-photos").replaceChildren(...recent.slice(0, MAX_CARDS).map((photo) => {
    const remove = el("button", {
      type: "button",
      class: "delete",
      "aria-label": t("Delete {name}", { name: photo.name }),
      title: photo.added ? t("Delete this photo and its points") : t("Delete the points on this photo"),
      click: async () => {
        if (!(await deletePhoto(album, photo))) return;
        if (photo.key === editor.sync.key) editor.close();
        button("back").hidden = !editor.photo;
        showKept(album, editor, card);
      },
    }, "×");
    return el("li", { class: "thumbnail" }, card(photo), photo.added || photo.revision ? remove : null);
  }));
  html("recent-title").textContent = recent[0]?.saved ? t("Pick up where you left off") : t("Your photos");
  html("recent-section").hidden = recent.length === 0;
  html("samples-section").classList.toggle("is-secondary", recent.length > 0);
  const more = recent.length - MAX_CARDS;
  html("more-photos").textContent = more > 0 ? t("And {more} more: open one to see them all.", { more }) : "";
}

/** @param {KeptPhoto} photo */
function describe({ count, done, saved }) {
  if (done) return t("Done");
  if (!saved || !count) return t("To do");
  return plural(count, "{count} point", "{count} points");
}

/** Hide the start page. */
export function hideStartPage() {
  document.body.classList.remove("start-page-open");
}
