// The studio: brings together the photo, the marks, the colours and what answers them.

import { Colourist } from "./colourist.js";
import { $, el, offer, press, say } from "./elements.js";
import { keep, kept } from "./keep.js";
import { watchKeys } from "./keys.js";
import { labOf, labOfHex } from "./lab.js";
import { Marks, fromFile, toFile } from "./marks.js";
import { Picker } from "./picker.js";
import * as server from "./server.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";

const BESIDE = { grey: "the grey photo", original: "its own colours" };
const desk = { photo: null, source: null, models: [], model: "0", beside: "grey" };
const marks = new Marks();
const view = new View($("stage"), { a: $("a"), b: $("b") }, $("overlay"));
const picker = new Picker($("plane"), { suggested: $("suggested"), recent: $("recent"), everyday: $("everyday") }, $("sample"));
const tools = new Tools(view, marks, picker);
const colourists = { a: new Colourist(shown("a"), reopen), b: new Colourist(shown("b"), reopen) };

const modelOf = (key) => desk.models.find((each) => each.key === key);
/** Networks that only spread what was said leave the photo grey until something was. */
const staysGrey = (key) => marks.count === 0 && !modelOf(key).guesses;

function shown(slot) {
  return (colours) => {
    const isGrey = staysGrey(colours.model);
    view.set(slot, isGrey ? { kind: "grey" } : { kind: "colours", colours });
    if (slot === "a") view.addEventListener("drawn", () => performance.mark("painted"), { once: true });
    if (colours.size === "fine") {
      $(`psnr-${slot}`).hidden = colours.psnr === null || isGrey;
      $(`psnr-${slot}`).textContent = colours.psnr === null ? "" : `${colours.psnr.toFixed(2)} dB`;
      if (slot === "a") document.body.dataset.fine = String(Number(document.body.dataset.fine ?? 0) + 1);
    }
  };
}

// --- photos -----------------------------------------------------------------------------------------------------------
async function load(opening, source, before = null) {
  document.body.classList.add("busy");
  try {
    const photo = await opening();
    const [grey, original] = await Promise.all([server.picture(photo.id, "grey"), photo.coloured ? server.picture(photo.id, "original") : null]);
    desk.source = source;
    document.body.classList.remove("empty");
    await view.show(photo, grey, original);
    desk.photo = photo;
    tools.choose(null);
    setSize(Number($("size").value));
    marks.reset(before ?? { points: [], strokes: [] }, true);
    $("name").textContent = `${photo.name} · ${photo.width} × ${photo.height}`;
    listBeside();
    follow();
    refresh();
    $("stage").focus({ preventScroll: true });
    await keep("photo", source);
    autosave();
  } catch (error) {
    say(error.message, true);
  } finally {
    document.body.classList.remove("busy");
  }
}

const opening = (source) => () => (source.sample ? server.openSample(source.sample) : source.given ? server.openGiven() : server.openFile(source.blob, source.name));
const loadFrom = (source, before) => load(opening(source), source, before);

/** The server has put the photo away, for it was started anew or has many: bring it again. */
async function reopen(error) {
  if (!desk.source || desk.isReopening) return;
  desk.isReopening = true;
  try {
    Object.assign(desk.photo, { id: (await opening(desk.source)()).id });
    follow();
  } catch {
    say(error.message, true);
  } finally {
    desk.isReopening = false;
  }
}

async function take(file) {
  if (!file) return;
  if (!/\.json$/i.test(file.name)) return loadFrom({ blob: file, name: file.name });
  if (!desk.photo) return say("This is a session: open its photo first, then the session.", true);
  try {
    const { marks: found, photo } = fromFile(await file.text(), desk.photo, (x, y) => view.lightness(x, y));
    marks.set(found);
    const isOther = photo?.blake2b && photo.blake2b !== desk.photo.blake2b;
    say(isOther ? `This session was made on another photo, ${photo.name ?? "unnamed"}.` : "The session is open.", isOther);
  } catch (error) {
    say(`${file.name}: ${error.message}`, true);
  }
}

async function download() {
  if (!desk.photo) return;
  if (staysGrey(desk.model)) return say("There is no colour on it yet: click somewhere first.");
  say("Colouring the whole photo…");
  $("download").disabled = true;
  try {
    const { id, kind, name } = desk.photo;
    offer(await server.full(id, desk.model, kind, toFile(marks.now)), `${name.replace(/\.[^.]*$/, "")}-coloured${kind}`);
    say("The coloured photo is among your downloads.");
  } catch (error) {
    if (error.status === 404) await reopen(error);
    say(error.status === 404 ? "The photo was opened again: press Download once more." : error.message, true);
  } finally {
    $("download").disabled = false;
  }
}

function saveSession() {
  if (!desk.photo) return;
  const text = toFile(marks.now, desk.photo);
  offer(new Blob([`${JSON.stringify(JSON.parse(text), null, 1)}\n`], { type: "application/json" }), `${desk.photo.name.replace(/\.[^.]*$/, "")}-hints.json`);
}

