// @ts-check
// Builds the page of a benchmark from top to bottom. Elements, charts, and styles are those of the report.

/**
 * @typedef {object} ScoreTable rows are methods, columns are numbers of hints or targets, and a summary
 * @property {string} metric
 * @property {string} title
 * @property {string} unit
 * @property {number} digits
 * @property {-1 | 0 | 1} direction 1 if higher is better, 0 if neither
 * @property {string[]} columns
 * @property {number[][]} mean
 * @property {number[][]} low
 * @property {number[][]} high
 * @property {number[]} difference to the best method in the last column
 * @property {number[]} difference_low
 * @property {number[]} difference_high
 * @property {(number | null)[]} p
 *
 * @typedef {object} Picture
 * @property {string} method
 * @property {string} kind
 * @property {string} photo
 * @property {number} hint_count
 * @property {number} psnr
 * @property {[hints: string, result: string, photo: string]} images data URIs
 *
 * @typedef {object} Board
 * @property {string} set
 * @property {string} protocol
 * @property {string} description
 * @property {number[]} hint_counts
 * @property {number[]} milliseconds
 * @property {ScoreTable[]} tables
 * @property {Picture[]} pictures
 *
 * @typedef {object} BenchmarkContent
 * @property {string} title
 * @property {string} date
 * @property {string} test_name
 * @property {{ name: string, source: string, parameters: number | null, gmac: number | null,
 *   milliseconds: number[] }[]} methods
 * @property {number[]} order of the methods, best first
 * @property {{ name: string, photos: number, id: string, license: string, source: string }[]} sets
 * @property {{ mean: number[][], low: number[][], high: number[][] }} overview
 * @property {Board[]} boards
 */

const benchmark = /** @type {BenchmarkContent} */ (/** @type {unknown} */ (content));

/** @param {string} text */
const minus = (text) => text.replaceAll("-", "\u2212");

/** @param {number} count */
const hintsText = (count) => (count === 0 ? "no hints" : plural(count, "hint"));

/**
 * Create a cell with a number and its interval.
 * @param {number} mean
 * @param {number} low
 * @param {number} high
 * @param {number} digits
 * @param {boolean} isBest
 */
function intervalCell(mean, low, high, digits, isBest) {
  const interval = `${formatFixed(low, digits)} to ${formatFixed(high, digits)}`;
  return el(
    "td",
    { class: isBest ? "number best" : "number" },
    minus(formatFixed(mean, digits)),
    el("small", {}, minus(interval)),
  );
}

/**
 * Create the cell with the name of a method.
 * @param {number} row
 */
function methodCell(row) {
  const { name, source } = benchmark.methods[row];
  return el("td", {}, el("div", { class: "run" }, swatch(name), el("span", { title: source }, name)));
}

/**
 * Create a table whose headings are aligned like their columns.
 * @param {string[]} headings
 * @param {HTMLElement[]} rows
 */
function scoreTable(headings, rows) {
  const isNumber = (/** @type {number} */ n) => rows.some((row) => row.children[n].classList.contains("number"));
  const head = headings.map((text, n) => el("th", { scope: "col", class: isNumber(n) ? "number" : null }, text));
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}

/**
 * Return the row of the best method of a column, or -1.
 * @param {number[][]} mean
 * @param {number} column
 * @param {number} direction
 */
