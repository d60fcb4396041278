// @ts-check
// Pictures of samples: half gray, half in color. Pointers and arrow keys move the line between both.

import { el } from "./dom.js";
import { ARROWS } from "./shortcuts.js";

const KEY_STEP = 10; // percent

/**
 * Create a picture that turns from gray into color.
 * @param {string} url of the colored picture
 */
export function createWipe(url) {
  return el(
    "span",
    { class: "wipe" },
    el("img", { src: url, alt: "", draggable: "false" }),
    el("img", { src: url, alt: "", class: "before", draggable: "false" }),
  );
}

/**
 * Let pointers over a button, and keys while it has the focus, move the line.
 * @param {HTMLElement} button
 * @param {HTMLElement} wipe the picture in it
 */
export function bindWipe(button, wipe) {
  /** @param {number} percent */
  const move = (percent) => {
    wipe.classList.add("is-held");
    wipe.style.setProperty("--wipe", `${Math.min(100, Math.max(0, percent))}%`);
  };
  const release = () => {
    wipe.classList.remove("is-held");
    wipe.style.removeProperty("--wipe");
  };
  button.addEventListener("pointermove", ({ clientX }) => {
    const { left, width } = wipe.getBoundingClientRect();
    move((100 * (clientX - left)) / width);
  });
  for (const type of ["pointerleave", "pointercancel", "blur"]) button.addEventListener(type, release);
  button.addEventListener("keydown", (event) => {
    const [dx] = ARROWS[event.key] ?? [0];
    if (dx === 0) return;
    event.preventDefault();
    move(parseFloat(getComputedStyle(wipe).getPropertyValue("--wipe")) + KEY_STEP * dx);
  });
}
