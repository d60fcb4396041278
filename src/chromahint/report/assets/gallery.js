// Photos in rows, what each network made of them in columns, and a closer look at one of them.

function gallery() {
  const { hint_count: count, image_names: images, hints, ground_truth: truth, predictions: made, psnr, missing } = content.gallery;
  const names = Object.keys(made);
  const place = el("div");
  const mean = (photo) => names.reduce((sum, name) => sum + psnr[name][photo], 0) / names.length;
  const spread = (photo) => Math.max(...names.map((name) => psnr[name][photo])) - Math.min(...names.map((name) => psnr[name][photo]));
  const orders = [
    ["worst first, mean of all", mean],
    ["best first, mean of all", (photo) => -mean(photo)],
    ["most different first", (photo) => -spread(photo)],
    ...names.map((name) => [`worst first, ${name}`, (photo) => psnr[name][photo]]),
  ];

  const draw = (key) => place.replaceChildren(...images.map((_, photo) => photo).sort((a, b) => key(a) - key(b)).map(row));

  function row(photo) {
    const best = Math.max(...names.map((name) => psnr[name][photo]));
    const cell = (title, source, look = 0, db = null) => el("button", { type: "button", class: db === best ? "first" : "", click: () => closer(photo, look) },
      el("img", { src: source, alt: `${images[photo]}, ${title}` }), el("span", {}, title), db === null ? null : el("span", {}, `${fixed(db, 2)} dB`));
    return el("div", { class: "photo" }, el("h3", {}, images[photo]), el("div", { class: "pictures", style: `--columns: ${names.length + 2}` },
      cell(hintsOf(count), hints[photo]),
      names.map((name, column) => cell(name, made[name][photo], column, psnr[name][photo])),
      cell("the photo", truth[photo])));
  }

  const dialog = el("dialog", { "aria-label": "A closer look", tabindex: -1 });
  document.body.append(dialog);
  function closer(photo, column) {
    const name = names[column];
    const turn = (step) => closer(photo, (column + step + names.length) % names.length);
    const large = (source, caption) => el("figure", {}, el("img", { src: source, alt: caption }), el("figcaption", {}, caption));
    dialog.replaceChildren(el("div", { class: "controls" },
      el("button", { type: "button", class: "plain", click: () => turn(-1) }, "\u2190"), el("button", { type: "button", class: "plain", click: () => turn(1) }, "\u2192"),
      el("span", {}, images[photo]), el("button", { type: "button", class: "plain", click: () => dialog.close() }, "close")),
    el("div", { class: "large" }, large(hints[photo], hintsOf(count)), large(made[name][photo], `${name}: ${fixed(psnr[name][photo], 2)} dB`), large(truth[photo], "the photo")));
    dialog.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) turn(step);
    };
    if (!dialog.open) dialog.showModal();
    dialog.focus(); // what had it is gone
  }

  draw(mean);
  return [
    el("div", { class: "controls" }, list("order", orders, draw)), place,
    ...Object.entries(missing).map(([name, why]) => el("p", { class: "soft" }, `${name} is not shown: ${why}`)),
  ];
}
