// @ts-check
// Builds the page from top to bottom.

/**
 * @typedef {object} PageSection
 * @property {string} link its text in the navigation bar
 * @property {HTMLElement} node
 */

const rankedBy = content.ranked_by === null ? formatColumn("mean") : `with ${formatHintCount(content.ranked_by)}`;

/** @param {number} row */
const rankedPsnr = (row) => content.scores.psnr.mean[row][rankedColumn];

/** Create the cards with the best run, its lead, and the best baseline. */
function summaryCards() {
  const [first, second] = networks.filter((network) => network.trained).map((network) => network.name);
  /** @type {[label: string, value: string, note: string][]} */
  const facts = [["Best run", first, `${formatFixed(rankedPsnr(0), 2)} dB, ${rankedBy}`]];
  if (content.margin) {
    const { value, low, high, p, significant } = content.margin;
    const verdict = significant ? "statistically significant" : "not statistically significant";
    const interval = `95% interval ${formatFixed(low, 2).replace("-", "\u2212")} to ${formatFixed(high, 2)} dB`;
    const pValue = p < 0.001 ? "p < 0.001" : `p = ${formatFixed(p, 3)}`;
    facts.push([`Lead over ${second}`, `${formatFixed(value, 2)} dB`, `${verdict}: ${interval}, ${pValue}`]);
  }
  const row = networks.findIndex((network) => !network.trained);
  if (row >= 0) {
    const lead = rankedPsnr(0) - rankedPsnr(row);
    const comparison = `${formatFixed(Math.abs(lead), 2)} dB ${lead >= 0 ? "behind" : "ahead of"} ${first}`;
    facts.push(["Best baseline", networks[row].name, `${formatFixed(rankedPsnr(row), 2)} dB, ${comparison}`]);
  }
  return el("div", { class: "summary" }, facts.map(([label, value, note]) => el(
    "div",
    { class: "card" },
    el("small", {}, label),
    el("b", {}, value),
    el("small", {}, note),
  )));
}

/** Create the chart of scores over the number of hints. */
function hintsChart() {
  const container = el("div");
  /** @type {number | null} the row that all others are compared with */
  let reference = null;
  const names = networks.map((network) => network.name);
  drawOnMetricChange(draw);

  function draw() {
    const { title, unit, digits, higher_is_better: isHighBetter } = METRICS[selectedMetric];
    const { counts, means } = content.hint_curves;
    const mean = means[selectedMetric];
    /**
     * @param {number} row
     * @param {number} column
     */
    const value = (row, column) => mean[row][column] - (reference === null ? 0 : mean[reference][column]);
    const isDifference = reference !== null;
    const difference = reference === null ? "" : `, difference to ${names[reference]}`;
    const exact = isDifference ? formatSigned : formatFixed;
    container.replaceChildren(chart({
      label: `${title} by number of ${HINT_NOUN}s`,
      lines: names.map((name, row) => ({
        name,
        points: counts.map((count, column) => [count, value(row, column)]),
      })),
      x: {
        scale: "hints",
        label: `${HINT_NOUN}s`,
        ticks: content.hint_counts,
        format: formatInteger,
        title: formatHintCount,
      },
      y: {
        scale: "linear",
        label: `${title}${unit && ` in ${unit}`}${difference}`,
        format: (tick) => formatTick(tick, isDifference),
        exact: (each) => `${exact(each, digits)}${unit && ` ${unit}`}`,
        lowFirst: !isHighBetter,
      },
      height: 430,
      showNames: true,
      sharedX: true,
    }));
  }

  /** @type {[string, number | null][]} */
  const options = [
    ["Scores", null],
    ...names.map((name, row) => /** @type {[string, number]} */ ([`Difference to ${name}`, row])),
  ];
  const show = dropdown("Show", options, (row) => {
    reference = row;
    draw();
  });
  const colored = names.filter((name) => lineStyle(name).isColored);
  return [el("div", { class: "controls" }, show, directionNote()), container, legend(colored), uncoloredNote()];
}

/**
 * Format a tick with as many digits as it needs, at most three.
 * @param {number} value
 * @param {boolean} isSigned
 */
function formatTick(value, isSigned) {
  const text = Math.abs(value).toLocaleString("en", { maximumFractionDigits: 3 });
  const sign = value < 0 ? "\u2212" : "+";
  return text === "0" || (!isSigned && value > 0) ? text : sign + text;
}

function uncoloredNote() {
  const count = networks.filter(({ name }) => !lineStyle(name).isColored).length;
  if (count === 0) return null;
  return el("p", { class: "soft" }, `The best ${NUM_COLORS} runs are in color, ${plural(count, "other")} in gray.`);
}

