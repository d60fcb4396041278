// @ts-check
// The list of languages on the start page.

import { el, select } from "./dom.js";
import { LANGUAGES, language, rememberLanguage } from "./translation.js";

const START = "#start"; // in the address: show the start page, not the photo of the last time

/** Whether the address asks for the start page, which it no longer does after this. */
export function isSentToStart() {
  const isSent = location.hash === START;
  if (isSent) history.replaceState(null, "", location.pathname);
  return isSent;
}

/**
 * Connect the list. Another language opens the page anew.
 * @param {() => Promise<void>} save saves what is unsaved
 */
export function bindLanguageChoice(save) {
  const box = select("language");
  box.replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) =>
    el("option", { value: code, lang: code, selected: code === language }, name)));
  box.addEventListener("change", async () => {
    rememberLanguage(box.value);
    await save();
    history.replaceState(null, "", location.pathname + START); // without a language in the address
    location.reload();
  });
}
