// @ts-check
// Saves work, and restores it when the page is opened again.

import { NO_ANNOTATIONS } from "./annotations.js";
import { toHintFile } from "./hint_file.js";
import { isSentToStart } from "./language_choice.js";
import { keepFile, keepSample, putSession } from "./project_api.js";
import { showStartPage } from "./start_page.js";
import { forgetWork, loadAllWork, loadSettings, saveSettings } from "./storage.js";

/**
 * @import { Album } from "./album.js"
 * @import { Config } from "./api.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { Look } from "./look.js"
 * @import { CachedWork, EarlierWork, Source } from "./storage.js"
 * @import { View } from "./view.js"
 */

/**
 * Save the annotations of the open photo and the current choices.
 * @param {object} parts
 * @param {Comparison} parts.comparison
 * @param {EditorDocument} parts.editor
 * @param {Look} parts.look
 * @param {ColorPicker} parts.picker
 * @param {View} parts.view
 */
export function saveWork({ comparison, editor, look, picker, view }) {
  if (!editor.photo) return;
  const { model, compareWith } = comparison;
  editor.save({ model, compareWith, mode: view.mode, ...look.settings });
  rememberPhoto({ editor, picker });
}

/**
 * Remember which photo is open, for the next time.
 * @param {{ editor: EditorDocument, picker: ColorPicker }} parts
 */
export const rememberPhoto = ({ editor, picker }) =>
  saveSettings({ lastPhoto: editor.source ?? undefined, recentColors: picker.recent });

/**
 * Open the photo on the command line, or the one of the last time; otherwise show the start page.
 * @param {{ album: Album, editor: EditorDocument, picker: ColorPicker, samples: string[] }} parts
 * @param {Config} config
 */
export async function restoreWork({ album, editor, picker, samples }, { initial_photo: initialPhoto }) {
  await sendCachedWork();
  await album.refresh();
  const { lastPhoto, recentColors } = await loadSettings();
  picker.setRecent(recentColors ?? []);
  const source = initialPhoto ? { initialPhoto } : lastPhoto;
  const opens = !isSentToStart() && canOpen(source, album);
  if (!opens || !(await editor.open(source))) await showStartPage(samples, editor, album);
}

/**
 * Whether a source can still be opened: a kept photo may have been deleted.
 * @param {Source | undefined} source
 * @param {Album} album
 * @returns {source is Source}
 */
function canOpen(source, album) {
  if (typeof source !== "object") return false;
  return !("key" in source) || album.photos.some(({ key }) => key === source.key);
}

/** Send what lies only in this browser to the server: the page was closed too soon, or is from an earlier version. */
async function sendCachedWork() {
  for (const each of await loadAllWork()) {
    try {
      if ("work" in each) await sendUnsaved(each);
      else await sendEarlier(each);
    } catch { /* it stays in this browser; if somebody else has saved the photo, opening it asks what to keep */ }
  }
}

/** @param {CachedWork} cached */
async function sendUnsaved({ digest, key, revision, work }) {
  if (key === null) return;
  await putSession(key, work, revision);
  await forgetWork(digest);
}

/** @param {EarlierWork} earlier */
async function sendEarlier({ digest, source, annotations, model }) {
  if (!source || !annotations) return;
  const kept = "blob" in source ? await keepFile(source.blob, source.name) : await keepSample(source.sample);
  const work = {
    hints: JSON.parse(toHintFile({ ...NO_ANNOTATIONS, ...annotations })),
    preparation: {},
    settings: { model },
    history: { marks: { points: [], strokes: [] }, past: [], future: [] },
    done: false,
  };
  if (kept.revision === 0) await putSession(kept.key, work, 0);
  await forgetWork(digest);
}
