// @ts-check
// The strip of photos below the open one.

import { button, el, html, onGroupClick, setPressed } from "./dom.js";
import { ARROWS } from "./shortcuts.js";
import { showThumbnail } from "./thumbnails.js";
import { formatNumber, plural, t } from "./translation.js";

/**
 * @import { Album, Filter } from "./album.js"
 * @import { KeptPhoto } from "./project_api.js"
 */

export class Filmstrip {
  #album;
  #list = html("filmstrip-photos");
  /** @type {Map<string, { state: string, item: HTMLElement }>} by the keys of their photos */
  #items = new Map();

  /** @param {Album} album */
  constructor(album) {
    this.#album = album;
    album.addEventListener("change", () => this.update());
    onGroupClick(html("filmstrip-filter"), (filter) => album.setFilter(/** @type {Filter} */ (filter)));
    button("previous-photo").addEventListener("click", () => album.step(-1));
    button("next-photo").addEventListener("click", () => album.step(1));
    button("toggle-done").addEventListener("click", () => album.toggleDone());
    this.#list.addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  /** Show the photos of the album, and where the open one is among them. */
  update() {
    const album = this.#album;
    const { current, photos, visible } = album;
    const isShown = photos.length > 1;
    html("filmstrip").hidden = !isShown;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.key;
    const start = current ?? visible[0];
    const items = isShown ? visible.map((photo) => this.#item(photo, photo === current, photo === start)) : [];
    this.#list.replaceChildren(...items);
    this.#forgetOthers(visible);
    const selected = this.#list.querySelector("[aria-selected=true]");
    selected?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focused) /** @type {HTMLElement | null} */ (this.#list.querySelector(`[data-key="${focused}"]`))?.focus();
    html("filmstrip-position").textContent = current
      ? t("{position} of {total}", { position: visible.indexOf(current) + 1, total: visible.length })
      : formatNumber(visible.length);
    button("previous-photo").disabled = !current || visible.indexOf(current) <= 0;
    button("next-photo").disabled = visible.length === 0 || visible.indexOf(/** @type {KeptPhoto} */ (current)) ===
      visible.length - 1;
    const done = photos.filter((photo) => photo.done).length;
    const counts = { "all": photos.length, "to-do": photos.length - done, done };
    for (const [filter, count] of Object.entries(counts)) html(`count-${filter}`).textContent = formatNumber(count);
    setPressed(html("filmstrip-filter"), album.filter);
    const toggle = button("toggle-done");
    toggle.disabled = !current;
    toggle.setAttribute("aria-pressed", String(current?.done ?? false));
    button("copy-to").disabled = !current?.parts.length || photos.length < 2;
  }

  /**
   * @param {KeptPhoto} photo
   * @param {boolean} isCurrent
   * @param {boolean} isTabStop
   */
  #item(photo, isCurrent, isTabStop) {
    const { key, revision, done, count } = photo;
    const state = [revision, done, count].join();
    const known = this.#items.get(key);
    const item = known?.state === state ? known.item : this.#create(photo);
    this.#items.set(key, { state, item });
    item.setAttribute("aria-selected", String(isCurrent));
    item.tabIndex = isTabStop ? 0 : -1;
    return item;
  }

  /** @param {KeptPhoto[]} visible */
  #forgetOthers(visible) {
    const keys = new Set(visible.map(({ key }) => key));
    for (const key of this.#items.keys()) if (!keys.has(key)) this.#items.delete(key);
  }

  /** @param {KeptPhoto} photo */
  #create(photo) {
    const image = el("img", { alt: "", width: 88, height: 66, decoding: "async" });
    showThumbnail(image, photo);
    const count = plural(photo.count, "{count} mark", "{count} marks");
    const label = [photo.name, ...(photo.count ? [count] : []), ...(photo.done ? [t("done")] : [])].join(", ");
    return el("div", {
      "class": photo.done ? "thumbnail is-done" : "thumbnail",
      "role": "option",
      "aria-label": label,
      "title": photo.name,
      "data-key": photo.key,
      "click": () => this.#album.open(photo.key),
    }, image);
  }

  /** @param {KeyboardEvent} event */
  #moveFocus(event) {
    const item = /** @type {HTMLElement} */ (event.target);
    const ends = { Home: this.#list.firstElementChild, End: this.#list.lastElementChild };
    const [dx] = ARROWS[event.key] ?? [0];
    const next = dx > 0 ? item.nextElementSibling : dx < 0 ? item.previousElementSibling : null;
    const target = next ?? ends[/** @type {keyof typeof ends} */ (event.key)] ?? null;
    if (event.key === "Enter" || event.key === " ") item.click();
    else if (target instanceof HTMLElement) target.focus();
    else if (dx === 0) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
