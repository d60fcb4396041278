// @ts-check
// The metrics that the page can switch between, and the columns of their scores.

/** @typedef {number | "mean" | "area"} ScoreColumn a number of hints, or a summary of the curve over hints */

const METRICS = content.metrics;
/** @type {ScoreColumn[]} */
const columns = [...content.hint_counts, "mean", ...(content.has_area ? [/** @type {const} */ ("area")] : [])];
const rankedColumn = columns.indexOf(content.ranked_by ?? "mean");

let selectedMetric = "psnr";
/** @type {(() => void)[]} */
const metricListeners = [];

/**
 * Draw something now, and again whenever another metric is selected.
 * @param {() => void} draw
 */
function drawOnMetricChange(draw) {
  metricListeners.push(draw);
  draw();
}

/** @param {string} metric */
function selectMetric(metric) {
  selectedMetric = metric;
  metricListeners.forEach((draw) => draw());
}

/**
 * Return the best of some values of the selected metric.
 * @param {number[]} values
 */
function bestOf(values) {
  return METRICS[selectedMetric].higher_is_better ? Math.max(...values) : Math.min(...values);
}

/**
 * Format a value of the selected metric with its unit.
 * @param {number} value
 */
function formatScore(value) {
  const { digits, unit } = METRICS[selectedMetric];
  return `${formatFixed(value, digits)}${unit && ` ${unit}`}`;
}

/** Create a line that says whether higher or lower values of the selected metric are better. */
function directionNote() {
  const note = el("span", { "aria-live": "polite" });
  drawOnMetricChange(() => {
    const { title, higher_is_better: higher } = METRICS[selectedMetric];
    note.textContent = `${title}: ${higher ? "higher" : "lower"} is better`;
  });
  return note;
}

/** @param {ScoreColumn} column */
function formatColumn(column) {
  if (column === "mean") return `mean over all ${HINT_NOUN} counts \u2265 1`;
  if (column === "area") return `area under the curve over log(1 + ${HINT_NOUN}s)`;
  return formatHintCount(column);
}
