// @ts-check
// Whether the line to the server is slow, by the last transfers: small versions of pictures and colors are requested
// then.

const SLOW = 1000; // bytes per millisecond; on a slower line, the colors of a preview take 0.3 seconds and more
const MIN_BYTES = 18_000; // the first 14 kB come at once on any line
const RECENT = 12; // transfers; several at the same time share the line, so the fastest one counts
const STORED = "chromahint-line"; // in the storage of the browser, for the first request of the next time

/** @type {number[]} bytes per millisecond */
const speeds = [];
let isSlow = restore();

export const isLineSlow = () => isSlow;

/** @param {PerformanceResourceTiming} entry */
function measure({ transferSize, responseStart, responseEnd }) {
  if (transferSize < MIN_BYTES) return; // it is short, or came from the cache
  speeds.push(transferSize / Math.max(1, responseEnd - responseStart)); // without what the server took
  if (speeds.length > RECENT) speeds.shift();
  isSlow = Math.max(...speeds) < SLOW;
  try {
    localStorage.setItem(STORED, isSlow ? "slow" : "fast");
  } catch { /* a browser may refuse to store anything */ }
}

function restore() {
  try {
    return localStorage.getItem(STORED) === "slow";
  } catch {
    return false;
  }
}

new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) measure(/** @type {PerformanceResourceTiming} */ (entry));
}).observe({ type: "resource", buffered: true });
