// @ts-check
// Saves the work on the open photo on the server, again and again, and tells if somebody else has saved it meanwhile.

import { hasStatus } from "./api.js";
import { notify } from "./dom.js";
import * as project from "./project_api.js";
import { cacheWork, forgetWork } from "./storage.js";
import { t } from "./translation.js";

/**
 * @import { Source } from "./storage.js"
 * @import { Work } from "./work.js"
 */

const SAVE_DELAY = 400; // milliseconds
const RETRY_DELAY = 4000;

/**
 * Until the server has them, changes lie in a cache of the browser.
 *
 * Events: "saved" when the server has everything, "conflict" when somebody else has saved the photo.
 */
export class SessionSync extends EventTarget {
  /** @type {string | null} the kept photo; a sample is kept only once there is work on it */
  key = null;
  revision = 0;
  /** @type {Source | null} */
  #source = null;
  #digest = "";
  /** @type {Work | null} */
  #unsaved = null;
  #isInConflict = false;
  #timer = 0;
  /** @type {Promise<void> | null} */
  #saving = null;

  /**
   * Start with another photo. What is unsaved of the previous one must have been saved.
   * @param {Source | null} source
   * @param {string} digest of the photo
   * @param {string | null} key
   * @param {number} revision that was loaded
   */
  use(source, digest, key, revision) {
    clearTimeout(this.#timer);
    this.#source = source;
    this.#digest = digest;
    this.#unsaved = null;
    this.#isInConflict = false;
    this.key = key;
    this.revision = revision;
  }

  get isSaved() {
    return this.#unsaved === null && this.#saving === null;
  }

  /**
   * Save the work soon.
   * @param {Work} work
   */
  save(work) {
    this.#unsaved = work;
    if (this.#source) cacheWork({ digest: this.#digest, key: this.key, revision: this.revision, work });
    this.#schedule(SAVE_DELAY);
  }

  /** Save now what is unsaved. */
  async flush() {
    clearTimeout(this.#timer);
    while (this.#saving) await this.#saving; // another caller that waited may have begun to save
    const work = this.#unsaved;
    if (work === null || this.#isInConflict || !this.#source) return;
    this.#saving = this.#put(this.#source, work);
    try {
      await this.#saving;
    } finally {
      this.#saving = null;
    }
    const hasChanged = this.#unsaved !== null && this.#unsaved !== work;
    if (hasChanged && !this.#isInConflict) this.#schedule(SAVE_DELAY);
  }

  /** Save now what is unsaved, and what changes meanwhile; return whether the server has everything. */
  async flushAll() {
    await this.flush();
    if (!this.isSaved) await this.flush();
    return this.isSaved;
  }

  /**
   * Mark the kept photo as done, or as still to do. What changes meanwhile is saved afterwards, with the mark.
   * @param {boolean} done
   */
  async mark(done) {
    if (this.key === null) return;
    const marking = project.setDone(this.key, done);
    this.#saving = marking.then(() => {}, () => {});
    try {
      this.revision = await marking;
    } finally {
      this.#saving = null;
    }
    if (this.#unsaved) this.save({ ...this.#unsaved, done });
  }

  /** Keep the unsaved work as a copy of the photo; returns the key of the copy. */
  async keepAsCopy() {
    if (this.key === null || this.#unsaved === null) return null;
    const { key } = await project.keepCopy(this.key, this.#unsaved);
    this.discard();
    return key;
  }

  /** The person has not chosen between two versions: ask again after the next change. */
  postpone() {
    this.#isInConflict = false;
    clearTimeout(this.#timer);
  }

  /** Forget what is unsaved. */
  discard() {
    this.#unsaved = null;
    this.#isInConflict = false;
    forgetWork(this.#digest);
  }

  /** @param {number} milliseconds */
  #schedule(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), milliseconds);
  }

  /**
   * @param {Source} source
   * @param {Work} work
   */
  async #put(source, work) {
    const digest = this.#digest;
    try {
      const { revision } = this;
      const key = this.key ?? (await keep(source)).key;
      if (this.#source === source) this.key = key;
      const saved = await project.putSession(key, work, revision);
      if (this.#source !== source) return; // another photo was opened meanwhile
      this.revision = saved;
      if (this.#unsaved !== work) return;
      this.#unsaved = null;
      forgetWork(digest);
      this.dispatchEvent(new Event("saved"));
    } catch (error) {
      if (this.#source !== source) return;
      if (hasStatus(error, 412)) {
        this.#isInConflict = true;
        this.dispatchEvent(new Event("conflict"));
      } else if (hasStatus(error, 404)) {
        this.#unsaved = null;
        notify(t("This photo was deleted in another window. Press S to save your points to a file."), true);
      } else {
        const reason = error instanceof Error ? error.message : String(error);
        notify(t("Not saved yet: {reason} Your work is in this browser until it is.", { reason }), true);
        this.#schedule(RETRY_DELAY);
      }
    }
  }
}

/** @param {Source} source */
async function keep(source) {
  if ("sample" in source) return project.keepSample(source.sample);
  if ("initialPhoto" in source) return project.keepInitialPhoto();
  return source;
}