const autosave = () => keep("work", { digest: desk.photo?.blake2b, marks: marks.now, model: desk.model, beside: desk.beside, mode: view.mode, recent: picker.recent });

// --- colours follow -----------------------------------------------------------------------------------------------------
function follow() {
  if (!desk.photo) return;
  const hints = toFile(marks.now);
  colourists.a.use(desk.photo, desk.model);
  colourists.a.follow(hints);
  const isNetwork = !(desk.beside in BESIDE);
  colourists.b.use(desk.photo, isNetwork ? desk.beside : null);
  if (isNetwork) colourists.b.follow(hints);
  else view.set("b", { kind: desk.beside });
  $("psnr-b").hidden ||= !isNetwork;
}

let suggesting = 0;
async function suggestHere() {
  const mark = marks.get(tools.chosen), turn = ++suggesting;
  if (!mark || tools.chosen.kind !== "points") return picker.suggest([]);
  try {
    const found = await server.suggest(desk.photo.id, desk.model, Math.round(mark.x), Math.round(mark.y), toFile(marks.now));
    if (turn === suggesting) picker.suggest(found.slice(0, 8).map((hex) => ["suggested", ...labOfHex(hex).slice(1)]));
  } catch { /* there is nothing to suggest */ }
}

function refresh() {
  $("undo").disabled = marks.past.length === 0;
  $("redo").disabled = marks.future.length === 0;
  const count = marks.count;
  $("count").textContent = count === 0 ? "No points yet." : `${count} ${count === 1 ? "point or stroke" : "points and strokes"}, kept in this browser.`;
  $("clear").hidden = count === 0;
  $("invitation").hidden = count > 0 || !desk.photo;
  $("grey").setAttribute("aria-pressed", String(picker.grey));
  $("about-psnr").hidden = !desk.photo?.coloured;
  const isTwo = view.mode !== "single" || view.holding, title = (key) => BESIDE[key] ?? modelOf(key)?.title;
  $("left").hidden = $("right").hidden = !isTwo;
  $("left").textContent = title(desk.beside);
  $("right").textContent = title(desk.model);
  $("right").hidden ||= view.holding;
  $("divider").hidden = view.mode !== "wipe" || view.holding;
  $("divider").style.left = `${100 * view.wipe}%`;
  $("divider").setAttribute("aria-valuenow", String(Math.round(100 * view.wipe)));
}

function listBeside() {
  const known = Object.entries(BESIDE).filter(([key]) => key !== "original" || desk.photo?.coloured);
  const choices = [...known, ...desk.models.map(({ key, title }) => [key, title])];
  if (!choices.some(([key]) => key === desk.beside)) desk.beside = "grey";
  $("beside").replaceChildren(...choices.map(([key, title]) => el("option", { value: key, selected: key === desk.beside }, title)));
}

function setMode(mode) {
  view.mode = mode;
  press($("modes"), mode);
  view.fit();
  refresh();
  autosave();
}

function hold(isHeld) {
  if (view.holding === isHeld || !desk.photo) return;
  view.holding = isHeld;
  if (view.mode === "side") view.fit();
  view.refresh();
  refresh();
}

function useModel(key) {
  desk.model = $("model").value = key;
  follow();
  refresh();
  suggestHere();
  autosave();
}

function setSize(value) {
  $("size").value = value;
  const longer = desk.photo ? Math.max(desk.photo.width, desk.photo.height) : 512;
  tools.radius = longer * (0.0008 + 0.06 * (Number(value) / 100) ** 2.2);
  const mark = marks.get(tools.chosen);
  if (mark && Math.abs(mark.radius - tools.radius) > 0.01) marks.change(tools.chosen, { radius: tools.radius });
}

