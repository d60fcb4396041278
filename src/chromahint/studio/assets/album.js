// @ts-check
// The photos that are kept: which of them are shown, which one is open, and adding more.

import { hasStatus } from "./api.js";
import { notify, notifyError } from "./dom.js";
import { deleteKept, keepFile, listPhotos } from "./project_api.js";
import { language, t } from "./translation.js";

/**
 * @import { EditorDocument } from "./document.js"
 * @import { Progress } from "./progress.js"
 * @import { KeptPhoto } from "./project_api.js"
 *
 * @typedef {"all" | "to-do" | "done"} Filter
 */

const MAX_REASONS = 3; // of files that were not added

/** Events: "change" when the photos, their state, or the filter changes. */
export class Album extends EventTarget {
  /** @type {KeptPhoto[]} */
  photos = [];
  /** @type {Filter} */
  filter = "all";
  #editor;
  #progress;

  /**
   * @param {EditorDocument} editor
   * @param {Progress} progress
   */
  constructor(editor, progress) {
    super();
    this.#editor = editor;
    this.#progress = progress;
  }

  /** The photo that is open, if it is kept. */
  get current() {
    return this.photos.find(({ key }) => key === this.#editor.sync.key);
  }

  /** The photos that the filter shows, and the open one. */
  get visible() {
    const { current, filter } = this;
    return this.photos.filter((photo) => filter === "all" || photo === current || photo.done === (filter === "done"));
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    this.filter = filter;
    this.#dispatchChange();
  }

  /** Load the list again. */
  async refresh() {
    try {
      this.photos = (await listPhotos()).photos;
      this.#dispatchChange();
    } catch (error) {
      notifyError(error);
    }
  }

  /** Somebody may have worked in another window: load the list, and the open photo if it has changed there. */
  async catchUp() {
    const { sync } = this.#editor;
    await sync.flush();
    await this.refresh();
    const { current } = this;
    const isHidden = document.body.classList.contains("start-page-open");
    if (isHidden || !current || !sync.isSaved || current.revision <= sync.revision) return;
    if (await this.#editor.open({ key: current.key })) notify(t("This photo was changed in another window."));
  }

  /**
   * Open the next or the previous photo.
   * @param {1 | -1} step
   */
  async step(step) {
    const { current, visible } = this;
    const position = current ? visible.indexOf(current) : -1;
    const next = visible[position + step];
    if (next) await this.open(next.key);
    else if (visible.length) notify(step > 0 ? t("This is the last photo.") : t("This is the first photo."));
  }

  /** @param {string} key */
  async open(key) {
    if (key !== this.#editor.sync.key || !this.#editor.photo) await this.#editor.open({ key });
  }

  /** Mark the open photo as done, or as still to do. */
  async toggleDone() {
    const { sync } = this.#editor;
    const isSaved = await sync.flushAll();
    const { current } = this;
    if (!current || !isSaved) return;
    const done = !current.done;
    try {
      await sync.mark(done);
      this.#editor.isDone = done;
      await this.refresh();
      notify(done ? t("Marked as done.") : t("Marked as still to do."));
    } catch (error) {
      notifyError(error);
    }
  }

  /**
   * Delete a photo, or the work on it if it lies in the project folder itself.
   * @param {string} key
   */
  async delete(key) {
    try {
      await deleteKept(key);
    } catch (error) {
      notifyError(error);
    }
    await this.refresh();
  }

  /**
   * Keep files, and open the first one. Those that can't be opened are named.
   * @param {File[]} files
   */
  async add(files) {
    /** @type {string | null} */
    let first = null;
    /** @type {string[]} */
    const reasons = [];
    const add = async (/** @type {File} */ file, /** @type {AbortSignal} */ signal) => {
      try {
        const { key } = await keepFile(file, file.name, signal);
        if (first !== null) return;
        first = key;
        await this.open(key);
      } catch (error) {
        if (!signal.aborted) reasons.push(reason(error, file.name));
      }
    };
    const total = files.length;
    await this.#progress.run(files, add, (count) => t("Adding photo {count} of {total}", { count, total }));
    await this.refresh();
    if (reasons.length === 0) return;
    const more = reasons.length - MAX_REASONS;
    const values = { failed: reasons.length, total, reasons: reasons.slice(0, MAX_REASONS).join(" "), more };
    if (total === 1) notify(reasons[0], true);
    else if (more <= 0) notify(t("{failed} of {total} files were not added. {reasons}", values), true);
    else notify(t("{failed} of {total} files were not added. {reasons} And {more} more.", values), true);
  }

  #dispatchChange() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Say why a file was not added.
 * @param {unknown} error
 * @param {string} name of the file
 */
function reason(error, name) {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith(`${name}: `)) { // the server could not read it; what it says is English
    return language === "en"
      ? message
      : t("{name}: this can't be opened as a photo. Try a JPEG, PNG, or TIFF file.", { name });
  }
  return hasStatus(error, 413) ? t("{name}: this file is too large.", { name }) : message;
}
