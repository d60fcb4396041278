// @ts-check
// Where the pictures of a photo lie on the stage: one fills it, or two are compared.

/**
 * @typedef {"a" | "b"} Slot "a" shows the result, "b" what it is compared with
 * @typedef {"single" | "side-by-side" | "split"} Mode
 * @typedef {{ left: number, top: number, width: number, height: number }} Rectangle in stage pixels
 * @typedef {Rectangle & { slot: Slot }} Pane
 * @typedef {{ width: number, height: number }} Size
 */

const GAP = 12; // pixels between two panes

/**
 * Lay out the panes. Two lie side by side or on top of each other, whichever shows a larger photo.
 * @param {Mode} mode
 * @param {Size} stage
 * @param {Size} photo
 * @returns {[Pane, ...Pane[]]}
 */
export function layOutPanes(mode, { width, height }, photo) {
  const whole = { left: 0, top: 0, width, height };
  if (mode === "single") return [{ slot: "a", ...whole }];
  if (mode === "split") return [{ slot: "a", ...whole }, { slot: "b", ...whole }];
  const halfWidth = Math.floor((width - GAP) / 2);
  const halfHeight = Math.floor((height - GAP) / 2);
  /**
   * @param {number} paneWidth
   * @param {number} paneHeight
   */
  const scaleIn = (paneWidth, paneHeight) => Math.min(paneWidth / photo.width, paneHeight / photo.height);
  return 1.25 * scaleIn(halfWidth, height) >= scaleIn(width, halfHeight)
    ? [
      { slot: "b", ...whole, width: halfWidth },
      { slot: "a", ...whole, width: halfWidth, left: width - halfWidth },
    ]
    : [
      { slot: "b", ...whole, height: halfHeight },
      { slot: "a", ...whole, height: halfHeight, top: height - halfHeight },
    ];
}
