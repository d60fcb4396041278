// @ts-check
// Keyboard shortcuts that work wherever the focus is, except in elements that use the keys themselves.

/**
 * @typedef {Record<string, () => unknown>} KeyMap
 *
 * @typedef {object} Shortcuts
 * @property {KeyMap} editor keys while a photo is open
 * @property {KeyMap} startPage keys on the start page
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {(isHeld: boolean) => void} onCompare C is pressed or released
 * @property {(isHeld: boolean) => void} onSpace Space is pressed or released
 */

/** @type {Record<string, [dx: number, dy: number]>} */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {Shortcuts} shortcuts */
export function bindShortcuts({ editor, startPage, undo, redo, onCompare, onSpace }) {
  document.addEventListener("pointerdown", () => document.body.classList.remove("uses-keyboard"), true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.key in ARROWS) document.body.classList.add("uses-keyboard");
    if (document.querySelector("dialog[open]")) return;
    const isStartPage = document.body.classList.contains("start-page-open");
    const keys = isStartPage ? startPage : editor;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (isStartPage && !(key in startPage)) return;
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) redo();
      else undo();
      return;
    }
    const target = /** @type {Element} */ (event.target);
    if (event.altKey || target.matches("select, input:not([type=range])")) return;
    if (key === "c") {
      onCompare(true);
    } else if (key === " ") {
      if (target.matches("button, input")) return;
      event.preventDefault();
      onSpace(true);
    } else if (key in keys) {
      event.preventDefault();
      keys[key]();
    }
  });
  document.addEventListener("keyup", ({ key }) => {
    if (key === "c" || key === "C") onCompare(false);
    if (key === " ") onSpace(false);
  });
  window.addEventListener("blur", () => {
    onCompare(false);
    onSpace(false);
  });
}
