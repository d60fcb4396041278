// The page from top to bottom.

const [first, second] = networks.filter((each) => each.trained).map((each) => each.name);
const ranked = content.ranked_by === null ? columns.length - 1 : columns.indexOf(content.ranked_by);
const scoreOf = (row) => `${fixed(content.psnr.mean[row][ranked], 2)} dB`;
const rankedBy = content.ranked_by === null ? "mean over all numbers of hints from 1 on" : `at ${hintsOf(content.ranked_by)}`;

function verdict() {
  const facts = [[`best run`, first, `${scoreOf(0)}, ${rankedBy}`]];
  if (content.margin) {
    const { db, low, high, p, significant } = content.margin;
    const chance = p < 0.001 ? "p < 0.001" : `p = ${fixed(p, 3)}`;
    facts.push([`ahead of ${second} by`, `${fixed(db, 2)} dB`, `${significant ? "more than chance" : "may be chance"}: ${fixed(low, 2).replace("-", "\u2212")} to ${fixed(high, 2)} dB with 95 % confidence, ${chance}`]);
  }
  const row = networks.findIndex((each) => !each.trained);
  if (row >= 0) {
    const ahead = content.psnr.mean[0][ranked] - content.psnr.mean[row][ranked];
    facts.push(["best method that learns nothing", networks[row].name, `${scoreOf(row)}, ${fixed(Math.abs(ahead), 2)} dB ${ahead >= 0 ? "behind" : "ahead of"} ${first}`]);
  }
  return el("div", { class: "verdict" }, facts.map(([what, value, note]) => el("div", { class: "fact" }, el("small", {}, what), el("b", {}, value), el("small", {}, note))));
}

function hintsChart() {
  const place = el("div");
  let base = null;
  const names = networks.map((each) => each.name);
  whenChosen(draw);
  function draw() {
    const { title, unit, digits } = METRICS[chosen.metric], mean = content[chosen.metric].mean;
    const value = (row, column) => mean[row][column] - (base === null ? 0 : mean[base][column]);
    const show = base === null ? fixed : signed;
    place.replaceChildren(chart({
      label: `${title} against number of hints`,
      lines: names.map((name, row) => ({ name, points: content.hint_counts.map((count, column) => [count, value(row, column)]) })),
      x: { scale: "hints", label: "hints", ticks: content.hint_counts, format: whole, title: hintsOf },
      y: { scale: "linear", label: `${title}${unit && ` in${unit}`}${base === null ? "" : `, difference to ${names[base]}`}`, format: (tick) => (chosen.metric === "psnr" ? show(tick, base === null || Math.abs(tick) % 1 === 0 ? 0 : 1) : show(tick, 3)), exact: (each) => `${show(each, digits)}${unit}` },
      height: 430, named: true, together: true,
    }));
  }
  const against = list("show", [["as measured", null], ...names.map((name, row) => [`difference to ${name}`, row])], (row) => {
    base = row;
    draw();
  });
  return [el("div", { class: "controls" }, against), place, legend(names.filter((name) => look(name).colored)), restNote()];
}

function restNote() {
  const rest = networks.filter((each) => !look(each.name).colored).length;
  return rest ? el("p", { class: "soft" }, `The best eight runs are in color, ${whole(rest)} more in gray.`) : null;
}

function curves() {
  const names = Object.keys(content.curves);
  const of = (key) => names.filter((name) => content.curves[name][key]).map((name) => {
    const [steps, values] = content.curves[name][key];
    return { name, points: steps.map((step, place) => [step, values[place]]) };
  });
  const x = { scale: "linear", label: "step", format: whole };
  const loss = of("train/loss"), val = of("val/psnr");
  const positive = loss.every((line) => line.points.every(([, value]) => value > 0));
  return [el("div", { class: "charts" },
    loss.length ? el("div", {}, el("h3", {}, "Loss in training, smoothed"), chart({ label: "Loss in training", lines: loss, x, y: { scale: positive ? "log" : "linear", format: (value) => String(Number(value.toPrecision(2))), exact: (value) => String(Number(value.toPrecision(4))) }, height: 300 })) : null,
    val.length ? el("div", {}, el("h3", {}, "PSNR in validation, dB"), chart({ label: "PSNR in validation", lines: val, x, y: { scale: "linear", format: (value) => String(Number(value.toFixed(2))), exact: (value) => `${fixed(value, 2)} dB` }, height: 300 })) : null),
  legend(networks.filter((each) => each.trained && look(each.name).colored).map((each) => each.name))];
}

