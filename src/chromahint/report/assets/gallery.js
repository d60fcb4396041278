// @ts-check
// The gallery: images in rows, networks in columns, and a dialog for a closer look.

/**
 * Create the gallery.
 * @param {Gallery} data
 */
function gallery(data) {
  const { hints, predictions, psnr, missing } = data;
  const { hint_count: hintCount, image_names: images, ground_truth: truth } = data;
  const names = Object.keys(predictions);
  const container = el("div");
  /** @param {number} image */
  const meanPsnr = (image) => names.reduce((sum, name) => sum + psnr[name][image], 0) / names.length;
  /** @param {number} image */
  const psnrRange = (image) => {
    const values = names.map((name) => psnr[name][image]);
    return Math.max(...values) - Math.min(...values);
  };
  /** @type {[title: string, key: (image: number) => number][]} */
  const orders = [
    ["Worst first (mean PSNR)", meanPsnr],
    ["Best first (mean PSNR)", (image) => -meanPsnr(image)],
    ["Largest difference first", (image) => -psnrRange(image)],
    ...names.map((name) => /** @type {[string, (image: number) => number]} */ (
      [`Worst first (${name})`, (image) => psnr[name][image]]
    )),
  ];

  /** @param {(image: number) => number} key */
  function draw(key) {
    const sorted = images.map((_, image) => image).sort((a, b) => key(a) - key(b));
    container.replaceChildren(...sorted.map(row));
  }

  /** @param {number} image */
  function row(image) {
    const best = Math.max(...names.map((name) => psnr[name][image]));
    /**
     * @param {string} title
     * @param {string} source
     * @param {number} [column]
     * @param {number | null} [db]
     */
    const cell = (title, source, column = 0, db = null) => el(
      "button",
      { type: "button", class: db === best ? "best" : "", click: () => openDialog(image, column) },
      el("img", { src: source, alt: `${images[image]}, ${title}` }),
      el("span", {}, title),
      db === null ? null : el("span", {}, `${formatFixed(db, 2)} dB`),
    );
    return el(
      "div",
      { class: "photo" },
      el("h3", {}, images[image]),
      el(
        "div",
        { class: "pictures", style: `--columns: ${names.length + 2}` },
        cell(formatHintCount(hintCount), hints[image]),
        names.map((name, column) => cell(name, predictions[name][image], column, psnr[name][image])),
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
        large(predictions[name][image], `${name}: ${formatFixed(psnr[name][image], 2)} dB`),
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

  draw(meanPsnr);
  return [
    el("div", { class: "controls" }, dropdown("Order", orders, draw)),
    container,
    ...Object.entries(missing).map(([name, reason]) => el("p", { class: "soft" }, `${name} is not shown: ${reason}`)),
  ];
}
