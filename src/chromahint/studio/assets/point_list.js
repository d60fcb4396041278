// @ts-check
// The list of points and strokes in the side panel: each can be found, weakened, switched off, and removed there.

import { isEraser, isSameRef } from "./annotations.js";
import { el, html } from "./dom.js";
import { positionOf } from "./geometry.js";
import { icon } from "./icons.js";
import { nameOfColor } from "./named_colors.js";
import { dotColor } from "./overlay.js";
import { formatNumber, t } from "./translation.js";

/**
 * @import { Annotation, AnnotationRef, Annotations } from "./annotations.js"
 * @import { EditTools } from "./edit_tools.js"
 * @import { View } from "./view.js"
 *
 * @typedef {object} Parts
 * @property {Annotations} annotations
 * @property {EditTools} tools
 * @property {View} view
 *
 * @typedef {object} Row
 * @property {AnnotationRef} ref
 * @property {HTMLLIElement} item
 * @property {(annotation: Annotation) => void} show
 */

export class PointList {
  #parts;
  #panel = html("points");
  #list = html("point-list");
  /** @type {Row[]} */
  #rows = [];

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    parts.annotations.addEventListener("change", () => this.update());
    parts.tools.addEventListener("select", () => this.update());
    this.#panel.addEventListener("toggle", () => this.update());
  }

  /** Show the annotations. Rows are kept while there are as many, so that a slider can be dragged. */
  update() {
    const { points, strokes } = this.#parts.annotations.current;
    const count = points.length + strokes.length;
    html("point-count").textContent = count ? `(${formatNumber(count)})` : "";
    if (!this.#panel.hasAttribute("open")) return;
    const refs = [
      ...points.map((_, index) => /** @type {AnnotationRef} */ ({ kind: "points", index })),
      ...strokes.map((_, index) => /** @type {AnnotationRef} */ ({ kind: "strokes", index })),
    ];
    if (refs.length !== this.#rows.length || refs.some((ref, n) => !isSameRef(ref, this.#rows[n].ref))) {
      this.#rows = refs.map((ref) => this.#createRow(ref));
      this.#list.replaceChildren(...this.#rows.map(({ item }) => item));
    }
    for (const { ref, show } of this.#rows) {
      const annotation = this.#parts.annotations.get(ref);
      if (annotation) show(annotation);
    }
    this.#markSelected();
  }

  #markSelected() {
    const { selected } = this.#parts.tools;
    for (const { ref, item } of this.#rows) item.classList.toggle("selected", isSameRef(ref, selected));
  }

  /**
   * @param {AnnotationRef} ref
   * @returns {Row}
   */
  #createRow(ref) {
    const { annotations, tools } = this.#parts;
    const swatch = el("i", { class: ref.kind === "strokes" ? "swatch is-stroke" : "swatch" });
    const title = el("span");
    const name = el("button", { type: "button", class: "name", click: () => this.#select(ref) }, swatch, title);
    const strength = el("input", {
      type: "range", min: 0, max: 100,
      input: () => annotations.update(ref, { strength: Number(strength.value) / 100 }, true),
      change: () => annotations.commit(),
    });
    const eye = el("button", {
      type: "button",
      click: () => annotations.update(ref, { enabled: !annotations.get(ref)?.enabled }),
    });
    const remove = el("button", { type: "button", click: () => this.#remove(ref) }, icon("remove"));
    const item = el("li", {}, name, strength, eye, remove);
    for (const type of ["pointerenter", "focusin"]) item.addEventListener(type, () => tools.hover(ref));
    for (const type of ["pointerleave", "focusout"]) item.addEventListener(type, () => tools.hover(null));
    /** @param {Annotation} annotation */
    const show = (annotation) => {
      const color = titleOf(annotation);
      title.textContent = color;
      swatch.style.background = isEraser(annotation) ? "" : dotColor(annotation);
      strength.value = String(Math.round(100 * annotation.strength));
      strength.setAttribute("aria-label", t("Strength of {name}", { name: color }));
      eye.replaceChildren(icon(annotation.enabled ? "eye" : "eyeOff"));
      eye.setAttribute("aria-pressed", String(annotation.enabled));
      eye.setAttribute("aria-label", t("Use {name}", { name: color }));
      eye.title = annotation.enabled ? t("Switch off") : t("Switch on");
      remove.setAttribute("aria-label", t("Remove {name}", { name: color }));
      item.classList.toggle("is-off", !annotation.enabled);
    };
    return { ref, item, show };
  }

  /** @param {AnnotationRef} ref */
  #select(ref) {
    const { annotations, tools, view } = this.#parts;
    const annotation = annotations.get(ref);
    if (!annotation) return;
    tools.select(ref);
    view.reveal(...positionOf(annotation));
  }

  /**
   * Remove an annotation; the focus moves to the one that follows.
   * @param {AnnotationRef} ref
   */
  #remove(ref) {
    const row = this.#rows.findIndex((each) => isSameRef(each.ref, ref));
    this.#parts.tools.hover(null);
    this.#parts.tools.remove(ref);
    const next = this.#rows[Math.min(row, this.#rows.length - 1)]?.item ?? this.#panel;
    /** @type {HTMLElement | null} */ (next.querySelector("summary, button:last-child"))?.focus();
  }
}

/** @param {Annotation} annotation */
function titleOf(annotation) {
  if (isEraser(annotation)) return t("Eraser");
  return annotation.gray ? t("Keep gray") : nameOfColor(annotation);
}
