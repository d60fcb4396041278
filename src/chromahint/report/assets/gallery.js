// @ts-check
// The gallery: images in rows, networks in columns, and a dialog for a closer look.

/**
 * Create the gallery.
 * @param {Gallery} data
 */
function gallery(data) {
  const { hints, predictions, scores, missing } = data;
  const { hint_count: hintCount, image_names: images, ground_truth: truth } = data;
  const names = Object.keys(predictions);
  const container = el("div");
  /**
   * Return the score of an image, with the sign changed if lower is better.
   * @param {string} name
   * @param {number} image
   */
  const quality = (name, image) =>
    scores[selectedMetric][name][image] * (METRICS[selectedMetric].higher_is_better ? 1 : -1);
  /** @param {number} image */
  const mean = (image) => names.reduce((sum, name) => sum + quality(name, image), 0) / names.length;
  /** @param {number} image */
  const range = (image) => {
    const values = names.map((name) => quality(name, image));
    return Math.max(...values) - Math.min(...values);
  };
  /** @type {[title: string, key: (image: number) => number][]} */
  const orders = [
    ["Worst first (mean score)", mean],
    ["Best first (mean score)", (image) => -mean(image)],
    ["Largest difference first", (image) => -range(image)],
    ...names.map((name) => /** @type {[string, (image: number) => number]} */ (
      [`Worst first (${name})`, (image) => quality(name, image)]
    )),
  ];
  let order = mean;

  function draw() {
    const sorted = images.map((_, image) => image).sort((a, b) => order(a) - order(b));
    container.replaceChildren(...sorted.map(row));
  }

  /** @param {number} image */
  function row(image) {
    const values = scores[selectedMetric];
    const best = bestOf(names.map((name) => values[name][image]));
    /**
     * @param {string} title
     * @param {string} source
     * @param {number} [column]
     * @param {number | null} [value]
     */
    const cell = (title, source, column = 0, value = null) => el(
      "button",
      { type: "button", class: value === best ? "best" : "", click: () => openDialog(image, column) },
      el("img", { src: source, alt: `${images[image]}, ${title}` }),
      el("span", {}, title),
      value === null ? null : el("span", {}, formatScore(value)),
    );
    return el(
      "div",
      { class: "photo" },
      el("h3", {}, images[image]),
      el(
        "div",
        { class: "pictures", style: `--columns: ${names.length + 2}` },
        cell(formatHintCount(hintCount), hints[image]),
        names.map((name, column) => cell(name, predictions[name][image], column, values[name][image])),
        cell("original", truth[image]),
      ),
    );
  }

  const dialog = el("dialog", { "aria-label": "Closer look", tabindex: -1 });
  document.body.append(dialog);

  /**
   * @param {number} image
   * @param {number} column
   */
  function openDialog(image, column) {
    const name = names[column];
    /** @param {number} step */
    const turn = (step) => openDialog(image, (column + step + names.length) % names.length);
    /**
     * @param {string} text
     * @param {() => void} click
     * @param {string} [label]
     */
    const button = (text, click, label) =>
      el("button", { type: "button", class: "plain", "aria-label": label, click }, text);
    /**
     * @param {string} source
     * @param {string} caption
     */
    const large = (source, caption) =>
      el("figure", {}, el("img", { src: source, alt: caption }), el("figcaption", {}, caption));
    dialog.replaceChildren(
      el(
        "div",
        { class: "controls" },
        button("\u2190", () => turn(-1), "Previous network"),
        button("\u2192", () => turn(1), "Next network"),
        el("span", {}, images[image]),
        button("Close", () => dialog.close()),
      ),
      el(
        "div",
        { class: "large" },
        large(hints[image], formatHintCount(hintCount)),
        large(predictions[name][image], `${name}: ${formatScore(scores[selectedMetric][name][image])}`),
        large(truth[image], "original"),
      ),
    );
    dialog.onkeydown = (event) => {
      if (event.key === "ArrowLeft") turn(-1);
      if (event.key === "ArrowRight") turn(1);
    };
    if (!dialog.open) dialog.showModal();
    dialog.focus(); // the button that had the focus was replaced
  }

  drawOnMetricChange(draw);
  const control = dropdown("Order", orders, (key) => {
    order = key;
    draw();
  });
  return [
    el("div", { class: "controls" }, control),
    container,
    ...Object.entries(missing).map(([name, reason]) => el("p", { class: "soft" }, `${name} is not shown: ${reason}`)),
  ];
}
