// Keys that work wherever the focus is, except in what takes text or moves by arrows itself.

/** Across and down on the screen, of keys that point. */
export const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param plain what single keys do
 * @param first what they do on the first page
 * @param held {undo, redo, hold, space}: what keys with Ctrl do, and keys that are held
 */
export function watchKeys(plain, first, { undo, redo, hold, space }) {
  document.addEventListener("pointerdown", () => document.body.classList.remove("by-keys"), true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.key in WAYS) document.body.classList.add("by-keys");
    if (document.querySelector("dialog[open]")) return;
    const isFirst = document.body.classList.contains("empty");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (isFirst && !(key in first)) return;
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) redo();
      else undo();
      return;
    }
    const isChoosing = event.target.matches("select, input:not([type=range])");
    if (event.altKey || isChoosing) return;
    if (key === "c") {
      hold(true);
    } else if (key === " ") {
      if (event.target.matches("button, input")) return;
      event.preventDefault();
      space(true);
    } else if (key in plain) {
      event.preventDefault();
      (isFirst ? first : plain)[key]();
    }
  });
  document.addEventListener("keyup", ({ key }) => {
    if (key === "c" || key === "C") hold(false);
    if (key === " ") space(false);
  });
  window.addEventListener("blur", () => { hold(false); space(false); });
}
