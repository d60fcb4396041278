// @ts-check
// Sortable tables, and the table of pairwise comparisons.

/**
 * @typedef {string | number | null} SortValue
 */

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [note] tooltip
 * @property {boolean} [isNumeric]
 * @property {boolean} [lowFirst] sort a numeric column from its lowest value first
 * @property {(row: Row) => SortValue} value
 * @property {(row: Row) => Child | Child[]} cell
 * @property {(row: Row) => boolean} [isBest]
 */

/** @typedef {{ column: number, descending: boolean }} SortOrder */

/**
 * Create a table that is sorted by clicking on its headings. Rows without a value always come last.
 * @template Row
 * @param {object} options
 * @param {string} options.label
 * @param {Column<Row>[]} options.columns
 * @param {Row[]} options.rows
 * @param {(row: Row) => string} options.runName
 * @param {SortOrder | null} [options.order]
 */
function sortableTable({ label, columns: definitions, rows, runName, order = null }) {
  const headings = definitions.map(({ title, note, isNumeric }, n) => el(
    "th",
    { scope: "col", class: isNumeric ? "number" : "", "aria-sort": "none" },
    el("button", { type: "button", title: note, click: () => sortBy(n) }, title),
  ));
  const body = el("tbody");
  const lines = rows.map((row) => ({
    row,
    node: el("tr", highlightAttributes(runName(row)), definitions.map(({ isNumeric, isBest, cell }) => {
      const classes = [...(isNumeric ? ["number"] : []), ...(isBest?.(row) ? ["best"] : [])];
      return el("td", { class: classes.join(" ") }, cell(row));
    })),
  }));

  /**
   * @param {number} column
   * @param {boolean} [descending]
   */
  function sortBy(column, descending) {
    const { isNumeric, lowFirst, value } = definitions[column];
    const defaultDescending = order?.column === column ? !order.descending : Boolean(isNumeric) && !lowFirst;
    order = { column, descending: descending ?? defaultDescending };
    const sign = order.descending ? -1 : 1;
    lines.sort((a, b) => {
      const first = value(a.row);
      const second = value(b.row);
      if (first === null || second === null) return Number(first === null) - Number(second === null);
      if (typeof first === "number" && typeof second === "number") return sign * (first - second);
      return sign * String(first).localeCompare(String(second), "en", { numeric: true });
    });
    const direction = order.descending ? "descending" : "ascending";
    headings.forEach((heading, n) => heading.setAttribute("aria-sort", n === column ? direction : "none"));
    body.replaceChildren(...lines.map((line) => line.node));
  }

  if (order) sortBy(order.column, order.descending);
  else body.replaceChildren(...lines.map((line) => line.node));
  const table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, headings)), body);
  return { node: scrollable(label, table), order: () => order };
}

/**
 * @param {string} label
 * @param {...Child} children
 */
function scrollable(label, ...children) {
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, ...children);
}

/**
 * Allow line breaks after the separators in a name.
 * @param {string} name
 */
const breakable = (name) => name.split(/(?<=[_/.=-])/).flatMap((part) => [part, el("wbr")]);

/**
 * @param {string} name
 * @param {string | null} [tag]
 */
function runLabel(name, tag = null) {
  const text = el("span", {}, breakable(name), tag ? el("small", {}, tag) : null);
  return el("div", { class: "run" }, swatch(name), text);
}

/**
 * Return what to print below the name of a run.
 * @param {Network} network
 */
function runTag({ name, model, trained }) {
  if (!trained) return "baseline";
  return model && !name.includes(model) ? model : null;
}

