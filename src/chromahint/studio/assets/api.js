// What the page asks the server for.

async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Error("The studio does not answer; is it still running?");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let reason = text.trim() || answer.statusText;
  try {
    reason = JSON.parse(text).error;
  } catch { /* it was plain text */ }
  throw Object.assign(new Error(reason), { status: answer.status });
}
const post = (address, body) => ask(address, { method: "POST", body });

export const about = async () => (await ask("/api/about")).json();
export const openSample = async (name) => (await post(`/api/samples/${encodeURIComponent(name)}`)).json();
export const openGiven = async () => (await post("/api/given")).json();
export const openFile = async (blob, name) => (await post(`/api/photos?name=${encodeURIComponent(name)}`, blob)).json();
export const picture = async (id, what) => createImageBitmap(await (await ask(`/api/photos/${id}/${what}`)).blob());
export const suggest = async (id, model, x, y, hints) => (await post(`/api/photos/${id}/suggest?model=${model}&x=${x}&y=${y}`, hints)).json();
export const session = async (id, text) => (await post(`/api/photos/${id}/session`, text)).json();
export const full = async (id, model, kind, hints) => (await post(`/api/photos/${id}/full?model=${model}&kind=${kind}`, hints)).blob();

const sides = (answer) => ({ height: Number(answer.headers.get("x-height")), width: Number(answer.headers.get("x-width")) });

/** The lightness that a network sees. */
export async function seen(id, model, size) {
  const answer = await ask(`/api/photos/${id}/seen?model=${model}&size=${size}`);
  return { ...sides(answer), lightness: new Float32Array(await answer.arrayBuffer()) };
}

/** The colors that a network gives for hints, at the size that it sees. */
export async function colors(id, model, size, hints) {
  const answer = await post(`/api/photos/${id}/colors?model=${model}&size=${size}`, hints);
  const psnr = answer.headers.get("x-psnr");
  return { ...sides(answer), psnr: psnr === null ? null : Number(psnr), ab: new Int16Array(await answer.arrayBuffer()) };
}

const nextFrame = () => new Promise((done) => requestAnimationFrame(done));

/**
 * One question at a time; of those that come meanwhile only the last is asked, after what pointers did while the answer
 * before it was painted.
 */
export class Latest {
  constructor(work) {
    this.work = work;
    this.next = null;
    this.busy = false;
  }

  get isLate() {
    return this.next !== null;
  }

  async ask(question) {
    this.next = { question };
    if (this.busy) return;
    this.busy = true;
    while (this.next) {
      const { question: now } = this.next;
      this.next = null;
      await this.work(now);
      await nextFrame();
    }
    this.busy = false;
  }
}
