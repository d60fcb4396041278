// @ts-check
// What is asked about photos: which version to keep, what to copy where, what to download.

import { button, byId, el, html, notify, notifyError } from "./dom.js";
import { copyTo, getExport, startExport, stopExport, zipUrl } from "./project_api.js";
import { showThumbnail } from "./thumbnails.js";
import { formatNumber, plural, t } from "./translation.js";

/**
 * @import { Album } from "./album.js"
 * @import { EditorDocument } from "./document.js"
 * @import { Progress } from "./progress.js"
 * @import { ExportProgress, KeptPhoto, Part } from "./project_api.js"
 */

const POLL_DELAY = 400; // milliseconds

/**
 * Ask a question; returns the value of the button that was pressed, empty if it was closed with a key.
 * @param {string} id of the dialog
 * @returns {Promise<string>}
 */
export function ask(id) {
  const dialog = byId(id, HTMLDialogElement);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/** @param {string} group */
const checkedValues = (group) =>
  [.../** @type {NodeListOf<HTMLInputElement>} */ (html(group).querySelectorAll("input:checked"))].map(
    ({ value }) => value,
  );

/**
 * Connect the dialogs.
 * @param {Album} album
 * @param {EditorDocument} editor
 * @param {Progress} progress
 */
export function bindAlbumDialogs(album, editor, progress) {
  editor.sync.addEventListener("conflict", () => resolveConflict(album, editor).catch(notifyError));
  button("copy-to").addEventListener("click", () => copyWork(album, editor).catch(notifyError));
  button("download-all").addEventListener("click", () => exportPhotos(album, editor, progress).catch(notifyError));
  const boxes = () => [.../** @type {NodeListOf<HTMLInputElement>} */ (html("copy-targets").querySelectorAll("input"))];
  const update = () => {
    button("copy-confirm").disabled = checkedValues("copy-targets").length === 0 ||
      checkedValues("copy-parts").length === 0;
  };
  byId("copy-dialog", HTMLDialogElement).addEventListener("input", update);
  button("copy-select-all").addEventListener("click", () => {
    const isChecked = boxes().some((box) => !box.checked);
    for (const box of boxes()) box.checked = isChecked;
    update();
  });
}

/**
 * Somebody else has saved the open photo: let the person choose.
 * @param {Album} album
 * @param {EditorDocument} editor
 */
async function resolveConflict(album, editor) {
  const { key } = editor.sync;
  const answer = await ask("conflict-dialog");
  if (key === null || editor.sync.key !== key) return;
  if (answer === "load") {
    editor.sync.discard();
    await editor.open({ key });
  } else if (answer === "copy") {
    const copy = await editor.sync.keepAsCopy();
    if (copy === null || !(await editor.open({ key: copy }))) return;
    notify(t("Your version is kept as a copy, beside the other one."));
  } else {
    notify(t("Not saved: the next change asks again."), true);
    editor.sync.postpone();
  }
  await album.refresh();
}

/**
 * Copy parts of the work on the open photo to others.
 * @param {Album} album
 * @param {EditorDocument} editor
 */
async function copyWork(album, editor) {
  await editor.sync.flush();
  await album.refresh();
  const { current } = album;
  if (!current) return;
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (html("copy-parts").querySelectorAll("input"))) {
    box.checked = current.parts.includes(/** @type {Part} */ (box.value));
    /** @type {HTMLElement} */ (box.closest("label")).hidden = !box.checked;
  }
  html("copy-targets").replaceChildren(...album.photos.filter((photo) => photo !== current).map(targetChoice));
  button("copy-confirm").disabled = true;
  if (await ask("copy-dialog") !== "copy") return;
  const count = await copyTo(
    current.key,
    checkedValues("copy-targets"),
    /** @type {Part[]} */ (checkedValues("copy-parts")),
  );
  notify(plural(count, "Copied to {count} photo.", "Copied to {count} photos."));
  await album.refresh();
}

/** @param {KeptPhoto} photo */
function targetChoice(photo) {
  const image = el("img", { alt: "", width: 88, height: 66 });
  showThumbnail(image, photo);
  return el(
    "label",
    { class: "choice" },
    el("input", { type: "checkbox", value: photo.key }),
    image,
    el("span", {}, photo.name),
  );
}