function apart() {
  return el("ul", { class: "apart" }, content.excluded.map(({ name, reason, scores }) => el("li", {}, el("b", {}, name), ` ${reason}.`,
    scores ? el("div", { class: "soft" }, `PSNR in dB with ${scores.setup}: ${Object.entries(scores.psnr).map(([count, psnr]) => `${whole(Number(count))}: ${fixed(psnr, 2)}`).join(" \u00b7 ")}`) : null)));
}

const { protocol, num_images: photos } = content;
const runs = networks.filter((each) => each.trained).length, methods = networks.length - runs;
const sections = [
  ["Leaderboard", section("leaderboard", "Leaderboard", `Means of ${whole(photos)} photos. Higher is closer to the photo, and the best of a column is bold. Columns are numbers of hints; the mean is over those from 1 on. A click on a heading sorts.`, ...leaderboard())],
  ["Hints", section("hints", "What hints bring", `The more hints a person gives, the closer a network comes.${methods ? " Dashed: methods that learn nothing." : ""}`, ...hintsChart())],
  networks.length > 1 ? ["Pairs", section("pairs", "Who wins, photo by photo", "The share of photos in percent on which the run of the row has the higher PSNR than that of the column; a tie is half won.", ...pairs())] : null,
  Object.values(content.curves).some((each) => Object.keys(each).length) ? ["Training", section("training", "Training", null, ...curves())] : null,
  content.gallery ? ["Gallery", section("gallery", "The same photos, the same hints", "Photos from the hardest to the easiest, gray with their hints, colored by each network, and as they are. Click one for a closer look; there, the arrow keys go from network to network.", ...gallery())]
    : content.gallery_error ? ["Gallery", section("gallery", "Gallery", `It could not be drawn: ${content.gallery_error}`)] : null,
  content.differences.keys.length ? ["Options", section("options", "What differs between the runs", "Options that all runs share are left out.", differences())] : null,
  content.excluded.length ? ["Apart", section("apart", "Not compared", "These runs have no figures that could stand beside the others.", apart())] : null,
].filter(Boolean);

document.body.append(
  el("header", {},
    el("p", { class: "kicker" }, `Chromahint report \u00b7 ${content.date}`),
    el("h1", {}, content.title),
    el("p", {}, `${runs === 1 ? "One trained network colors" : `${whole(runs)} trained networks${methods ? ` and ${methods} method${methods > 1 ? "s" : ""} that learn${methods > 1 ? "" : "s"} nothing` : ""} color`} the same ${whole(photos)} gray photos, each helped by the same hints: places whose true color it is told.`),
    verdict()),
  el("nav", { "aria-label": "Parts of this page" }, el("div", {},
    el("div", { class: "links" }, sections.map(([title, node]) => el("a", { href: `#${node.id}` }, title))),
    choice("Measure", Object.entries(METRICS).map(([key, { title }]) => [key, title]), chosen.metric, (value) => choose("metric", value)))),
  el("main", {}, sections.map(([, node]) => node)),
  el("footer", {},
    el("p", {}, `Measured by the protocol ${protocol.protocol} on pictures of ${protocol.size[1]}x${protocol.size[0]}: ${protocol.measures}. PSNR is the closeness of colors in decibel, SSIM that of structure, at most 1. GMAC are thousand million multiply-adds for a picture of 256x256; the time is the median of all pictures, on the machine that measured.`),
    el("p", {}, `Intervals: 95 %, from a paired bootstrap of 2,000 resamples of the photos. Whether the first run is ahead of the second: ${content.test_name}. The best of many runs owes a part of its lead to being chosen: photos that no choice has seen are the fairer test.`)));
