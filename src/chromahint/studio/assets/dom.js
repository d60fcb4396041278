// @ts-check
// Helpers for page elements. Text is always set as text, never as HTML.

import { t } from "./translation.js";

/**
 * Find an element by its id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type its class, such as HTMLButtonElement
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`#${id}: not found, or not a ${type.name}.`);
  return found;
}

/** @param {string} id */
export const html = (id) => byId(id, HTMLElement);
/** @param {string} id */
export const button = (id) => byId(id, HTMLButtonElement);
/** @param {string} id */
export const input = (id) => byId(id, HTMLInputElement);
/** @param {string} id */
export const select = (id) => byId(id, HTMLSelectElement);
/** @param {string} id */
export const canvas = (id) => byId(id, HTMLCanvasElement);

/**
 * Return the 2D context of a canvas.
 * @overload
 * @param {HTMLCanvasElement} surface
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D}
 */
/**
 * @overload
 * @param {OffscreenCanvas} surface
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {OffscreenCanvasRenderingContext2D}
 */
/**
 * @param {HTMLCanvasElement | OffscreenCanvas} surface
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function context2d(surface, settings) {
  const context = surface.getContext("2d", settings);
  if (context === null) throw new Error(t("This browser can't draw on a canvas."));
  return context;
}

/**
 * Give a canvas as many pixels as it needs. It is cleared if that changes their number.
 * @param {HTMLCanvasElement} canvas
 * @param {{ width: number, height: number }} size in CSS pixels
 * @param {number} ratio canvas pixels per CSS pixel
 */
export function resizeCanvas(canvas, { width, height }, ratio) {
  const pixelWidth = Math.round(width * ratio);
  const pixelHeight = Math.round(height * ratio);
  if (canvas.width === pixelWidth && canvas.height === pixelHeight) return;
  canvas.width = pixelWidth;
  canvas.height = pixelHeight;
}

/**
 * Create an element. Functions among the attributes become event listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, /** @type {EventListener} */ (value));
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * Mark one button of a group as pressed and release the others.
 * @param {Element} group
 * @param {string} value
 */
export function setPressed(group, value) {
  for (const each of group.querySelectorAll("button")) {
    each.setAttribute("aria-pressed", String(each.value === value));
  }
}

/**
 * Call a function with the value of the button that is clicked in a group.
 * @param {Element} group
 * @param {(value: string) => void} callback
 */
export function onGroupClick(group, callback) {
  group.addEventListener("click", ({ target }) => {
    const pressed = target instanceof Element ? target.closest("button") : null;
    if (pressed?.value) callback(pressed.value);
  });
}

const SPINNER_DELAY = 500; // milliseconds; shorter tasks show only their result
let pendingTasks = 0;
let spinnerTimer = 0;

/**
 * Show a spinner while a task runs.
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function withSpinner(task) {
  if (++pendingTasks === 1) {
    spinnerTimer = setTimeout(() => document.body.classList.add("waiting"), SPINNER_DELAY);
  }
  document.body.classList.add("busy");
  try {
    return await task();
  } finally {
    if (--pendingTasks === 0) {
      clearTimeout(spinnerTimer);
      document.body.classList.remove("busy", "waiting");
    }
  }
}

let noticeTimer = 0;

/**
 * Show a message for a few seconds; screen readers announce it too.
 * @param {string} text
 * @param {boolean} [isError]
 */
export function notify(text, isError = false) {
  const notice = html("notice");
  notice.textContent = text;
  notice.classList.toggle("error", isError);
  notice.classList.add("shown");
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => notice.classList.remove("shown"), isError ? 9000 : 3500);
}

/** Hide the message. */
export const clearNotice = () => html("notice").classList.remove("shown");

/**
 * Show what went wrong.
 * @param {unknown} error
 */
export const notifyError = (error) => notify(error instanceof Error ? error.message : String(error), true);

/**
 * Save a file to the downloads folder.
 * @param {Blob} blob
 * @param {string} name
 */
export function saveFile(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
