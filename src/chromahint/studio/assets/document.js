// @ts-check
// The open photo with its annotations: open, save, download.

import { NO_ANNOTATIONS } from "./annotations.js";
import * as api from "./api.js";
import { notify, notifyError, saveFile, withSpinner } from "./dom.js";
import { photoOfHintFile, toAnnotations, toHintFile } from "./hint_file.js";
import { createPhoto, createThumbnail } from "./photo.js";
import { loadPhoto, savePhoto } from "./storage.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { Photo } from "./photo.js"
 * @import { SavedPhoto, Source } from "./storage.js"
 */

/** @param {string} name */
const withoutSuffix = (name) => name.replace(/\.[^.]*$/, "");

/**
 * Events: "open" with what was saved about the photo as its detail, "reopen" if the server has it again.
 */
export class EditorDocument extends EventTarget {
  /** @type {Photo | null} */
  photo = null;
  /** @type {Source | null} */
  #source = null;
  #annotations;
  #isReopening = false;
  #openCount = 0;

  /** @param {Annotations} annotations */
  constructor(annotations) {
    super();
    this.#annotations = annotations;
  }

  /**
   * Open a photo, with the annotations that were saved for it. If several are being opened, the last one wins.
   * @param {Source} source
   * @returns {Promise<boolean>} whether it is open
   */
  async open(source) {
    const turn = ++this.#openCount;
    try {
      const info = await withSpinner(() => openSource(source));
      if (turn !== this.#openCount) return false;
      const photo = await withSpinner(async () => {
        const [gray, original] = await Promise.all([
          api.getBitmap(info.id, "gray"),
          info.has_color ? api.getBitmap(info.id, "original") : null,
        ]);
        return createPhoto(info, gray, original);
      });
      const saved = await loadPhoto(photo.blake2b);
      if (turn !== this.#openCount) return false;
      this.photo = photo;
      this.#source = source;
      this.#annotations.load(saved?.annotations ?? NO_ANNOTATIONS);
      this.dispatchEvent(new CustomEvent("open", { detail: saved ?? {} }));
      if (this.#annotations.count) notify("Welcome back! Your points on this photo are still here.");
      savePhoto(photo.blake2b, { name: photo.name, source, thumbnail: await createThumbnail(photo) });
      return true;
    } catch (error) {
      if (turn === this.#openCount) notifyError(error);
      return false;
    }
  }

  /** Send the photo again: the server was restarted, or has closed it to make room for others. */
  async reopen() {
    const { photo } = this;
    if (this.#isReopening || !photo || !this.#source) return;
    this.#isReopening = true;
    try {
      photo.id = (await openSource(this.#source)).id;
      if (photo === this.photo) this.dispatchEvent(new Event("reopen"));
    } catch (error) {
      notifyError(error);
    } finally {
      this.#isReopening = false;
    }
  }

  /**
   * Open a file that was chosen or dropped: a photo or a session.
   * @param {File | undefined} file
   */
  async openFile(file) {
    if (!file) return;
    if (/\.json$/i.test(file.name)) await this.#openSession(file);
    else await this.open({ blob: file, name: file.name });
  }

  /** @param {File} file */
  async #openSession(file) {
    const text = await file.text();
    const made = photoOfHintFile(text);
    const isOtherPhoto = () => Boolean(made?.blake2b) && made?.blake2b !== this.photo?.blake2b;
    const saved = isOtherPhoto() ? await loadPhoto(made?.blake2b ?? "") : undefined;
    if (saved?.source && !(await this.open(saved.source))) return;
    if (!this.photo) {
      const name = made?.name ? ` (${made.name})` : "";
      notify(`This file is a saved session. Open its photo${name} first, then open the session.`, true);
      return;
    }
    try {
      this.#annotations.set(toAnnotations(await api.parseHints(this.photo.id, text), this.photo));
      if (isOtherPhoto()) notify(`This session belongs to a different photo: ${made?.name ?? "unnamed"}.`, true);
      else notify("Session opened.");
    } catch (error) {
      notify(`${file.name}: ${error instanceof Error ? error.message : error}`, true);
    }
  }

  /** Save the annotations as a hint file. */
  saveSession() {
    if (!this.photo) return;
    const text = JSON.stringify(JSON.parse(toHintFile(this.#annotations.current, this.photo)), null, 1);
    saveFile(new Blob([`${text}\n`], { type: "application/json" }), `${withoutSuffix(this.photo.name)}-hints.json`);
  }

  /**
   * Download the colored photo at its full size.
   * @param {string} model
   */
  async download(model) {
    const { photo } = this;
    if (!photo) return;
    notify("Coloring the full-size photo…");
    try {
      const hints = toHintFile(this.#annotations.current);
      const colored = await withSpinner(() => api.getColoredPhoto(photo.id, model, photo.suffix, hints));
      saveFile(colored, `${withoutSuffix(photo.name)}-colored${photo.suffix}`);
      notify("Done! The colored photo is in your downloads folder.");
    } catch (error) {
      if (api.hasStatus(error, 404)) {
        await this.reopen();
        notify("The photo had to be reopened. Please press Download again.", true);
      } else {
        notifyError(error);
      }
    }
  }
}

/** @param {Source} source */
function openSource(source) {
  if ("sample" in source) return api.openSample(source.sample);
  if ("initialPhoto" in source) return api.openInitialPhoto();
  return api.openFile(source.blob, source.name);
}
