// @ts-check
// Saves work in this browser, and restores it when the page is opened again.

import { loadPhoto, loadSettings, savePhoto, saveSettings } from "./storage.js";
import { showStartPage } from "./start_page.js";

/**
 * @import { Annotations } from "./annotations.js"
 * @import { Config } from "./api.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { View } from "./view.js"
 */

/**
 * Save the annotations of the open photo and the current choices.
 * @param {object} parts
 * @param {Annotations} parts.annotations
 * @param {Comparison} parts.comparison
 * @param {EditorDocument} parts.editor
 * @param {ColorPicker} parts.picker
 * @param {View} parts.view
 */
export function saveWork({ annotations, comparison, editor, picker, view }) {
  if (!editor.photo) return;
  const { blake2b } = editor.photo;
  const { model, compareWith } = comparison;
  savePhoto(blake2b, { annotations: annotations.current, model, compareWith, mode: view.mode });
  saveSettings({ lastPhoto: blake2b, recentColors: picker.recent });
}

/**
 * Open the photo on the command line, or the one of the last time; otherwise show the start page.
 * @param {{ editor: EditorDocument, picker: ColorPicker, samples: string[] }} parts
 * @param {Config} config
 */
export async function restoreWork({ editor, picker, samples }, { initial_photo: initialPhoto }) {
  const { lastPhoto, recentColors } = await loadSettings();
  picker.setRecent(recentColors ?? []);
  const source = initialPhoto ? { initialPhoto } : (await loadPhoto(lastPhoto ?? ""))?.source;
  const canOpen = source && (!("initialPhoto" in source) || initialPhoto);
  if (!canOpen || !(await editor.open(source))) await showStartPage(samples, editor);
}
