// The studio: brings together the photo, the marks, the colors and what answers them.

import { Colorist } from "./color_client.js";
import { Compare } from "./compare.js";
import { Cursor } from "./keyboard_cursor.js";
import { Desk } from "./document.js";
import { $, hush, say } from "./dom.js";
import { toFile } from "./hint_file.js";
import { keepPhoto, keepSettings, keptPhoto, keptSettings } from "./storage.js";
import { watchKeys } from "./shortcuts.js";
import { labOfHex } from "./cielab.js";
import { Marks } from "./marks.js";
import { Picker } from "./color_picker.js";
import { Pointers } from "./pointers.js";
import { Reference } from "./reference.js";
import * as server from "./api.js";
import { Tools } from "./edit_tools.js";
import { View } from "./view.js";
import { leave, welcome } from "./start_page.js";

const marks = new Marks();
const desk = new Desk(marks);
const view = new View($("stage"), { a: $("a"), b: $("b") }, $("overlay"));
const picker = new Picker($("plane"), { suggested: $("suggested"), recent: $("recent"), everyday: $("everyday") }, $("sample"));
const tools = new Tools(view, marks, picker);
const cursor = new Cursor(view, tools);
const pointers = new Pointers(view, tools);
const compare = new Compare(view);
const colorists = { a: new Colorist((colors) => shown("a", colors), () => desk.reopen()), b: new Colorist((colors) => shown("b", colors), () => desk.reopen()) };
new Reference(picker);

// --- colors follow -----------------------------------------------------------------------------------------------------
/** Networks that only spread what was said leave the photo gray until something was. */
const staysGray = (model) => marks.count === 0 && !compare.modelOf(model).guesses;

function shown(slot, colors) {
  const isGray = staysGray(colors.model);
  view.set(slot, isGray ? { kind: "gray" } : { kind: "colors", colors });
  if (!colors.isFine) return;
  compare.measured(slot, isGray ? null : colors.psnr);
  if (slot === "a") document.body.dataset.fine = String(Number(document.body.dataset.fine ?? 0) + 1);
}

function follow() {
  if (!desk.photo) return;
  const hints = toFile(marks.now), { model, beside, other } = compare, isHeld = pointers.gesture !== null;
  colorists.a.use(desk.photo, model);
  colorists.a.follow(hints, { isSeen: true, isHeld });
  colorists.b.use(desk.photo, other);
  if (other === null) view.set("b", { kind: beside });
  else colorists.b.follow(hints, { isSeen: view.mode !== "single" || view.holding, isHeld });
}

let turn = 0;
async function suggestHere() {
  const mark = marks.get(tools.chosen), now = ++turn;
  if (!mark || tools.chosen.kind !== "points") return picker.suggest([]);
  try {
    const found = await server.suggest(desk.photo.id, compare.model, Math.round(mark.x), Math.round(mark.y), toFile(marks.now));
    if (now === turn) picker.suggest(found.slice(0, 8).map((hex) => ["suggested", ...labOfHex(hex).slice(1)]));
  } catch { /* there is nothing to suggest */ }
}

function refresh() {
  const { count } = marks, isNothing = marks.get(tools.chosen) === undefined;
  $("undo").disabled = marks.past.length === 0;
  $("redo").disabled = marks.future.length === 0;
  const told = count === 0 ? "No points yet." : `${count} ${count === 1 ? "point or stroke" : "points and strokes"}, kept in this browser.`;
  if ($("count").textContent !== told) $("count").textContent = told; // a new text, even the same, has the page laid out anew
  $("clear").hidden = count === 0;
  $("remove").hidden = isNothing;
  $("invitation").hidden = count > 0;
  $("gray").setAttribute("aria-pressed", String(picker.gray));
}

// --- all of it is kept ----------------------------------------------------------------------------------------------------
function keepWork() {
  if (!desk.photo) return;
  keepPhoto(desk.photo.blake2b, { marks: marks.now, model: compare.model, beside: compare.beside, mode: view.mode });
  keepSettings({ last: desk.photo.blake2b, recent: picker.recent });
}

