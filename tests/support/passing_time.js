// Added to each page before its own scripts: `passTime()` tells when nothing more happens on it by itself.
//
// Timers need not run down while a test waits: when the page waits for nothing else, the one that is due next ends.

(() => {
  const LONGEST = 1000; // milliseconds; longer timers, such as those that hide messages, are left alone
  const MAX_SECONDS = 60;

  let tasks = 0; // requests and the like that have begun, but not ended
  let events = 0; // how often something has begun or ended
  let wake = () => {}; // called when something ends
  /** @type {Map<number, { due: number, run: () => void }>} */
  const timers = new Map();
  const startTimer = window.setTimeout.bind(window);
  const stopTimer = window.clearTimeout.bind(window);
  const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

  window.setTimeout = (callback, delay = 0, ...values) => {
    const run = () => {
      timers.delete(id);
      events++;
      callback(...values);
    };
    const id = startTimer(run, delay);
    if (delay < LONGEST) timers.set(id, { due: performance.now() + delay, run });
    events++;
    return id;
  };
  window.clearTimeout = (id) => {
    timers.delete(id);
    stopTimer(id);
  };

  const begin = () => {
    tasks++;
    events++;
  };
  const end = () => {
    tasks--;
    events++;
    wake();
  };

  /** Count the promises that methods of an object return. */
  const count = (owner, ...names) => {
    for (const name of names) {
      const method = owner[name];
      owner[name] = function (...values) {
        const promise = method.apply(this, values);
        begin();
        promise.then(end, end);
        return promise;
      };
    }
  };
  count(window, "fetch", "createImageBitmap");
  count(Response.prototype, "arrayBuffer", "blob", "json", "text");
  count(Blob.prototype, "arrayBuffer", "text");
  count(OffscreenCanvas.prototype, "convertToBlob");

  // whoever opens the database closes it when its transaction is over
  const { open } = IDBFactory.prototype;
  const { close } = IDBDatabase.prototype;
  IDBFactory.prototype.open = function (...values) {
    const request = open.apply(this, values);
    begin();
    request.addEventListener("error", end);
    return request;
  };
  IDBDatabase.prototype.close = function () {
    close.call(this);
    end();
  };

  /** Resolve when nothing goes on any more, and a condition holds. */
  window.passTime = async (isEnough = () => true) => {
    for (const start = performance.now(); performance.now() - start < 1000 * MAX_SECONDS;) {
      if (tasks > 0) await new Promise((resolve) => startTimer(wake = resolve, 1000));
      const before = events;
      await nextFrame();
      await nextFrame();
      if (tasks > 0 || events > before || document.body.classList.contains("busy")) continue;
      const [next] = [...timers].sort(([, one], [, other]) => one.due - other.due);
      if (!next && isEnough()) return;
      if (!next) continue;
      stopTimer(next[0]);
      next[1].run();
    }
    throw new Error(`Timed out. ${tasks} tasks go on. The condition: ${isEnough}`);
  };
})();
