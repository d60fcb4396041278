// @ts-check
// The studio: creates its parts and connects them.

import { bindActions } from "./actions.js";
import { Album } from "./album.js";
import { bindAlbumDialogs } from "./album_dialogs.js";
import { Annotations } from "./annotations.js";
import { AreaControl } from "./area_control.js";
import { getConfig } from "./api.js";
import { bindBrushRing } from "./brush_ring.js";
import { ColorClient } from "./color_client.js";
import { ColorMenu } from "./color_menu.js";
import { ColorPicker } from "./color_picker.js";
import { Coloring } from "./coloring.js";
import { Comparison } from "./comparison.js";
import { showPhotoName, updateControls } from "./controls.js";
import { EditorDocument } from "./document.js";
import { canvas, clearNotice, html, notifyError } from "./dom.js";
import { bindDownloadDialog } from "./download.js";
import { EditTools } from "./edit_tools.js";
import { Filmstrip } from "./filmstrip.js";
import { KeyboardCursor } from "./keyboard_cursor.js";
import { bindLanguageChoice } from "./language_choice.js";
import { Look } from "./look.js";
import { PaletteStrip } from "./palette_strip.js";
import { bindPhotoDetails } from "./photo_details.js";
import { PointList } from "./point_list.js";
import { Pointers } from "./pointers.js";
import { Preparation } from "./preparation.js";
import { Progress } from "./progress.js";
import { ReachView } from "./reach_view.js";
import { ReferenceImage } from "./reference_image.js";
import { rememberPhoto, restoreWork, saveWork } from "./saved_work.js";
import { SizeSlider } from "./size_slider.js";
import { hideStartPage } from "./start_page.js";
import { Suggestions } from "./suggestions.js";
import { View } from "./view.js";
import { WhereNext } from "./where_next.js";

/**
 * @import { Choice } from "./comparison.js"
 */

const annotations = new Annotations();
const editor = new EditorDocument(annotations);
const view = new View(html("stage"), { a: canvas("canvas-a"), b: canvas("canvas-b") }, canvas("overlay"));
const swatches = { suggested: html("suggested-colors"), recent: html("recent-colors"), common: html("common-colors") };
const picker = new ColorPicker(canvas("color-plane"), swatches, html("current-color"));
const tools = new EditTools(view, annotations, picker);
const cursor = new KeyboardCursor(view, tools);
const pointers = new Pointers(view, tools);
const colorMenu = new ColorMenu({ annotations, picker, tools, view });
const comparison = new Comparison(view);
const paletteStrip = new PaletteStrip(annotations, picker);
const sizeSlider = new SizeSlider({ annotations, editor, tools });
const look = new Look();
const coloring = new Coloring({ annotations, comparison, editor, look, pointers, view });
const suggestions = new Suggestions({ annotations, comparison, editor, picker, tools });
new ReachView({ annotations, comparison, editor, look, tools });
const whereNext = new WhereNext({ annotations, comparison, editor, tools, view });
const areaControl = new AreaControl({ annotations, comparison, editor, tools });
const preparation = new Preparation(editor, tools);
/** @type {string[]} */
const samples = [];
const progress = new Progress();
const album = new Album(editor, progress);
new Filmstrip(album);
const parts = {
  album, annotations, areaControl, colorMenu, coloring, comparison, cursor, editor, look, picker, pointers, samples,
  sizeSlider, tools, view, whereNext,
};
let isOpening = false;
new ReferenceImage(picker);
bindPhotoDetails(view);
bindBrushRing(view, tools);
new PointList({ annotations, tools, view });

editor.addEventListener("open", (event) => {
  const { photo } = editor;
  if (!photo) return;
  const { model, compareWith, mode, ...saved } = /** @type {CustomEvent<Choice>} */ (event).detail;
  hideStartPage();
  clearNotice();
  view.show(photo);
  tools.release();
  sizeSlider.set(sizeSlider.value);
  comparison.clearPsnr();
  paletteStrip.update();
  look.restore(saved);
  isOpening = true;
  comparison.use({ model, compareWith, mode });
  isOpening = false;
  showPhotoName(photo);
  album.refresh();
  view.stage.focus({ preventScroll: true });
  preparation.restore();
});
editor.addEventListener("reopen", () => {
  if (!preparation.reapply()) coloring.update();
});
preparation.addEventListener("change", () => {
  const { photo } = editor;
  if (!photo) return;
  view.replace(photo);
  comparison.clearPsnr();
  isOpening = true;
  comparison.use({});
  isOpening = false;
  showPhotoName(photo);
});
preparation.addEventListener("edit", () => saveWork(parts));
annotations.addEventListener("change", () => {
  coloring.update();
  updateControls(parts);
  view.refreshOverlay();
});
annotations.addEventListener("commit", () => {
  coloring.endGesture();
  updateControls(parts);
  saveWork(parts);
});
annotations.addEventListener("amend", () => saveWork(parts));
tools.addEventListener("select", (event) => {
  sizeSlider.update();
  updateControls(parts);
  suggestions.update(/** @type {CustomEvent<{ isNew: boolean }>} */ (event).detail.isNew);
});
comparison.addEventListener("choose", () => {
  coloring.update();
  suggestions.update();
  if (!isOpening) saveWork(parts);
});
look.addEventListener("change", () => coloring.update());
look.addEventListener("commit", () => saveWork(parts));
picker.addEventListener("choose", (event) => {
  const { isInterim } = /** @type {CustomEvent<{ isInterim: boolean }>} */ (event).detail;
  tools.recolorSelected(isInterim);
  updateControls(parts);
});

editor.sync.addEventListener("saved", () => album.refresh());
bindActions(parts);
bindAlbumDialogs(album, editor, progress);
bindDownloadDialog(parts);
bindLanguageChoice(async () => {
  await rememberPhoto(parts);
  await editor.sync.flush();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") editor.sync.flush();
  else album.catchUp();
});

async function start() {
  const config = await getConfig();
  samples.push(...config.samples);
  ColorClient.previewSizes = config.preview_sizes;
  comparison.setModels(config.models);
  await restoreWork(parts, config);
  document.body.dataset.ready = "yes";
}

start().catch(notifyError);
