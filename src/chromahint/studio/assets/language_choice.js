// @ts-check
// The list of languages on the start page.

import { el, select } from "./dom.js";
import { LANGUAGES, language, rememberLanguage } from "./translation.js";

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
    location.replace(location.pathname); // without a language in the address
  });
}
