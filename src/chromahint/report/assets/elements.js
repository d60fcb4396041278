"use strict";
// Elements, numbers and colors that all parts of the page share. Texts are always set as text, never as HTML.

const content = JSON.parse(document.getElementById("content").textContent);

/** Make an element: attributes are set, functions listen, children are nodes or texts. */
function make(space, name, attributes, children) {
  const node = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
const el = (name, attributes = {}, ...children) => make("http://www.w3.org/1999/xhtml", name, attributes, children);
const svg = (name, attributes = {}, ...children) => make("http://www.w3.org/2000/svg", name, attributes, children);

const fixed = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const whole = (value) => fixed(value, 0);
const signed = (value, digits) => {
  const text = fixed(Math.abs(value), digits);
  return Number(text.replaceAll(",", "")) === 0 ? text : `${value < 0 ? "\u2212" : "+"}${text}`;
};
const hintsOf = (count) => (count === null ? "mean over all with hints" : count === 1 ? "1 hint" : count === 0 ? "no hint" : `${whole(count)} hints`);

const networks = content.networks;
const columns = [...content.hint_counts, null]; // of all figures: numbers of hints, then the mean over those with hints
const METRICS = { psnr: { title: "PSNR", unit: " dB", digits: 2 }, ssim: { title: "SSIM", unit: "", digits: 4 } };

// --- how a line looks: eight colors, the rest in gray; dashes for what learns nothing ------------------------------
const SHAPES = ["M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0Z", "M-3.6 -3.6H3.6V3.6H-3.6Z", "M0 -4.8L4.6 3.4H-4.6Z", "M0 -5L5 0L0 5L-5 0Z", "M0 4.8L4.6 -3.4H-4.6Z"];
const DASHES = ["7 4", "2 4", "11 3 2 3", "16 5"];
const looks = new Map();
networks.filter((each) => each.trained).forEach((each, place) => {
  const colored = place < 8;
  looks.set(each.name, { color: `var(--${colored ? `c${place}` : "rest"})`, dash: null, shape: SHAPES[place % SHAPES.length], colored });
});
networks.filter((each) => !each.trained).forEach((each, place) => {
  looks.set(each.name, { color: "var(--beside)", dash: DASHES[place % DASHES.length], shape: null, colored: true });
});
const look = (name) => looks.get(name) ?? { color: "var(--rest)", dash: null, shape: null, colored: false };

/** A short piece of a run's line, as it stands in a figure. */
function swatch(name) {
  const { color, dash, shape } = look(name);
  return svg("svg", { width: 24, height: 12, "aria-hidden": "true" },
    svg("line", { x1: 1, x2: 23, y1: 6, y2: 6, stroke: color, "stroke-width": 2, "stroke-dasharray": dash }),
    shape ? svg("path", { d: shape, transform: "translate(12 6)", fill: color }) : null);
}

// --- one run under the pointer or the keyboard is lit everywhere -----------------------------------------------------
function light(name) {
  document.body.classList.toggle("some-hot", name !== null);
  for (const node of document.querySelectorAll("[data-run]")) node.classList.toggle("hot", node.dataset.run === name);
}
const lighting = (name) => ({
  "data-run": name, pointerenter: () => light(name), pointerleave: () => light(null), focusin: () => light(name), focusout: () => light(null),
});

// --- what a person has chosen, and what is drawn anew when it changes ------------------------------------------------
const chosen = { metric: "psnr" };
const listeners = [];
function whenChosen(draw) {
  listeners.push(draw);
  draw();
}
function choose(key, value) {
  chosen[key] = value;
  listeners.forEach((draw) => draw());
}

/** Buttons of which one is pressed. */
function choice(label, options, pressed, change) {
  const group = el("div", { class: "choice", role: "group", "aria-label": label });
  for (const [value, title] of options) {
    group.append(el("button", {
      type: "button", "aria-pressed": String(value === pressed),
      click: (event) => {
        for (const button of group.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
        change(value);
      },
    }, title));
  }
  return group;
}

/** A labeled list to choose from; options are [title, value]. */
function list(label, options, change, selected = 0) {
  const box = el("select", { change: () => change(options[box.selectedIndex][1]) }, options.map(([title]) => el("option", {}, title)));
  box.selectedIndex = selected;
  return el("label", {}, `${label} `, box);
}

/** A part of the page, and its link above. */
function section(id, title, text, ...children) {
  return el("section", { id, "aria-labeledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), text ? el("p", { class: "soft" }, text) : null, ...children);
}
