// @ts-check
// A ring of the size of points and strokes around the pointer. It is an element of its own, so nothing is drawn anew.

import { html } from "./dom.js";

/**
 * @import { EditTools, ToolName } from "./edit_tools.js"
 * @import { View } from "./view.js"
 */

/** @type {ToolName[]} */
const TOOLS = ["point", "brush", "erase", "repair"];
const MIN_SIZE = 6; // stage pixels
const SIZE_EVENTS = ["input", "change"];

/**
 * Show the ring while a pointer that can hover is over the photo.
 * @param {View} view
 * @param {EditTools} tools
 */
export function bindBrushRing(view, tools) {
  const { stage } = view;
  const ring = html("brush-ring");
  /** @type {{ clientX: number, clientY: number } | null} */
  let pointer = null;
  const update = () => {
    const isOver = pointer !== null && TOOLS.includes(tools.tool) && !stage.classList.contains("over-annotation");
    ring.hidden = !isOver || !view.photo || !view.toPhoto(pointer?.clientX ?? 0, pointer?.clientY ?? 0).isInside;
    if (ring.hidden || !pointer) return;
    const { left, top } = stage.getBoundingClientRect();
    const size = Math.max(MIN_SIZE, 2 * tools.radius * view.scale);
    ring.style.width = ring.style.height = `${size}px`;
    ring.style.transform = `translate(${pointer.clientX - left - size / 2}px, ${pointer.clientY - top - size / 2}px)`;
  };
  stage.addEventListener("pointermove", ({ clientX, clientY, pointerType, target }) => {
    const isControl = target instanceof Element && target.closest("button, #color-menu, #next-place, #divider");
    pointer = pointerType === "touch" || isControl ? null : { clientX, clientY };
    update();
  });
  stage.addEventListener("pointerleave", () => {
    pointer = null;
    update();
  });
  view.addEventListener("move", update);
  tools.addEventListener("tool", update);
  for (const type of SIZE_EVENTS) html("size").addEventListener(type, update);
}
