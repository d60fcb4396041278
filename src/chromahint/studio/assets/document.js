// @ts-check
// The open photo with its annotations: open, save, download.

import { NO_ANNOTATIONS } from "./annotations.js";
import * as api from "./api.js";
import { notify, notifyError, saveFile, withSpinner } from "./dom.js";
import { photoOfHintFile, toAnnotations, toHintFile } from "./hint_file.js";
import { loadPhoto } from "./photo.js";
import { getSession, listPhotos, openKept } from "./project_api.js";
import { SessionSync } from "./session_sync.js";
import { loadCachedWork } from "./storage.js";
import { t } from "./translation.js";
import { decodeHistory, encodeHints, encodeHistory } from "./work.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { Choice } from "./comparison.js"
 * @import { Form } from "./download.js"
 * @import { LookSettings } from "./look.js"
 * @import { Photo } from "./photo.js"
 * @import { Source } from "./storage.js"
 * @import { Work } from "./work.js"
 */

/** @param {string} name */
const withoutSuffix = (name) => name.replace(/\.[^.]*$/, "");

/**
 * Events: "open" with the settings that were saved with the photo as its detail, "reopen" if the server has it again.
 */
export class EditorDocument extends EventTarget {
  /** @type {Photo | null} */
  photo = null;
  /** @type {Source | null} */
  source = null;
  /** @type {Record<string, unknown>} how the scan is prepared */
  preparation = {};
  isDone = false;
  sync = new SessionSync();
  #annotations;
  #isReopening = false;
  #openCount = 0;

  /** @param {Annotations} annotations */
  constructor(annotations) {
    super();
    this.#annotations = annotations;
  }