/** Create the charts of training curves. */
function trainingCharts() {
  /** @param {string} metric */
  const linesOf = (metric) => Object.entries(content.curves)
    .filter(([, curves]) => curves[metric])
    .map(([name, curves]) => {
      const [steps, values] = curves[metric];
      return { name, points: steps.map((step, n) => /** @type {DataPoint} */ ([step, values[n]])) };
    });
  /** @type {XAxis} */
  const x = { scale: "linear", label: "step", format: formatInteger };
  const loss = linesOf("train/loss");
  const psnr = linesOf("val/psnr");
  const isPositive = loss.every((line) => line.points.every(([, value]) => value > 0));
  /** @type {YAxis} */
  const lossAxis = {
    scale: isPositive ? "log" : "linear",
    format: (value) => String(Number(value.toPrecision(2))),
    exact: (value) => String(Number(value.toPrecision(4))),
  };
  /** @type {YAxis} */
  const psnrAxis = {
    scale: "linear",
    format: (value) => String(Number(value.toFixed(2))),
    exact: (value) => `${formatFixed(value, 2)} dB`,
  };
  /**
   * @param {string} title
   * @param {Line[]} lines
   * @param {YAxis} y
   */
  const titled = (title, lines, y) => (lines.length
    ? el("div", {}, el("h3", {}, title), chart({ label: title, lines, x, y, height: 300 }))
    : null);
  /** @type {YAxis} */
  const plainAxis = {
    scale: "linear",
    format: (value) => String(Number(value.toPrecision(2))),
    exact: (value) => String(Number(value.toPrecision(3))),
  };
  const charts = [
    titled("Training loss, smoothed", loss, lossAxis),
    titled("Validation PSNR in dB", psnr, psnrAxis),
    titled("Learning rate", linesOf("train/lr"), plainAxis),
    titled("Gradient norm before clipping", linesOf("train/grad_norm"), plainAxis),
    titled("Images per second", linesOf("train/images_per_second"), plainAxis),
    titled("Share of the time spent waiting for data", linesOf("train/data_wait"), plainAxis),
    titled("GPU memory in GB", linesOf("train/gpu_memory_gb"), plainAxis),
  ];
  const runs = networks.filter((network) => network.trained && lineStyle(network.name).isColored);
  return [el("div", { class: "charts" }, charts), legend(runs.map((network) => network.name))];
}

function excludedRuns() {
  /** @param {NonNullable<ExcludedRun["scores"]>} scores */
  const formatScores = ({ setup, psnr }) => {
    const values = Object.entries(psnr).map(([count, db]) => `${formatInteger(Number(count))}: ${formatFixed(db, 2)}`);
    return `PSNR in dB (${setup}): ${values.join(" \u00b7 ")}`;
  };
  return el("ul", { class: "excluded" }, content.excluded.map(({ name, reason, scores }) => el(
    "li",
    {},
    el("b", {}, name),
    ` ${reason}.`,
    scores ? el("div", { class: "soft" }, formatScores(scores)) : null,
  )));
}

/** Say how many photos are colorless, and what that means for the scores. */
function colorlessNote() {
  const { images, min_chroma: minChroma, left_out: isLeftOut } = content.colorless;
  if (!images) return "";
  const rule = minChroma ? ` (99th percentile of chroma below ${minChroma})` : "";
  const verb = images === 1 ? "has" : "have";
  return isLeftOut
    ? ` ${plural(images, "photo")} without color${rule} ${images === 1 ? "is" : "are"} left out.`
    : ` ${formatInteger(images)} of them ${verb} no color${rule}; this protocol includes them in its means.`;
}

const numRuns = networks.filter((network) => network.trained).length;
const numBaselines = networks.length - numRuns;
const numImages = plural(content.num_images, "image");

