// @ts-check
// Small pictures of the kept photos, loaded one after the other while nothing more urgent is going on.

import { getThumbnail } from "./project_api.js";

/**
 * @import { KeptPhoto } from "./project_api.js"
 */

const RENEWAL_DELAY = 2000; // milliseconds
const WAIT = 150; // milliseconds between attempts while colors are computed

/** @type {Map<string, { revision: number, url: string }>} */
const loaded = new Map();
/** @type {Map<string, { photo: KeptPhoto, images: Set<HTMLImageElement> }>} */
const wanted = new Map();
/** @type {Map<string, number>} timers of pictures that are out of date: their photos may change again at once */
const renewals = new Map();
let isLoading = false;

/**
 * Show the picture of a photo in an image, as soon as it is there. An earlier one is shown meanwhile.
 * @param {HTMLImageElement} image
 * @param {KeptPhoto} photo
 */
export function showThumbnail(image, photo) {
  const known = loaded.get(photo.key);
  if (known) image.src = known.url;
  if (known?.revision === photo.revision) return;
  clearTimeout(renewals.get(photo.key));
  if (known) renewals.set(photo.key, setTimeout(() => want(image, photo), RENEWAL_DELAY));
  else want(image, photo);
}

/**
 * @param {HTMLImageElement} image
 * @param {KeptPhoto} photo
 */
function want(image, photo) {
  const images = wanted.get(photo.key)?.images ?? new Set();
  wanted.set(photo.key, { photo, images: images.add(image) });
  if (!isLoading) loadAll();
}

async function loadAll() {
  isLoading = true;
  await new Promise(requestAnimationFrame); // until then, the images are not on the page
  for (let next = nextWanted(); next; next = nextWanted()) {
    while (document.body.classList.contains("busy")) await new Promise((resolve) => setTimeout(resolve, WAIT));
    const { photo: { key, revision }, images } = next;
    wanted.delete(key);
    try {
      const url = URL.createObjectURL(await getThumbnail(key));
      const previous = loaded.get(key);
      loaded.set(key, { revision, url });
      for (const image of images) image.src = url;
      if (previous) setTimeout(() => URL.revokeObjectURL(previous.url), 1000);
    } catch {
      for (const image of images) image.closest(".thumbnail")?.classList.add("unreadable");
    }
  }
  isLoading = false;
}

/** Of the wanted pictures, those that are visible come first; those that are no longer on the page are left out. */
function nextWanted() {
  for (const [key, { images }] of wanted) {
    if (![...images].some((image) => image.isConnected)) wanted.delete(key);
  }
  const isVisible = (/** @type {{ images: Set<HTMLImageElement> }} */ { images }) => [...images].some((image) => {
    const box = image.getBoundingClientRect();
    return box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  });
  const all = [...wanted.values()];
  return all.find(isVisible) ?? all[0];
}
