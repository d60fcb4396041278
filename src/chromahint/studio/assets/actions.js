// @ts-check
// What a person can do with buttons, keys, and dropped files.

import { NO_ANNOTATIONS } from "./annotations.js";
import { byId, button, html, input, notify, onGroupClick } from "./dom.js";
import { droppedFiles, visibleFiles } from "./dropped_files.js";
import { bindShortcuts } from "./shortcuts.js";
import { hideStartPage, showStartPage } from "./start_page.js";
import { t } from "./translation.js";

/**
 * @import { Album } from "./album.js"
 * @import { Annotations } from "./annotations.js"
 * @import { AreaControl } from "./area_control.js"
 * @import { ColorMenu } from "./color_menu.js"
 * @import { ColorPicker } from "./color_picker.js"
 * @import { Coloring } from "./coloring.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { EditTools, ToolName } from "./edit_tools.js"
 * @import { KeyboardCursor } from "./keyboard_cursor.js"
 * @import { Look } from "./look.js"
 * @import { Pointers } from "./pointers.js"
 * @import { SizeSlider } from "./size_slider.js"
 * @import { View } from "./view.js"
 * @import { WhereNext } from "./where_next.js"
 *
 * @typedef {object} Parts
 * @property {Album} album
 * @property {Annotations} annotations
 * @property {AreaControl} areaControl
 * @property {ColorMenu} colorMenu
 * @property {Coloring} coloring
 * @property {Comparison} comparison
 * @property {KeyboardCursor} cursor
 * @property {EditorDocument} editor
 * @property {ColorPicker} picker
 * @property {Look} look
 * @property {Pointers} pointers
 * @property {string[]} samples names of the sample photos
 * @property {SizeSlider} sizeSlider
 * @property {EditTools} tools
 * @property {View} view
 * @property {WhereNext} whereNext
 */

/** @param {Parts} parts */
function createActions({ album, annotations, coloring, comparison, editor, look, picker, samples, tools, view }) {
  return {
    openFile: () => input("photo-file").click(),
    openFolder: () => input("folder").click(),
    openReference: () => input("reference-file").click(),
    saveSession: () => editor.saveSession(),
    download: () => {
      if (!editor.photo) return;
      if (coloring.staysGray(comparison.model)) notify(t("There's no color yet. Click somewhere on the photo first."));
      else editor.download(comparison.model, look.settings);
    },
    undo: () => {
      tools.release();
      notify(annotations.undo() ? t("Undone.") : t("Nothing to undo."));
    },
    redo: () => {
      tools.release();
      notify(annotations.redo() ? t("Redone.") : t("Nothing to redo."));
    },
    removeSelected: () => tools.remove(),
    removeAll: () => annotations.set(NO_ANNOTATIONS),
    toggleGray: () => picker.toggleGray(),
    zoomIn: () => view.zoom(1.25),
    zoomOut: () => view.zoom(0.8),
    zoomToFit: () => view.fit(),
    showHelp: () => byId("help-dialog", HTMLDialogElement).showModal(),
    showStartPage: () => showStartPage(samples, editor, album),
    returnToPhoto: () => {
      if (editor.photo) hideStartPage();
    },
  };
}

/** @param {ReturnType<typeof createActions>} actions */
function bindButtons(actions) {
  /** @type {Record<string, () => unknown>} */
  const clicks = {
    "home": actions.showStartPage,
    "open": actions.openFile,
    "open-first": actions.openFile,
    "open-folder": actions.openFolder,
    "back": actions.returnToPhoto,
    "undo": actions.undo,
    "redo": actions.redo,
    "save": actions.saveSession,
    "download": actions.download,
    "help": actions.showHelp,
    "zoom-in": actions.zoomIn,
    "zoom-out": actions.zoomOut,
    "zoom-fit": actions.zoomToFit,
    "keep-gray": actions.toggleGray,
    "open-reference": actions.openReference,
    "remove-selected": actions.removeSelected,
    "remove-all": actions.removeAll,
  };
  for (const [id, onClick] of Object.entries(clicks)) button(id).addEventListener("click", onClick);
}

/**
 * @param {Parts} parts
 * @param {ReturnType<typeof createActions>} actions
 */
function bindKeys(parts, actions) {
  const { album, areaControl, colorMenu, comparison, cursor, pointers, sizeSlider, tools, whereNext } = parts;
  const { openFile, showHelp, zoomIn, zoomOut, removeSelected } = actions;
  bindShortcuts({
    editor: {
      "o": openFile,
      "s": actions.saveSession,
      "d": actions.download,
      "g": actions.toggleGray,
      "r": actions.openReference,
      "x": () => tools.toggleHidden(),
      "n": () => comparison.useNextModel(),
      "p": () => tools.use("point"),
      "b": () => tools.use("brush"),
      "e": () => tools.use("erase"),
      "i": () => tools.use("pick"),
      "h": () => tools.use("move"),
      "w": () => whereNext.show(),
      "t": () => whereNext.take(),
      "f": () => tools.use("repair"),
      "a": () => areaControl.use("part"),
      "l": () => areaControl.use("outline"),
      "1": () => comparison.use({ mode: "single" }),
      "2": () => comparison.use({ mode: "side-by-side" }),
      "3": () => comparison.use({ mode: "split" }),
      "0": actions.zoomToFit,
      "+": zoomIn,
      "=": zoomIn,
      "-": zoomOut,
      "[": () => sizeSlider.step(-5),
      "]": () => sizeSlider.step(5),
      ",": () => cursor.selectNeighbor(-1),
      ".": () => cursor.selectNeighbor(1),
      "m": () => album.toggleDone(),
      "PageUp": () => album.step(-1),
      "PageDown": () => album.step(1),
      "?": showHelp,
      "Delete": removeSelected,
      "Backspace": removeSelected,
      "Escape": () => {
        whereNext.hide();
        if (!colorMenu.escape() && !cursor.escape()) tools.select(null);
      },
    },
    startPage: { "o": openFile, "?": showHelp, "Escape": actions.returnToPhoto },
    undo: actions.undo,
    redo: actions.redo,
    onCompare: (isHeld) => comparison.showOther(isHeld),
    onSpace: (isHeld) => {
      pointers.isSpaceHeld = isHeld;
    },
  });
}

/** @param {Parts} parts */
function bindFiles({ album, editor }) {
  /** @param {File[]} files */
  const open = (files) => {
    if (files.length === 1 && /\.json$/i.test(files[0].name)) editor.openHints(files[0]);
    else if (files.length) album.add(files);
  };
  for (const picker of [input("photo-file"), input("folder")]) {
    picker.addEventListener("change", () => {
      open(visibleFiles([...picker.files ?? []]));
      picker.value = "";
    });
  }
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("drop-target");
  });
  document.addEventListener("dragleave", (event) => {
    event.preventDefault();
    document.body.classList.remove("drop-target");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("drop-target");
    if (event.dataTransfer) droppedFiles(event.dataTransfer).then(open);
  });
}

/**
 * Connect buttons, keys, and dropped files with what they do.
 * @param {Parts} parts
 */
export function bindActions(parts) {
  const actions = createActions(parts);
  bindButtons(actions);
  bindKeys(parts, actions);
  bindFiles(parts);
  onGroupClick(html("tools"), (tool) => parts.tools.use(/** @type {ToolName} */ (tool)));
}