  /**
   * Open a photo, with the work that was saved for it. If several are being opened, the last one wins.
   * @param {Source} source
   * @returns {Promise<boolean>} whether it is open
   */
  async open(source) {
    const turn = ++this.#openCount;
    try {
      await this.sync.flush();
      const info = await withSpinner(() => openSource(source));
      if (turn !== this.#openCount) return false;
      const photo = await withSpinner(() => loadPhoto(info));
      let saved = await this.#saveAndLoad(source, photo);
      // a suggested color may have come meanwhile; what the server refuses stays in the browser
      if (!this.sync.isSaved) saved = await this.#saveAndLoad(source, photo);
      if (turn !== this.#openCount) return false;
      this.photo = photo;
      this.source = saved.key === null ? source : { key: saved.key };
      this.sync.use(this.source, photo.blake2b, saved.key, saved.revision);
      this.preparation = saved.work?.preparation ?? {};
      this.isDone = saved.work?.done ?? false;
      this.#annotations.load(saved.current, saved.history);
      this.dispatchEvent(new CustomEvent("open", { detail: saved.work?.settings ?? {} }));
      if (saved.isUnsaved && saved.work) this.sync.save(saved.work);
      return true;
    } catch (error) {
      if (turn === this.#openCount) notifyError(error);
      return false;
    }
  }

  /**
   * Save what has changed on the open photo while another one was loading; load the work on that one.
   * @param {Source} source
   * @param {Photo} photo
   */
  async #saveAndLoad(source, photo) {
    await this.sync.flush();
    return loadWork(source, photo);
  }

  /**
   * Save the work on the photo.
   * @param {Choice} settings
   */
  save(settings) {
    const { count, past, future } = this.#annotations;
    const hasWork = count + past.length + future.length + Object.keys(this.preparation).length > 0;
    if (!this.photo || (this.sync.key === null && !hasWork)) return;
    this.sync.save({
      hints: encodeHints(this.#annotations),
      preparation: this.preparation,
      settings,
      history: encodeHistory(this.#annotations),
      done: this.isDone,
    });
  }

  /** Close the photo: it was deleted. */
  close() {
    this.sync.discard();
    this.sync.use(null, "", null, 0);
    this.photo = null;
    this.source = null;
    this.#annotations.load(NO_ANNOTATIONS);
  }

  /** Send the photo again: the server was restarted, or has closed it to make room for others. */
  async reopen() {
    const { photo } = this;
    if (this.#isReopening || !photo || !this.source) return;
    this.#isReopening = true;
    try {
      photo.id = (await openSource(this.source)).id;
      if (photo === this.photo) this.dispatchEvent(new Event("reopen"));
    } catch (error) {
      notifyError(error);
    } finally {
      this.#isReopening = false;
    }
  }

  /**
   * Open a file of points and strokes. If it names a photo that is kept, that is opened first.
   * @param {File} file
   */
  async openHints(file) {
    const text = await file.text();
    const made = photoOfHintFile(text);
    const isOtherPhoto = () => Boolean(made?.blake2b) && made?.blake2b !== this.photo?.blake2b;
    const key = isOtherPhoto() ? await findKey(made?.blake2b) : null;
    if (key !== null && !(await this.open({ key }))) return;
    if (!this.photo) {
      notify(made?.name
        ? t("This file is a saved session. Open its photo ({name}) first, then open the session.", { name: made.name })
        : t("This file is a saved session. Open its photo first, then open the session."), true);
      return;
    }
    try {
      this.#annotations.set(toAnnotations(await api.parseHints(this.photo.id, text), this.photo));
      if (!isOtherPhoto()) notify(t("Session opened."));
      else if (made?.name) notify(t("This session belongs to a different photo: {name}.", { name: made.name }), true);
      else notify(t("This session belongs to a different photo."), true);
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
   * @param {LookSettings} look
   * @param {Form} [form] of the file; that of the photo by default
   */
  async download(model, look, form) {
    const { photo } = this;
    if (!photo) return;
    const suffix = form?.suffix ?? photo.suffix;
    notify(t("Coloring the full-size photo…"));
    try {
      const hints = toHintFile(this.#annotations.current);
      const colored = await withSpinner(() => api.getColoredPhoto(photo.id, model, form ?? { suffix }, hints, look));
      saveFile(colored, `${withoutSuffix(photo.name)}-${form?.content ?? "colored"}${suffix}`);
      notify(t("Done! The colored photo is in your downloads folder."));
    } catch (error) {
      if (api.hasStatus(error, 404)) {
        await this.reopen();
        notify(t("The photo had to be reopened. Please press Download again."), true);
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
  return openKept(source.key);
}

/**
 * Find the key of a photo that is kept and has been worked on.
 * @param {string | undefined} digest
 */
async function findKey(digest) {
  const { photos } = await listPhotos();
  return photos.find(({ blake2b }) => blake2b === digest)?.key ?? null;
}

/**
 * Load the work on a photo: that of the server, or what the server does not have yet.
 * @param {Source} source
 * @param {Photo} photo
 */
async function loadWork(source, photo) {
  const key = "key" in source ? source.key : await findKey(photo.blake2b);
  const session = key === null ? null : await getSession(key);
  const cached = await loadCachedWork(photo.blake2b);
  const isKnown = cached !== undefined && session !== null && sameWork(cached.work, session);
  const isUnsaved = cached !== undefined && cached.key === key && !isKnown;
  /** @type {Work | null} */
  const work = isUnsaved ? cached.work : session;
  return {
    key,
    work,
    isUnsaved,
    // if somebody else has saved the photo meanwhile, the server refuses this revision, and the person is asked
    revision: isUnsaved ? cached.revision : session?.revision ?? 0,
    current: work ? toAnnotations(await api.parseHints(photo.id, JSON.stringify(work.hints)), photo) : NO_ANNOTATIONS,
    history: work ? decodeHistory(work.history, photo) : { past: [], future: [] },
  };
}

/**
 * Whether two versions of the work on a photo differ only in settings: the browser may have closed before it heard that
 * the server has saved its version.
 * @param {Work} first
 * @param {Work} second
 */
const sameWork = (first, second) =>
  ["hints", "preparation", "done"].every((name) => JSON.stringify(Object(first)[name]) ===
    JSON.stringify(Object(second)[name]));
