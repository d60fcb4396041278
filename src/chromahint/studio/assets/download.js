// @ts-check
// Chooses what the photo is downloaded as: a picture in several formats, a file with layers, or something to share.

import { button, byId, html, input, notify } from "./dom.js";
import { formatNumber, t } from "./translation.js";

/**
 * @import { Coloring } from "./coloring.js"
 * @import { Comparison } from "./comparison.js"
 * @import { EditorDocument } from "./document.js"
 * @import { Look } from "./look.js"
 *
 * @typedef {{ suffix: string, content?: string, bits?: string, quality?: string }} Form
 */

/** @type {Record<string, { form: Form, hasQuality?: boolean }>} */
const FORMS = {
  "jpeg": { form: { suffix: ".jpg" }, hasQuality: true },
  "png": { form: { suffix: ".png" } },
  "tiff": { form: { suffix: ".tif", bits: "16" } },
  "webp": { form: { suffix: ".webp" }, hasQuality: true },
  "layers": { form: { suffix: ".psd" } },
  "color": { form: { suffix: ".png", content: "color", bits: "16" } },
  "comparison": { form: { suffix: ".jpg", content: "comparison" } },
  "animation": { form: { suffix: ".webp", content: "animation" } },
  "gif": { form: { suffix: ".gif", content: "animation" } },
};

/**
 * Connect the dialog.
 * @param {{ coloring: Coloring, comparison: Comparison, editor: EditorDocument, look: Look }} parts
 */
export function bindDownloadDialog({ coloring, comparison, editor, look }) {
  const dialog = byId("download-dialog", HTMLDialogElement);
  const form = byId("download-form", HTMLFormElement);
  const quality = input("download-quality");
  const update = () => {
    const { hasQuality } = FORMS[String(new FormData(form).get("form"))];
    html("download-quality-row").hidden = !hasQuality;
    html("download-quality-value").textContent = formatNumber(Number(quality.value));
  };
  form.addEventListener("input", update);
  button("download-as").addEventListener("click", () => {
    if (!editor.photo) return;
    if (coloring.staysGray(comparison.model)) {
      notify(t("There's no color yet. Click somewhere on the photo first."));
      return;
    }
    update();
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "download") return;
    dialog.returnValue = "";
    const { form: chosen, hasQuality } = FORMS[String(new FormData(form).get("form"))];
    editor.download(comparison.model, look.settings, hasQuality ? { ...chosen, quality: quality.value } : chosen);
  });
}
