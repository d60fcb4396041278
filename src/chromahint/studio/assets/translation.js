// @ts-check
// The language of the page. English sentences are the keys of all translations, which are in languages/.
// The page loads this script first, and no other script runs before the translation is there.

/**
 * @typedef {Record<string, string | number>} Values
 * @typedef {Record<string, string | Record<string, string>>} Messages a plural has a text for each of its categories
 */

/** The languages of the page, in their own words. */
export const LANGUAGES = {
  de: "Deutsch", en: "English", es: "Español", fr: "Français", ja: "日本語", ko: "한국어", zh: "简体中文",
};
const CHOICE = "chromahint-language"; // in the storage of the browser
const ATTRIBUTES = ["title", "aria-label", "placeholder", "alt"];

export const language = chooseLanguage();
const root = document.documentElement;
root.lang = language; // style sheets hide the page until it is translated
const messages = language === "en" ? {} : await loadMessages();
const pluralRules = new Intl.PluralRules(language);
translate(root);
root.classList.add("translated");

/**
 * Return a sentence in the language of the page.
 * @param {string} text in English, with names in braces for the values
 * @param {Values} [values]
 */
export function t(text, values = {}) {
  const message = messages[text];
  return fill(typeof message === "string" ? message : text, values);
}

/**
 * Return the form of a sentence that belongs to a count.
 * @param {number} count for {count}
 * @param {string} one the sentence in English for 1
 * @param {string} other the sentence in English for every other number; it is the key of the translation
 * @param {Values} [values]
 */
export function plural(count, one, other, values = {}) {
  const category = pluralRules.select(count);
  const message = messages[other];
  const translated = typeof message === "object" ? message[category] ?? message.other : undefined;
  return fill(translated ?? (category === "one" ? one : other), { count, ...values });
}

/**
 * Return a number as the language writes it.
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export const formatNumber = (value, options) => new Intl.NumberFormat(language, options).format(value);

/** @param {number} percent */
export const formatPercent = (percent) => formatNumber(percent / 100, { style: "percent" });

/**
 * Return "a, b and c".
 * @param {string[]} items
 */
export const formatList = (items) => new Intl.ListFormat(language).format(items);

/**
 * Use a language from now on, also when the page is opened again.
 * @param {string} chosen
 */
export function rememberLanguage(chosen) {
  try {
    localStorage.setItem(CHOICE, chosen);
  } catch { /* a browser may refuse to store anything: the address tells the language then */ }
}

/** The language in the address, the one that was chosen earlier, or else the first of the browser that there is. */
function chooseLanguage() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(CHOICE);
  } catch { /* as above */ }
  const wanted = [new URLSearchParams(location.search).get("lang"), chosen, ...navigator.languages];
  const codes = wanted.map((each) => each?.toLowerCase().split("-")[0] ?? "");
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

/** @returns {Promise<Messages>} */
async function loadMessages() {
  try {
    return await (await fetch(new URL(`languages/${language}.json`, import.meta.url), { priority: "high" })).json();
  } catch {
    root.lang = "en";
    return {};
  }
}

/**
 * @param {string} text
 * @param {Values} values
 */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (placeholder, name) => {
    const value = values[name] ?? placeholder;
    return typeof value === "number" ? formatNumber(value) : value;
  });
}

/**
 * Translate what is written in the page itself. A text with keys in it is one sentence: "Hold [C]".
 * @param {Element} element
 */
function translate(element) {
  if (element.matches("script, style, noscript, [translate=no]")) return;
  for (const name of ATTRIBUTES) {
    const value = element.getAttribute(name);
    if (value) element.setAttribute(name, t(value));
  }
  if (element.querySelector(":scope > kbd")) {
    translateKeys(element);
    return;
  }
  for (const child of element.childNodes) {
    if (child instanceof Element) translate(child);
    else if (child instanceof Text) child.data = child.data.replace(/\S(.*\S)?/s, translateText);
  }
}

/** @param {string} text */
function translateText(text) {
  return t(text.replace(/\s+/g, " "));
}

/** @param {Element} element */
function translateKeys(element) {
  const parts = [...element.childNodes].map((child) =>
    child instanceof Element ? `[${child.textContent}]` : child.textContent);
  const pieces = t(parts.join("")).split(/\[(.[^\]]*)\]/); // every second one is a key
  element.replaceChildren(...pieces.map((piece, index) => {
    if (index % 2 === 0) return piece;
    const key = document.createElement("kbd");
    key.textContent = piece;
    return key;
  }));
}