/** Create the leaderboard: a row per network, with a column per hint count and the cost of the network. */
function leaderboard() {
  const container = el("div");
  /** @type {"interval" | "difference"} */
  let view = "interval";
  /** @type {ReturnType<typeof sortableTable<number>> | null} */
  let table = null;
  // the summaries of the curve come first
  const numCounts = content.hint_counts.length;
  const order = [...columns.keys()].sort((a, b) => Number(a < numCounts) - Number(b < numCounts));
  let drawnMetric = selectedMetric;

  drawOnMetricChange(draw);

  /**
   * @param {number} column
   * @returns {Column<number>}
   */
  function scoreColumn(column) {
    const { title, digits } = METRICS[selectedMetric];
    const scores = content.scores[selectedMetric];
    const best = bestOf(scores.mean.map((row) => row[column]));
    const key = columns[column];
    return {
      title: typeof key === "number" ? formatInteger(key) : `${title}, ${key}`,
      note: typeof key === "number" ? `${title} with ${formatHintCount(key)}` : `${title}: ${formatColumn(key)}`,
      isNumeric: true,
      lowFirst: !METRICS[selectedMetric].higher_is_better,
      value: (row) => scores.mean[row][column],
      isBest: (row) => scores.mean[row][column] === best,
      cell: (row) => {
        if (view === "interval") {
          const low = formatFixed(scores.low[row][column], digits);
          const high = formatFixed(scores.high[row][column], digits);
          return [formatFixed(scores.mean[row][column], digits), el("small", {}, `${low}\u2013${high}`)];
        }
        if (row === 0) return "\u2014";
        const low = formatSigned(scores.difference_low[row][column], digits);
        const high = formatSigned(scores.difference_high[row][column], digits);
        return [formatSigned(scores.difference[row][column], digits), el("small", {}, `${low} to ${high}`)];
      },
    };
  }

  /**
   * @param {"parameters" | "gmac" | "seconds"} key
   * @param {string} title
   * @param {string} note
   * @param {(value: number) => string} format
   * @returns {Column<number>}
   */
  function costColumn(key, title, note, format) {
    /** @param {number} row */
    const value = (row) => networks[row][key];
    return {
      title,
      note,
      isNumeric: true,
      lowFirst: true,
      value,
      cell: (row) => {
        const cost = value(row);
        return cost === null ? "" : format(cost);
      },
    };
  }

  /** Return the order of the rows. A switch to a metric with the other direction keeps the best rows on top. */
  function nextOrder() {
    const current = table?.order() ?? { column: 1 + order.indexOf(rankedColumn), descending: true };
    const isScore = current.column >= 1 && current.column <= order.length;
    const turns = METRICS[selectedMetric].higher_is_better !== METRICS[drawnMetric].higher_is_better;
    drawnMetric = selectedMetric;
    return { ...current, descending: current.descending !== (isScore && turns) };
  }

  function draw() {
    const next = sortableTable({
      label: "Leaderboard",
      runName: (row) => networks[row].name,
      rows: networks.map((_, row) => row),
      columns: [
        {
          title: "Run",
          value: (row) => networks[row].name,
          cell: (row) => runLabel(networks[row].name, runTag(networks[row])),
        },
        ...order.map(scoreColumn),
        costColumn("parameters", "Parameters", "Number of trainable parameters", formatInteger),
        costColumn("gmac", "GMACs", "Billions of multiply-adds for a 256x256 image", (value) => formatFixed(value, 1)),
        costColumn("seconds", "ms / image", "Median time per image, on the machine that ran the evaluation",
          (value) => formatFixed(1000 * value, value < 0.01 ? 1 : 0)),
      ],
      order: nextOrder(),
    });
    if (table) table.node.replaceWith(next.node);
    else container.append(next.node);
    table = next;
  }

  const details = segmentedControl(
    "Below each score",
    [["interval", "95% interval"], ["difference", `Difference to ${networks[0].name}`]],
    view,
    (value) => {
      view = value;
      draw();
    },
  );
  return [el("div", { class: "controls" }, details, directionNote()), container];
}

/** Create the table of win rates: the share of images on which the row is better than the column. */
function pairwiseTable() {
  const { names } = content.pairs;
  let selectedColumn = rankedColumn;
  const container = scrollable("Win rates");

  /**
   * @param {number} row
   * @param {number} column
   */
  function cell(row, column) {
    if (row === column) return el("td", { class: "soft" }, "\u00b7");
    const share = content.pairs.win_rates[selectedMetric][selectedColumn][row][column];
    const opacity = (Math.min(1, Math.abs(share - 0.5) * 2) * 0.55).toFixed(3);
    const wins = share * content.num_images;
    const count = formatFixed(wins, wins % 1 ? 1 : 0);
    const total = plural(content.num_images, "image");
    const condition = `${METRICS[selectedMetric].title}, ${formatColumn(columns[selectedColumn])}`;
    return el("td", {
      style: `background: rgb(var(--${share >= 0.5 ? "win" : "lose"}) / ${opacity})`,
      title: `${names[row]} beats ${names[column]} on ${count} of ${total} (${condition})`,
    }, formatInteger(share * 100));
  }

  function draw() {
    const headings = names.map((name) => el("th", { scope: "col", title: name }, el("span", {}, name)));
    const rows = names.map((name, row) => el(
      "tr",
      {},
      el("th", { scope: "row" }, breakable(name)),
      names.map((_, column) => cell(row, column)),
    ));
    const head = el("thead", {}, el("tr", {}, el("td"), headings));
    const table = el("table", { class: "pairs", "aria-label": "Win rates" }, head, el("tbody", {}, rows));
    container.replaceChildren(table);
  }

  drawOnMetricChange(draw);
  /** @type {[string, number][]} */
  const options = columns.map((key, column) => [formatColumn(key), column]);
  const control = dropdown("Evaluated with", options, (column) => {
    selectedColumn = column;
    draw();
  }, rankedColumn);
  return [el("div", { class: "controls" }, control, directionNote()), container];
}

/** Create the table of options that differ between runs. */
function differencesTable() {
  const { keys, rows } = content.differences;
  /** @param {unknown} value */
  const toText = (value) => (value === null ? "\u2013" : String(value));
  /**
   * @param {unknown} value
   * @returns {SortValue}
   */
  const toSortValue = (value) => (typeof value === "number" || value === null ? value : toText(value));
  return sortableTable({
    label: "Options that differ",
    runName: ([name]) => name,
    rows: Object.entries(rows),
    columns: [
      { title: "Run", value: ([name]) => name, cell: ([name]) => runLabel(name) },
      ...keys.map((key, n) => ({
        title: key,
        /** @param {[string, unknown[]]} row */
        value: ([, values]) => toSortValue(values[n]),
        /** @param {[string, unknown[]]} row */
        cell: ([, values]) => toText(values[n]),
      })),
    ],
  }).node;
}
