// Which network colors, and what stands beside it: side by side, behind a wipe, or while a key is held.

import { $, el, press } from "./dom.js";
import { WAYS } from "./shortcuts.js";

const BESIDE = { gray: "the gray photo", original: "its own colors" };
const STEP = 0.02; // of the photo's width, by which keys move the wipe
const GROUPS = { trained: "Trained", method: "Nothing learned" };

export class Compare extends EventTarget {
  constructor(view) {
    super();
    Object.assign(this, { view, models: [], model: null, beside: "gray", figures: { a: null, b: null } });
    $("modes").addEventListener("click", ({ target }) => target.value && this.use({ mode: target.value }));
    $("model").addEventListener("change", () => this.use({ model: $("model").value }));
    $("beside").addEventListener("change", () => this.use({ beside: $("beside").value, mode: view.mode === "single" ? "side" : view.mode }));
    $("hold").addEventListener("pointerdown", () => this.hold(true));
    for (const end of ["pointerup", "pointerleave", "pointercancel"]) $("hold").addEventListener(end, () => this.hold(false));
    $("hold").addEventListener("keydown", ({ key }) => key === "Enter" && this.hold(!view.holding));
    $("divider").addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      $("divider").setPointerCapture(event.pointerId);
    });
    $("divider").addEventListener("pointermove", (event) => {
      const box = view.stage.getBoundingClientRect();
      if (event.buttons) this.wipe((event.clientX - box.left) / box.width);
    });
    $("divider").addEventListener("keydown", (event) => {
      const [across] = WAYS[event.key] ?? [0];
      if (across === 0) return;
      event.preventDefault();
      this.wipe(view.wipe + STEP * across);
    });
  }

  /** Take what is to be chosen from: {key, title, guesses, kind}. */
  list(models) {
    this.models = models;
    if (!models.some(({ key }) => key === this.model)) this.model = models[0].key;
    const known = Object.entries(BESIDE).filter(([key]) => key !== "original" || this.view.photo?.colored);
    if (!known.some(([key]) => key === this.beside) && !models.some(({ key }) => key === this.beside)) this.beside = "gray";
    const groups = Object.entries(GROUPS).map(([kind, label]) => [label, models.filter((each) => each.kind === kind).map(({ key, title }) => [key, title])]);
    fill($("model"), groups, this.model);
    fill($("beside"), [["The photo", known], ...groups], this.beside);
  }

  /** Choose a model, what stands beside it, and how. */
  use({ model = this.model, beside = this.beside, mode = this.view.mode }) {
    const isAnother = mode !== this.view.mode;
    if (model !== this.model) this.figures.a = null; // it was another network's
    if (beside !== this.beside) this.figures.b = null;
    Object.assign(this, { model, beside });
    this.view.mode = mode;
    this.list(this.models);
    press($("modes"), mode);
    if (isAnother) this.view.fit();
    this.show();
    this.dispatchEvent(new Event("chosen"));
  }

  next() {
    const at = this.models.findIndex(({ key }) => key === this.model);
    this.use({ model: this.models[(at + 1) % this.models.length].key });
  }

  hold(isHeld) {
    const { view } = this;
    if (view.holding === isHeld || !view.photo) return;
    view.holding = isHeld;
    if (view.mode === "side") view.fit();
    view.refresh();
    this.show();
  }

  wipe(share) {
    this.view.wipe = Math.min(1, Math.max(0, share));
    this.view.touch();
    this.show();
  }

  /** Note how near a slot's colors are to the photo's own, in dB; null where nobody knows. */
  measured(slot, psnr) {
    this.figures[slot] = psnr;
    this.show();
  }

  /** The network in slot b, or null where something else is shown there. */
  get other() {
    return this.beside in BESIDE ? null : this.beside;
  }

  modelOf(key) {
    return this.models.find((each) => each.key === key);
  }

  show() {
    const { view, figures } = this, isTwo = view.mode !== "single" || view.holding;
    const figure = (slot) => (figures[slot] === null || (slot === "b" && this.other === null) ? "" : `${figures[slot].toFixed(2)} dB`);
    for (const [slot, key] of [["a", this.model], ["b", this.beside]]) {
      $(`psnr-${slot}`).textContent = figure(slot);
      $(`psnr-${slot}`).hidden = figure(slot) === "";
      const tag = $(slot === "a" ? "right" : "left"), title = BESIDE[key] ?? this.modelOf(key)?.title ?? "";
      tag.textContent = [title, figure(slot)].filter(Boolean).join(" · ");
      tag.hidden = !isTwo || (slot === "a" && view.holding);
      const pane = view.mode === "side" && view.panes.find((each) => each.slot === slot);
      Object.assign(tag.style, pane ? { left: `${pane.left + 12}px`, top: `${pane.top + 12}px`, right: "auto" } : { left: "", top: "", right: "" });
    }
    $("about-psnr").hidden = !view.photo?.colored;
    $("divider").hidden = view.mode !== "wipe" || view.holding;
    $("divider").style.left = `${100 * view.wipe}%`;
    $("divider").setAttribute("aria-valuenow", String(Math.round(100 * view.wipe)));
  }
}

function fill(box, groups, chosen) {
  const options = (choices) => choices.map(([key, title]) => el("option", { value: key, selected: key === chosen }, title));
  box.replaceChildren(...groups.filter(([, choices]) => choices.length).map(([label, choices]) => el("optgroup", { label }, options(choices))));
}