/**
 * Color many photos at full size: into a zip file, or beside their originals.
 * @param {Album} album
 * @param {EditorDocument} editor
 * @param {Progress} progress
 */
async function exportPhotos(album, editor, progress) {
  if (progress.isRunning) return;
  await editor.sync.flush();
  await album.refresh();
  const done = album.photos.filter((photo) => photo.done);
  const [all, onlyDone] = html("export-which").querySelectorAll("span");
  all.textContent = `(${formatNumber(album.photos.length)})`;
  onlyDone.textContent = `(${formatNumber(done.length)})`;
  const [chooseAll, chooseDone] = /** @type {NodeListOf<HTMLInputElement>} */ (
    html("export-which").querySelectorAll("input")
  );
  chooseDone.disabled = done.length === 0;
  if (chooseDone.disabled) chooseAll.checked = true;
  button("export-folder").hidden = album.photos.every((photo) => photo.added);
  const target = await ask("export-dialog");
  if (target !== "zip" && target !== "folder") return;
  const photos = chooseDone.checked ? done : album.photos;
  const { id } = await startExport(photos.map(({ key }) => key), target);
  if (target === "zip") el("a", { href: zipUrl(id), download: "colored-photos.zip" }).click();
  await progress.during((signal, show) => follow(id, signal, show));
  report(await getExport(id), target);
}

/**
 * Show how far an export is until it ends.
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {(done: number, total: number, label: string) => void} show
 */
async function follow(id, signal, show) {
  signal.addEventListener("abort", () => stopExport(id).catch(notifyError));
  for (;;) {
    const { state, done, total } = await getExport(id);
    if (state === "finished" || state === "stopped") return;
    show(done, total, t("Coloring photo {count} of {total}", { count: Math.min(done + 1, total), total }));
    await new Promise((resolve) => setTimeout(resolve, POLL_DELAY));
  }
}

/**
 * @param {ExportProgress} result
 * @param {"zip" | "folder"} target
 */
function report({ state, done, total, failed }, target) {
  const isZip = target === "zip";
  if (state === "stopped") {
    notify(t("Stopped after {done} of {total} photos.", { done, total }));
  } else if (failed.length) {
    const values = { done: total - failed.length, total, reasons: failed.join(" ") };
    notify(isZip
      ? t("{done} of {total} photos are in your downloads folder. {reasons}", values)
      : t("{done} of {total} photos are beside the originals. {reasons}", values), true);
  } else {
    notify(isZip
      ? plural(
        total,
        "Done! {count} colored photo is in your downloads folder.",
        "Done! {count} colored photos are in your downloads folder.",
      )
      : plural(
        total,
        "Done! {count} colored photo is beside the original.",
        "Done! {count} colored photos are beside the originals.",
      ));
  }
}

/**
 * Ask whether to delete a photo, and do so.
 * @param {Album} album
 * @param {KeptPhoto} photo
 * @returns {Promise<boolean>} whether it was deleted
 */
export async function deletePhoto(album, photo) {
  const { added, name } = photo;
  html("delete-title").textContent = added ? t("Delete {name}?", { name }) : t("Delete the work on {name}?", { name });
  html("delete-text").textContent = added ? consequence(photo.count) : workConsequence(photo.count);
  if (await ask("delete-dialog") !== "delete") return false;
  await album.delete(photo.key);
  return true;
}

/** @param {number} count of the points and strokes on a photo that will be deleted */
const consequence = (count) => (count === 0
  ? t("This can't be undone.")
  : plural(
    count,
    "This can't be undone. {count} point or stroke on it will be lost.",
    "This can't be undone. {count} points and strokes on it will be lost.",
  ));

/** @param {number} count of the points and strokes that will be deleted, while their photo stays */
const workConsequence = (count) => (count === 0
  ? t("The photo stays in its folder.")
  : plural(
    count,
    "The photo stays in its folder. {count} point or stroke on it will be lost.",
    "The photo stays in its folder. {count} points and strokes on it will be lost.",
  ));