desk.addEventListener("opened", ({ detail: { model, beside, mode } }) => {
  leave();
  hush();
  view.show(desk.photo);
  tools.release();
  setSize(Number($("size").value));
  compare.figures = { a: null, b: null };
  compare.use({ model, beside, mode });
  $("name").textContent = `${desk.photo.name} · ${desk.photo.width} × ${desk.photo.height}`;
  $("stage").focus({ preventScroll: true });
});
desk.addEventListener("reopened", follow);
marks.addEventListener("change", () => { follow(); refresh(); view.touch(); });
marks.addEventListener("kept", () => {
  for (const each of Object.values(colorists)) each.settle();
  refresh();
  keepWork();
});
tools.addEventListener("chosen", () => {
  $("size").value = String(sizeOf(marks.get(tools.chosen)?.radius ?? tools.radius));
  refresh();
  suggestHere();
});
compare.addEventListener("chosen", () => { follow(); suggestHere(); keepWork(); });
picker.addEventListener("choose", ({ detail: { passing } }) => {
  const { a, b, gray } = picker;
  if (marks.get(tools.chosen)) marks.change(tools.chosen, { a: gray ? 0 : a, b: gray ? 0 : b, gray }, passing);
  if (!passing) {
    picker.used();
    marks.keep();
  }
  refresh();
});

// --- what people press ----------------------------------------------------------------------------------------------------
const LEAST = 0.0008, MOST = 0.06, CURVE = 2.2; // radii, as shares of the longer side of the photo
const longer = () => (desk.photo ? Math.max(desk.photo.width, desk.photo.height) : 512);
const sizeOf = (radius) => 100 * Math.min(1, Math.max(0, (radius / longer() - LEAST) / MOST)) ** (1 / CURVE);

/** Of points and strokes to come, and of the chosen one. */
function setSize(value, passing = false) {
  $("size").value = String(value);
  tools.radius = longer() * (LEAST + MOST * (value / 100) ** CURVE);
  if (marks.get(tools.chosen)) marks.change(tools.chosen, { radius: tools.radius }, passing);
}
const resize = (step) => setSize(Math.min(100, Math.max(0, Number($("size").value) + step)));

function undo() {
  tools.release();
  say(marks.undo() ? "undone" : "nothing to undo");
}
function redo() {
  tools.release();
  say(marks.redo() ? "redone" : "nothing to redo");
}
function download() {
  if (!desk.photo) return;
  if (staysGray(compare.model)) say("There is no color on it yet: click somewhere first.");
  else desk.download(compare.model);
}
const pickFile = () => $("file").click(), pickSecond = () => $("second").click();
const grayOrNot = () => picker.keepGray(!picker.gray), help = () => $("sheet").showModal();
const larger = () => view.zoom(1.25), smaller = () => view.zoom(0.8);

for (const [id, work] of Object.entries({
  open: pickFile, choose: pickFile, undo, redo, save: () => desk.save(), download, help, fit: () => view.fit(), in: larger, out: smaller,
  gray: grayOrNot, reference: pickSecond, remove: () => tools.remove(), clear: () => marks.set({ points: [], strokes: [] }), back: leave,
  home: () => welcome(samples, desk),
})) $(id).addEventListener("click", work);
$("file").addEventListener("change", () => { desk.take($("file").files[0]); $("file").value = ""; });
$("tools").addEventListener("click", ({ target }) => target.value && tools.use(target.value));
$("size").addEventListener("input", () => setSize(Number($("size").value), true));
$("size").addEventListener("change", () => marks.keep());
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name === "drop") desk.take(event.dataTransfer.files[0]);
  });
}
watchKeys({
  o: pickFile, s: () => desk.save(), d: download, g: grayOrNot, r: pickSecond, x: () => tools.hide(), n: () => compare.next(), "?": help,
  p: () => tools.use("point"), b: () => tools.use("brush"), i: () => tools.use("pick"), h: () => tools.use("hand"),
  1: () => compare.use({ mode: "single" }), 2: () => compare.use({ mode: "side" }), 3: () => compare.use({ mode: "wipe" }),
  "+": larger, "=": larger, "-": smaller, 0: () => view.fit(), "[": () => resize(-5), "]": () => resize(5), ",": () => cursor.walk(-1), ".": () => cursor.walk(1),
  Delete: () => tools.remove(), Backspace: () => tools.remove(), Escape: () => cursor.escape() || tools.choose(null),
}, { o: pickFile, "?": help, Escape: () => desk.photo && leave() }, { undo, redo, hold: (isHeld) => compare.hold(isHeld), space: (isHeld) => { pointers.spaced = isHeld; } });

// --- the beginning ----------------------------------------------------------------------------------------------------------
let samples = [];
async function begin() {
  const { models, samples: names, given, drafts } = await server.about();
  samples = names;
  Colorist.drafts = drafts;
  compare.list(models);
  const { last, recent } = await keptSettings();
  picker.recent = recent ?? [];
  picker.drawSwatches();
  const source = given ? { given } : (await keptPhoto(last ?? ""))?.source;
  if (!source || (source.given && !given) || !(await desk.open(source))) await welcome(samples, desk);
  document.body.dataset.ready = "yes";
}
begin().catch((error) => say(error.message, true));
