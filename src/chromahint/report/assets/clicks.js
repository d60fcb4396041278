// @ts-check
// Results of simulated clicks: clicks to each target as bars, and a filmstrip of one photo for two networks.

/** Create a group of bars for each target. */
function clickBars() {
  if (!content.clicks) return [];
  const { largest, targets } = content.clicks;
  const shown = [...networks.keys()].filter((row) => lineStyle(networks[row].name).isColored);
  const limit = largest + 1;
  /** @param {number} value */
  const percent = (value) => `${((100 * value) / limit).toFixed(2)}%`;
  const digits = 1;

  /**
   * @param {ClickTarget} target
   * @param {number} row
   */
  function bar(target, row) {
    const { name } = networks[row];
    const mean = formatFixed(target.mean[row], digits);
    const interval = `${formatFixed(target.low[row], digits)}\u2013${formatFixed(target.high[row], digits)}`;
    const median = target.median[row] > largest ? `over ${largest}` : String(target.median[row]);
    const isBest = target.mean[row] === Math.min(...shown.map((each) => target.mean[each]));
    return el(
      "tr",
      highlightAttributes(name),
      el("th", { scope: "row" }, runLabel(name)),
      el(
        "td",
        { class: "track" },
        el(
          "div",
          { "aria-hidden": "true" },
          el("div", {
            class: "bar",
            style: `width: ${percent(target.mean[row])}; background: ${lineStyle(name).color}`,
          }),
          el("div", {
            class: "whisker",
            style: `left: ${percent(target.low[row])}; width: ${percent(target.high[row] - target.low[row])}`,
          }),
        ),
      ),
      el("td", { class: isBest ? "number best" : "number" }, mean, el("small", {}, interval)),
      el("td", { class: "number" }, median),
      el("td", { class: "number" }, `${formatInteger(100 * target.not_reached[row])}%`),
    );
  }

  /** @param {ClickTarget} target */
  function panel(target) {
    const title = `${target.target} dB`;
    const headings = ["Clicks", "Median", "Never"].map((text) => el("th", { scope: "col", class: "number" }, text));
    return el(
      "div",
      {},
      el("h3", {}, `To ${title}`),
      el(
        "table",
        { class: "bars", "aria-label": `Clicks to ${title}` },
        el("thead", {}, el("tr", {}, el("td"), el("td"), headings)),
        el("tbody", {}, shown.map((row) => bar(target, row))),
      ),
    );
  }

  return [el("div", { class: "charts" }, targets.map(panel)), uncoloredNote()];
}

/**
 * Create the filmstrip: frames of one photo for two networks, which readers choose.
 * @param {Filmstrip} data
 */
function filmstrip(data) {
  const names = Object.keys(data.strips);
  const notes = Object.entries(data.missing).map(([name, reason]) => el(
    "p",
    { class: "soft" },
    `${name} is not shown: ${reason}`,
  ));
  if (names.length === 0) return notes;
  const pair = [names[0], names[Math.min(1, names.length - 1)]];
  let image = 0;
  const container = el("div");

  /**
   * @param {string} name
   * @param {number} frame
   */
  function cell(name, frame) {
    const { frames, clicks } = data.strips[name][image];
    const count = data.counts[frame];
    /** @param {number} position */
    const percent = (position) => `${((100 * (position + 0.5)) / data.size).toFixed(2)}%`;
    const rings = clicks.slice(0, count).map(([x, y], n) => el("i", {
      class: n >= (data.counts[frame - 1] ?? 0) ? "new" : "",
      style: `left: ${percent(x)}; top: ${percent(y)}`,
    }));
    const caption = `${formatHintCount(count)}, ${formatScore(data.scores[selectedMetric][name][image][frame])}`;
    return el(
      "figure",
      {},
      el("div", {}, el("img", { src: frames[frame], alt: `${data.image_names[image]}, ${name}, ${caption}` }), rings),
      el("figcaption", {}, caption),
    );
  }

  function draw() {
    const shown = pair[0] === pair[1] ? pair.slice(0, 1) : pair;
    const original = el(
      "figure",
      { class: "original" },
      el("div", {}, el("img", { src: data.ground_truth[image], alt: `${data.image_names[image]}, original` })),
      el("figcaption", {}, "original"),
    );
    container.replaceChildren(el(
      "div",
      { class: "film", style: `--networks: ${shown.length}; --frames: ${data.counts.length}` },
      shown.map((name) => el("div", { class: "network" }, runLabel(name))),
      data.counts.flatMap((_, frame) => shown.map((name) => cell(name, frame))),
      original,
    ));
  }

  drawOnMetricChange(draw);
  /** @param {0 | 1} side */
  const networkControl = (side) => dropdown(
    side === 0 ? "Network" : "compared with",
    names.map((name) => [name, name]),
    (name) => {
      pair[side] = name;
      draw();
    },
    names.indexOf(pair[side]),
  );
  const photoControl = dropdown("Photo", data.image_names.map((name, n) => [name, n]), (n) => {
    image = n;
    draw();
  });
  return [el("div", { class: "controls" }, photoControl, networkControl(0), networkControl(1)), container, ...notes];
}
