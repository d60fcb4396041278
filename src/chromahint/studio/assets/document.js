// The photo on the desk and its points: opened, kept, saved, downloaded.

import { offer, say, working } from "./dom.js";
import { fromServer, photoOf, toFile } from "./hint_file.js";
import { keepPhoto, keptPhoto } from "./storage.js";
import { makePhoto } from "./photo.js";
import * as server from "./api.js";

const EMPTY = { points: [], strokes: [] };
const bare = (name) => name.replace(/\.[^.]*$/, "");

export class Desk extends EventTarget {
  constructor(marks) {
    super();
    Object.assign(this, { marks, photo: null, source: null, isReopening: false, opening: 0 });
  }

  /**
   * Open a photo, with the points that it had when it was here before; of several that are opened at once the last one stays.
   * @param source {blob, name}, {sample} or {given}
   */
  async open(source) {
    const turn = ++this.opening;
    try {
      const about = await working(() => bring(source));
      if (turn !== this.opening) return false;
      const pictures = ["gray", ...(about.colored ? ["original"] : [])].map((what) => server.picture(about.id, what));
      const photo = await working(async () => makePhoto(about, ...(await Promise.all(pictures))));
      const before = await keptPhoto(photo.blake2b);
      if (turn !== this.opening) return false;
      Object.assign(this, { photo, source });
      this.marks.reset(before?.marks ?? EMPTY, true);
      this.dispatchEvent(new CustomEvent("opened", { detail: before ?? {} }));
      if (this.marks.count) say("Your points on this photo are here again.");
      keepPhoto(photo.blake2b, { name: photo.name, source, thumbnail: await thumbnail(photo) });
      return true;
    } catch (error) {
      if (turn === this.opening) say(error.message, true);
      return false;
    }
  }

  /** The server has put the photo away, for it was started anew or has many: bring it again. */
  async reopen() {
    if (this.isReopening || !this.photo) return;
    this.isReopening = true;
    const { photo } = this;
    try {
      photo.id = (await bring(this.source)).id;
      if (photo === this.photo) this.dispatchEvent(new Event("reopened"));
    } catch (error) {
      say(error.message, true);
    } finally {
      this.isReopening = false;
    }
  }

  /** A file that a person has chosen or dropped: a photo or a session. */
  async take(file) {
    if (!file) return;
    if (/\.json$/i.test(file.name)) await this.#takeSession(file);
    else await this.open({ blob: file, name: file.name });
  }

  async #takeSession(file) {
    const text = await file.text(), of = photoOf(text);
    const isOther = () => Boolean(of?.blake2b) && of.blake2b !== this.photo?.blake2b;
    const here = isOther() ? await keptPhoto(of.blake2b) : null;
    if (here?.source && !(await this.open(here.source))) return;
    if (!this.photo) return say(`This is a session: open its photo${of?.name ? `, ${of.name},` : ""} first, then the session.`, true);
    try {
      this.marks.set(fromServer(await server.session(this.photo.id, text), this.photo));
      if (isOther()) say(`This session was made on another photo, ${of.name ?? "unnamed"}.`, true);
      else say("The session is open.");
    } catch (error) {
      say(`${file.name}: ${error.message}`, true);
    }
  }

  save() {
    if (!this.photo) return;
    const text = JSON.stringify(JSON.parse(toFile(this.marks.now, this.photo)), null, 1);
    offer(new Blob([`${text}\n`], { type: "application/json" }), `${bare(this.photo.name)}-hints.json`);
  }

  /** Hand the colored photo in its full size to the person. */
  async download(model) {
    const { photo } = this;
    say("Coloring the whole photo…");
    try {
      offer(await working(() => server.full(photo.id, model, photo.kind, toFile(this.marks.now))), `${bare(photo.name)}-colored${photo.kind}`);
      say("The colored photo is among your downloads.");
    } catch (error) {
      if (error.status === 404) await this.reopen();
      say(error.status === 404 ? "The photo was opened again: press Download once more." : error.message, true);
    }
  }
}

const bring = (source) => (source.sample ? server.openSample(source.sample) : source.given ? server.openGiven() : server.openFile(source.blob, source.name));

async function thumbnail(photo) {
  const small = photo.levels.at(-1), share = Math.min(1, 300 / small.width);
  const canvas = new OffscreenCanvas(Math.ceil(small.width * share), Math.ceil(small.height * share));
  canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
}