/** @returns {PageSection[]} */
function pageSections() {
  /** @type {PageSection[]} */
  const sections = [
    {
      link: "Leaderboard",
      node: section(
        "leaderboard", "Leaderboard",
        `Mean scores on ${numImages}; the best of each column is bold. There is one column per number of `
        + `${HINT_NOUN}s, and the mean covers all of them from 1 ${HINT_NOUN}. Click on a heading to sort.`
        + colorlessNote(),
        ...leaderboard(),
      ),
    },
    {
      link: content.clicks ? "Curves" : "Hints",
      node: section(
        "hints", `Score by number of ${HINT_NOUN}s`,
        (content.clicks
          ? "A first click can do more harm than good."
          : "More hints bring the colors closer to the original.")
        + (numBaselines ? " Dashed lines are baselines." : ""),
        ...hintsChart(),
      ),
    },
  ];
  if (content.clicks) {
    const { largest } = content.clicks;
    const text = "Mean number of clicks that a simulated person needs until the result reaches a PSNR. Each click goes "
      + `where the result differs most from the original. A photo that does not reach it within ${largest} clicks `
      + `counts as ${largest + 1}. Lines are 95% intervals.`;
    sections.splice(1, 0, { link: "Clicks", node: section("clicks", "Clicks to target", text, ...clickBars()) });
  }
  if (networks.length > 1) {
    const text = "Percentage of images on which the run in the row has a better score than the one in the column. "
      + "Ties count half.";
    sections.push({ link: "Pairs", node: section("pairs", "Pairwise win rates", text, ...pairwiseTable()) });
  }
  if (Object.values(content.curves).some((curves) => Object.keys(curves).length)) {
    sections.push({ link: "Training", node: section("training", "Training", null, ...trainingCharts()) });
  }
  if (content.filmstrip) {
    const text = "One photo after more and more clicks of a simulated person. Each network gets the clicks that its "
      + "own results lead to; rings show where they are.";
    sections.push({
      link: "Filmstrip",
      node: section("filmstrip", "Click by click", text, ...filmstrip(content.filmstrip)),
    });
  }
  if (content.gallery) {
    const text = "Each image in gray with its hints, colored by each network, and the original. Click on one for a "
      + "closer look; there, the arrow keys switch between networks.";
    sections.push({
      link: "Gallery",
      node: section("gallery", "Gallery", text, ...gallery(content.gallery)),
    });
  } else if (content.gallery_error) {
    const text = `The gallery could not be created. ${content.gallery_error}`;
    sections.push({ link: "Gallery", node: section("gallery", "Gallery", text) });
  }
  if (content.differences.keys.length) {
    const text = "Options that are the same in all runs are left out.";
    sections.push({ link: "Options", node: section("options", "Differences between runs", text, differencesTable()) });
  }
  if (content.excluded.length || content.excluded_hint_counts.length) {
    const counts = content.excluded_hint_counts.map(formatInteger).join(", ");
    const text = (content.excluded.length ? "These runs have no scores that can be compared with the others. " : "")
      + (counts ? `Only some of the runs were evaluated with ${counts} hints; these scores are not compared.` : "");
    sections.push({ link: "Excluded", node: section("excluded", "Not compared", text, excludedRuns()) });
  }
  return sections;
}

function pageHeader() {
  const baselines = numBaselines ? ` and ${plural(numBaselines, "training-free baseline")}` : "";
  const networkCount = plural(numRuns, "trained network");
  const verb = numRuns + numBaselines === 1 ? "colors" : "color";
  return el(
    "header",
    {},
    el("p", { class: "date" }, `Chromahint report \u00b7 ${content.date}`),
    el("h1", {}, content.title),
    el("p", {}, content.clicks
      ? `${networkCount}${baselines} ${verb} the same ${numImages}. A simulated person clicks where the result is `
        + "worst, gives the true color there, and looks again."
      : `${networkCount}${baselines} ${verb} the same ${numImages} from the same hints, which give the true color of a `
        + "few pixels."),
    summaryCards(),
  );
}

function pageFooter() {
  const { protocol: name, size: [height, width], measures } = content.protocol;
  return el(
    "footer",
    {},
    el("p", {}, `Evaluated with the protocol ${name} on images of ${width}x${height} pixels: ${measures}. PSNR `
      + "measures how close the colors are, SSIM how similar the structure is (at most 1). "
      + (METRICS.ciede2000 ? "\u0394E is the mean color difference CIEDE2000; about 1 is just noticeable. " : "")
      + "GMACs are billions of multiply-adds for an image of 256x256 pixels. Times are medians over all images, on the "
      + "machine that ran the evaluation."),
    el("p", {}, "95% intervals are from a paired bootstrap with 2,000 resamples of the images. The significance of the "
      + `lead is from a ${content.test_name}. The best of many runs owes part of its lead to having been selected, so `
      + "images that were not used for the selection give a fairer comparison."),
  );
}

function buildPage() {
  const sections = pageSections();
  /** @type {[string, string][]} */
  const metrics = Object.entries(METRICS).map(([metric, { title }]) => [metric, title]);
  const links = sections.map(({ link, node }) => el("a", { href: `#${node.id}` }, link));
  const metricControl = segmentedControl("Metric", metrics, selectedMetric, selectMetric);
  document.body.append(
    pageHeader(),
    el("nav", { "aria-label": "Sections" }, el("div", {}, el("div", { class: "links" }, links), metricControl)),
    el("main", {}, sections.map(({ node }) => node)),
    pageFooter(),
  );
}

buildPage();