function bestRow(mean, column, direction) {
  if (direction === 0 || mean.length < 2) return -1;
  return mean.reduce((best, row, n) => (direction * row[column] > direction * mean[best][column] ? n : best), 0);
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function overviewTable() {
  const { mean, low, high } = benchmark.overview;
  const headings = benchmark.boards.map(({ set, protocol }) => `${set}, ${protocol}`);
  const rows = benchmark.order.map((row) => {
    const { name, parameters, gmac, milliseconds } = benchmark.methods[row];
    return el(
      "tr",
      highlightAttributes(name),
      methodCell(row),
      el("td", { class: "number" }, parameters === null ? "\u2013" : formatInteger(parameters)),
      el("td", { class: "number" }, gmac === null ? "\u2013" : formatFixed(gmac, 1)),
      el("td", { class: "number" }, formatFixed(median(milliseconds), 1)),
      benchmark.boards.map((_, column) => intervalCell(
        mean[row][column], low[row][column], high[row][column], 2, bestRow(mean, column, 1) === row,
      )),
    );
  });
  return scoreTable(["method", "parameters", "GMAC", "ms", ...headings], rows);
}

/**
 * Create the table of a metric: all columns, and the difference to the best method in the last one.
 * @param {ScoreTable} table
 */
function metricTable({ columns: titles, direction, digits, ...table }) {
  const last = titles.length - 1;
  const isTested = direction !== 0 && benchmark.order.length > 1;
  const order = [...benchmark.order].sort((a, b) => direction * (table.mean[b][last] - table.mean[a][last]));
  const rows = order.map((row) => {
    const p = table.p[row];
    const scores = titles.map((_, column) => intervalCell(
      table.mean[row][column], table.low[row][column], table.high[row][column], digits,
      bestRow(table.mean, column, direction) === row,
    ));
    const gap = p === null
      ? [el("td"), el("td")]
      : [
        intervalCell(table.difference[row], table.difference_low[row], table.difference_high[row], digits, false),
        el("td", { class: "number" }, p < 0.001 ? "< 0.001" : formatFixed(p, 3)),
      ];
    const attributes = highlightAttributes(benchmark.methods[row].name);
    return el("tr", attributes, methodCell(row), scores, isTested ? gap : null);
  });
  return scoreTable(["method", ...titles, ...(isTested ? ["to the best", "p"] : [])], rows);
}

/**
 * Create the chart of a metric over the numbers of hints, or over the targets.
 * @param {Board} board
 * @param {ScoreTable} table
 */
function metricChart(board, { title, unit, digits, columns: titles, mean }) {
  const isByHints = titles.length - 1 === board.hint_counts.length && !titles[0].endsWith("dB");
  const values = isByHints ? board.hint_counts : titles.slice(0, -1).map(parseFloat);
  if (values.length < 2) return null;
  /** @param {number} value */
  const exact = (value) => `${minus(formatFixed(value, digits))}${unit && ` ${unit}`}`;
  return chart({
    label: `${title} on ${board.set}, ${board.protocol}`,
    lines: benchmark.order.map((row) => ({
      name: benchmark.methods[row].name,
      points: values.map((value, column) => /** @type {DataPoint} */ ([value, mean[row][column]])),
    })),
    x: {
      scale: isByHints ? "hints" : "linear",
      label: isByHints ? "hints" : "PSNR to reach in dB",
      ticks: values,
      format: formatInteger,
      title: isByHints ? hintsText : (value) => `${formatInteger(value)} dB`,
    },
    y: {
      scale: "linear",
      label: `${title}${unit && ` in ${unit}`}`,
      format: (value) => minus(String(Number(value.toPrecision(3)))),
      exact,
    },
    height: 360,
    showNames: true,
    sharedX: true,
  });
}

/** @param {Board} board */
function pictureRows({ pictures }) {
  const names = benchmark.order.map((row) => benchmark.methods[row].name);
  const rows = names.map((name) => {
    const own = pictures.filter(({ method }) => method === name);
    const cells = own.flatMap(({ kind, photo, psnr, images }) => {
      const captions = [`${kind}: ${photo}`, `${formatFixed(psnr, 2)} dB`, "original"];
      return images.map((source, n) => el(
        "div",
        {},
        el("img", { src: source, alt: `${name}, ${kind} photo: ${["gray with hints", "result", "original"][n]}` }),
        el("span", {}, captions[n]),
      ));
    });
    return el("div", { class: "photo" }, el("h3", {}, name), el("div", { class: "pictures" }, cells));
  });
  const count = pictures[0].hint_count;
  return el(
    "details",
    {},
    el("summary", {}, `The median and the worst photo of each method, by PSNR with ${hintsText(count)}`),
    el("div", { style: "--columns: 6" }, rows),
  );
}

/**
 * @param {Board} board
 * @param {number} number
 */
function boardSection(board, number) {
  const container = el("div");
  /** @param {ScoreTable} table */
  const show = (table) => container.replaceChildren(...[metricTable(table), metricChart(board, table)].flatMap(
    (each) => (each === null ? [] : [each]),
  ));
  show(board.tables[0]);
  const choices = board.tables.map((table) => /** @type {[string, ScoreTable]} */ ([table.title, table]));
  return section(
    `board-${number}`, `${board.set}, ${board.protocol}`, board.description,
    el("div", { class: "controls" }, dropdown("Metric", choices, show)),
    container,
    pictureRows(board),
  );
}

function setsTable() {
  const rows = benchmark.sets.map(({ name, photos, id, license, source }) => el(
    "tr",
    {},
    el("td", {}, name),
    el("td", { class: "number" }, formatInteger(photos)),
    el("td", {}, license),
    el("td", {}, source),
    el("td", {}, el("code", {}, id)),
  ));
  return scoreTable(["set", "photos", "license", "source", "id"], rows);
}

function benchmarkHeader() {
  const { methods, sets, boards, order, overview } = benchmark;
  const [first] = order;
  const wins = boards.filter((_, column) => bestRow(overview.mean, column, 1) === first).length;
  /** @type {[label: string, value: string, note: string][]} */
  const facts = [
    ["Best method", methods[first].name, `highest PSNR in ${wins} of ${plural(boards.length, "comparison")}`],
    ["Methods", formatInteger(methods.length), "best first by mean PSNR over all comparisons"],
    ["Photos", formatInteger(sets.reduce((sum, { photos }) => sum + photos, 0)), `in ${plural(sets.length, "set")}`],
  ];
  const cards = facts.map(([label, value, note]) => el(
    "div", { class: "card" }, el("small", {}, label), el("b", {}, value), el("small", {}, note),
  ));
  return el(
    "header",
    {},
    el("p", { class: "date" }, `Chromahint benchmark \u00b7 ${benchmark.date}`),
    el("h1", {}, benchmark.title),
    el("p", {}, "Each method colors the same photos by the same rules, which define where hints are given."),
    el("div", { class: "summary" }, cards),
  );
}

function buildBenchmark() {
  const { boards } = benchmark;
  const nodes = [
    section(
      "overview", "Overview",
      "PSNR in dB on each set by each protocol; higher is better, and the best of each column is bold. For clicks and "
      + "regions, it is the area under the curve over log(1 + hints); for other protocols, the mean over all numbers "
      + "of hints from 1. Small numbers are 95% intervals.",
      overviewTable(),
    ),
    ...boards.map(boardSection),
    section("sets", "Sets", "Photos are identified by the BLAKE2b hash of each file.", setsTable()),
  ];
  const links = nodes.map((node) => el("a", { href: `#${node.id}` }, node.querySelector("h2")?.textContent ?? ""));
  document.body.append(
    benchmarkHeader(),
    el("nav", { "aria-label": "Sections" }, el("div", {}, el("div", { class: "links" }, links))),
    el("main", {}, nodes),
    el(
      "footer",
      {},
      el("p", {}, "GMAC are billions of multiply-adds for an image of 256x256 pixels. ms is the time per photo and "
        + "number of hints, the median over photos and comparisons, on the machine that measured."),
      el("p", {}, "95% intervals are from a paired bootstrap with 2,000 resamples of the photos. p is from a "
        + `${benchmark.test_name}, against the best method in the last column of scores; it is not corrected for the `
        + "number of methods."),
    ),
  );
}

buildBenchmark();
