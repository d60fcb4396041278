// @ts-check
// On a slow line, a large photo comes as a small picture first: its details are loaded when somebody zooms in.

import { loadDetails } from "./photo.js";

/**
 * @import { View } from "./view.js"
 */

/** @param {View} view */
export function bindPhotoDetails(view) {
  view.addEventListener("move", async () => {
    const { photo, scale } = view;
    if (!photo?.lacksDetails) return;
    const shown = Math.min(1, scale * window.devicePixelRatio) * photo.width;
    if (shown <= photo.levels[0].width) return;
    try {
      await loadDetails(photo);
    } catch {
      photo.lacksDetails = true; // the next move tries again
    }
    if (photo === view.photo) view.refresh();
  });
}