// --- what people press ----------------------------------------------------------------------------------------------------
marks.addEventListener("change", () => { follow(); refresh(); view.drawOverlay(); });
marks.addEventListener("kept", () => { refresh(); autosave(); });
tools.addEventListener("chosen", () => { refresh(); suggestHere(); });
picker.addEventListener("choose", ({ detail: { passing } }) => {
  const { a, b, grey } = picker;
  if (marks.get(tools.chosen)) marks.change(tools.chosen, { a: grey ? 0 : a, b: grey ? 0 : b, grey }, passing);
  if (!passing) {
    picker.used();
    marks.keep();
  }
  refresh();
});
function undo() {
  tools.choose(null);
  say(marks.undo() ? "undone" : "nothing to undo");
}
function redo() {
  tools.choose(null);
  say(marks.redo() ? "redone" : "nothing to redo");
}
const pickFile = () => $("file").click();
for (const [id, work] of Object.entries({
  open: pickFile, choose: pickFile, undo, redo, save: saveSession, download, help: () => $("sheet").showModal(), fit: () => view.fit(), in: () => view.zoom(1.4), out: () => view.zoom(1 / 1.4),
  grey: () => picker.keepGrey(!picker.grey), reference: () => $("second").click(), clear: () => marks.set({ points: [], strokes: [] }),
})) $(id).addEventListener("click", work);
$("file").addEventListener("change", () => { take($("file").files[0]); $("file").value = ""; });
$("tools").addEventListener("click", ({ target }) => target.value && tools.use(target.value));
$("modes").addEventListener("click", ({ target }) => target.value && setMode(target.value));
$("model").addEventListener("change", () => useModel($("model").value));
$("beside").addEventListener("change", () => {
  desk.beside = $("beside").value;
  if (view.mode === "single") setMode("side");
  follow();
  refresh();
  autosave();
});
$("size").addEventListener("input", () => setSize($("size").value));
$("hold").addEventListener("pointerdown", () => hold(true));
for (const end of ["pointerup", "pointerleave", "pointercancel"]) $("hold").addEventListener(end, () => hold(false));
$("hold").addEventListener("keydown", ({ key }) => key === "Enter" && hold(!view.holding));

function wipeTo(share) {
  view.wipe = Math.min(1, Math.max(0, share));
  view.refresh();
  refresh();
}
$("divider").addEventListener("pointerdown", (event) => { event.stopPropagation(); $("divider").setPointerCapture(event.pointerId); });
$("divider").addEventListener("pointermove", (event) => {
  const box = view.stage.getBoundingClientRect();
  if (event.buttons) wipeTo((event.clientX - box.left) / box.width);
});
$("divider").addEventListener("keydown", (event) => {
  const way = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
  if (way) wipeTo(view.wipe + way);
});

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files[0]);
  });
}

$("second").addEventListener("change", async () => {
  const file = $("second").files[0];
  $("second").value = "";
  try {
    const bitmap = await createImageBitmap(file), canvas = $("reference-canvas"), share = Math.min(1, 560 / bitmap.width);
    Object.assign(canvas, { width: Math.round(bitmap.width * share), height: Math.round(bitmap.height * share) });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    $("reference-box").hidden = false;
    $("reference-box").scrollIntoView({ block: "nearest" });
  } catch {
    say(`${file.name}: the browser cannot show this picture`, true);
  }
});
$("reference-canvas").addEventListener("pointerdown", (event) => {
  const canvas = $("reference-canvas"), box = canvas.getBoundingClientRect();
  const x = ((event.clientX - box.left) * canvas.width) / box.width, y = ((event.clientY - box.top) * canvas.height) / box.height;
  const [, a, b] = labOf(...canvas.getContext("2d").getImageData(x, y, 1, 1).data);
  picker.choose(a, b);
});

watchKeys({
  o: pickFile, s: saveSession, d: download, g: () => picker.keepGrey(!picker.grey), r: () => $("second").click(), x: () => tools.hide(),
  p: () => tools.use("point"), b: () => tools.use("brush"), i: () => tools.use("pick"), h: () => tools.use("hand"),
  1: () => setMode("single"), 2: () => setMode("side"), 3: () => setMode("wipe"),
  "+": () => view.zoom(1.25), "=": () => view.zoom(1.25), "-": () => view.zoom(0.8), 0: () => view.fit(),
  "[": () => setSize(Math.max(0, $("size").value - 5)), "]": () => setSize(Math.min(100, Number($("size").value) + 5)),
  n: () => useModel(String((Number(desk.model) + 1) % desk.models.length)),
  "?": () => $("sheet").showModal(), Delete: () => tools.remove(), Backspace: () => tools.remove(), Escape: () => tools.choose(null),
}, { undo, redo, hold, space: (isHeld) => { tools.spaced = isHeld; } });

// --- the beginning ----------------------------------------------------------------------------------------------------------
async function begin() {
  const { models, samples, given } = await server.about();
  desk.models = models;
  $("model").replaceChildren(...models.map(({ key, title }) => el("option", { value: key }, title)));
  listBeside();
  $("samples").replaceChildren(...samples.map((name) => el("button", { type: "button", click: () => loadFrom({ sample: name }) }, el("img", { src: `/api/samples/${name}`, alt: "" }), name)));
  const [photo, work] = [await kept("photo"), await kept("work")];
  if (given) await loadFrom({ given });
  else if (photo && !photo.given) await loadFrom(photo);
  if (desk.photo && work && work.digest === desk.photo.blake2b) {
    if (models.some(({ key }) => key === work.model)) desk.model = $("model").value = work.model;
    desk.beside = work.beside;
    listBeside();
    picker.recent = work.recent ?? [];
    picker.drawSwatches();
    marks.reset(work.marks);
    setMode(work.mode ?? "single");
  }
  document.body.dataset.ready = "yes";
}
begin().catch((error) => say(error.message, true));
