// @ts-check
"use strict";
// Data, elements, formatting, and widgets that pages share. Text is always set as text, never as HTML.

/**
 * @typedef {object} Network a trained run or a baseline
 * @property {string} name
 * @property {boolean} trained
 * @property {string | null} path
 * @property {string | null} model
 * @property {number | null} parameters
 * @property {number | null} gmac
 * @property {number | null} seconds
 *
 * @typedef {object} MetricInfo
 * @property {string} title
 * @property {string} unit
 * @property {number} digits
 * @property {boolean} higher_is_better
 *
 * @typedef {object} ScoreSummary a row per network, a column per hint count, and columns for summaries
 * @property {number[][]} mean
 * @property {number[][]} low
 * @property {number[][]} high
 * @property {number[][]} difference to the first network
 * @property {number[][]} difference_low
 * @property {number[][]} difference_high
 *
 * @typedef {object} Gallery
 * @property {number} hint_count
 * @property {string[]} image_names
 * @property {string[]} hints data URIs
 * @property {string[]} ground_truth
 * @property {Record<string, string[]>} predictions
 * @property {Record<string, Record<string, number[]>>} scores by metric, then by network
 * @property {Record<string, string>} missing
 *
 * @typedef {{ frames: string[], clicks: [x: number, y: number][] }} Strip data URIs, and positions in pixels
 *
 * @typedef {object} Filmstrip
 * @property {number[]} counts number of clicks in each frame
 * @property {number} size height and width of the images in pixels
 * @property {string[]} image_names
 * @property {string[]} ground_truth
 * @property {Record<string, Strip[]>} strips
 * @property {Record<string, Record<string, number[][]>>} scores by metric, then by network, then by image
 * @property {Record<string, string>} missing
 *
 * @typedef {object} ClickTarget a value per network
 * @property {number} target PSNR in dB
 * @property {number[]} mean
 * @property {number[]} low
 * @property {number[]} high
 * @property {number[]} median
 * @property {number[]} not_reached share of the images
 *
 * @typedef {object} ExcludedRun
 * @property {string} name
 * @property {string} reason
 * @property {{ setup: string, psnr: Record<string, number> } | null} scores
 *
 * @typedef {{ metric: string, value: number, low: number, high: number, p: number, significant: boolean }} Margin
 *
 * @typedef {object} Content
 * @property {string} title
 * @property {string} date
 * @property {{ protocol: string, size: [number, number], measures: string }} protocol
 * @property {number} num_images
 * @property {{ images: number, min_chroma: number | null, left_out: boolean }} colorless
 * @property {number[]} hint_counts
 * @property {number[]} excluded_hint_counts with which only some runs were evaluated
 * @property {boolean} has_area whether scores have a column for the area under the curve
 * @property {number | null} ranked_by
 * @property {Margin | null} margin
 * @property {string} test_name
 * @property {Network[]} networks runs, best first, then baselines
 * @property {Record<string, MetricInfo>} metrics
 * @property {Record<string, ScoreSummary>} scores by metric
 * @property {{ names: string[], win_rates: Record<string, number[][][]> }} pairs by metric, then by column
 * @property {{ counts: number[], means: Record<string, number[][]> }} hint_curves by metric, then by network
 * @property {{ largest: number, targets: ClickTarget[] } | null} clicks
 * @property {Record<string, Record<string, [number[], number[]]>>} curves
 * @property {{ keys: string[], rows: Record<string, unknown[]> }} differences
 * @property {Gallery | null} gallery
 * @property {Filmstrip | null} filmstrip
 * @property {string} gallery_error
 * @property {ExcludedRun[]} excluded
 *
 * @typedef {Node | string | null | undefined} Child
 */

/** @type {Content} */
const content = JSON.parse(document.getElementById("content")?.textContent ?? "");

/**
 * Create an element. Functions among the attributes become event listeners.
 * @template {Element} T
 * @param {T} node
 * @param {Record<string, unknown>} attributes
 * @param {(Child | Child[])[]} children
 */
function build(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, /** @type {EventListener} */ (value));
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 */
function el(name, attributes = {}, ...children) {
  return build(document.createElement(name), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 */
function svg(name, attributes = {}, ...children) {
  return build(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

// --- formatting ------------------------------------------------------------------------------------------------------

/**
 * @param {number} value
 * @param {number} digits
 */
function formatFixed(value, digits) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {number} value */
const formatInteger = (value) => formatFixed(value, 0);

/**
 * @param {number} value
 * @param {number} digits
 */
function formatSigned(value, digits) {
  const text = formatFixed(Math.abs(value), digits);
  return Number(text.replaceAll(",", "")) === 0 ? text : `${value < 0 ? "\u2212" : "+"}${text}`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
const plural = (count, noun) => `${formatInteger(count)} ${noun}${count === 1 ? "" : "s"}`;

const HINT_NOUN = content.clicks ? "click" : "hint";

/** @param {number} count */
function formatHintCount(count) {
  return count === 0 ? `no ${HINT_NOUN}s` : plural(count, HINT_NOUN);
}

const networks = content.networks;

// --- line styles: eight colors, then gray; baselines are dashed ------------------------------------------------------

/** @typedef {{ color: string, dash: string | null, shape: string | null, isColored: boolean }} LineStyle */

const NUM_COLORS = 8;
const SHAPES = [
  "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0Z",
  "M-3.6 -3.6H3.6V3.6H-3.6Z",
  "M0 -4.8L4.6 3.4H-4.6Z",
  "M0 -5L5 0L0 5L-5 0Z",
  "M0 4.8L4.6 -3.4H-4.6Z",
];
const DASHES = ["7 4", "2 4", "11 3 2 3", "16 5"];

/** @type {Map<string, LineStyle>} */
const lineStyles = new Map();
networks.filter((network) => network.trained).forEach(({ name }, n) => {
  const isColored = n < NUM_COLORS;
  const color = isColored ? `var(--c${n})` : "var(--other)";
  lineStyles.set(name, { color, dash: null, shape: SHAPES[n % SHAPES.length], isColored });
});
networks.filter((network) => !network.trained).forEach(({ name }, n) => {
  lineStyles.set(name, { color: "var(--baseline)", dash: DASHES[n % DASHES.length], shape: null, isColored: true });
});

/**
 * @param {string} name
 * @returns {LineStyle}
 */
function lineStyle(name) {
  return lineStyles.get(name) ?? { color: "var(--other)", dash: null, shape: null, isColored: false };
}

/**
 * Create a short piece of a run's line, as it appears in charts.
 * @param {string} name
 */
function swatch(name) {
  const { color, dash, shape } = lineStyle(name);
  const line = { x1: 1, x2: 23, y1: 6, y2: 6, stroke: color, "stroke-width": 2, "stroke-dasharray": dash };
  return svg(
    "svg",
    { width: 24, height: 12, "aria-hidden": "true" },
    svg("line", line),
    shape ? svg("path", { d: shape, transform: "translate(12 6)", fill: color }) : null,
  );
}

// --- the run under the pointer or with the focus is highlighted everywhere -------------------------------------------

/** @param {string | null} name */
function highlight(name) {
  document.body.classList.toggle("has-highlight", name !== null);
  for (const node of document.querySelectorAll("[data-run]")) {
    node.classList.toggle("highlighted", node.getAttribute("data-run") === name);
  }
}

/**
 * Return attributes that highlight a run while the element has the pointer or the focus.
 * @param {string} name
 */
function highlightAttributes(name) {
  return {
    "data-run": name,
    pointerenter: () => highlight(name),
    pointerleave: () => highlight(null),
    focusin: () => highlight(name),
    focusout: () => highlight(null),
  };
}

// --- widgets ---------------------------------------------------------------------------------------------------------

/**
 * Create a group of buttons of which one is pressed.
 * @template {string} T
 * @param {string} label
 * @param {[value: T, title: string][]} options
 * @param {T} pressed
 * @param {(value: T) => void} onChange
 */
function segmentedControl(label, options, pressed, onChange) {
  const group = el("div", { class: "segmented", role: "group", "aria-label": label });
  for (const [value, title] of options) {
    const button = el("button", { type: "button", "aria-pressed": value === pressed ? "true" : "false" }, title);
    button.addEventListener("click", () => {
      for (const each of group.children) each.setAttribute("aria-pressed", String(each === button));
      onChange(value);
    });
    group.append(button);
  }
  return group;
}

/**
 * Create a labeled drop-down list.
 * @template T
 * @param {string} label
 * @param {[title: string, value: T][]} options
 * @param {(value: T) => void} onChange
 * @param {number} [selected]
 */
function dropdown(label, options, onChange, selected = 0) {
  const box = el("select", {}, options.map(([title]) => el("option", {}, title)));
  box.addEventListener("change", () => onChange(options[box.selectedIndex][1]));
  box.selectedIndex = selected;
  return el("label", {}, `${label} `, box);
}

/**
 * Create a section of the page.
 * @param {string} id
 * @param {string} title
 * @param {string | null} text
 * @param {...Child} children
 */
function section(id, title, text, ...children) {
  return el(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title),
    text ? el("p", { class: "soft" }, text) : null,
    ...children,
  );
}
