// Lines over a number, drawn at the width that there is, with the values under the pointer or the arrow keys.

const SCALES = {
  linear: (value) => value,
  log: (value) => Math.log10(value),
  hints: (value) => Math.log10(1 + value), // logarithmic, and yet with room for no hint at all
};

/** Round numbers from low to high. */
function ticks(low, high, about) {
  const rough = (high - low || 1) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const found = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place++) found.push(place * step);
  return found;
}

/** Powers of ten from low to high, and what lies between them where they are few. */
function powers(low, high) {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
  const factors = to - from > 3 ? [1] : [1, 2, 5];
  const found = [];
  for (let power = from; power <= to; power++) found.push(...factors.map((factor) => factor * 10 ** power));
  return found.filter((value) => value >= low && value <= high);
}

/**
 * A figure. `lines`: [{name, points: [[x, y], ...]}]; `x`, `y`: {scale, label, format, ticks?}; `named`: whether names
 * stand at the ends of lines where there is room; `together`: whether all lines have the same x, so that all values
 * there are shown at once.
 */
function chart({ label, lines, x, y, height = 380, named = false, together = false }) {
  const figure = el("figure", { class: "chart" });
  const tip = el("div", { class: "tip", role: "status", hidden: "" });
  figure.append(tip);
  let drawn = null, at = null;

  function draw() {
    const width = figure.clientWidth;
    if (!width) return;
    const names = named && width > 640 && lines.length <= 16;
    const box = { left: 46, right: width - (names ? 150 : 14), top: y.label ? 28 : 10, bottom: height - 40 };
    const [xs, ys] = [0, 1].map((axis) => lines.flatMap((line) => line.points.map((point) => point[axis])));
    const sx = span(SCALES[x.scale], xs, box.left + 8, box.right - 8, 0);
    const sy = span(SCALES[y.scale], ys, box.bottom, box.top, 0.04);
    const root = svg("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${label}; arrow keys walk along the lines`, tabindex: 0 });

    let free = -Infinity;
    for (const value of x.ticks ?? ticks(Math.min(...xs), Math.max(...xs), Math.min(6, width / 90))) {
      const text = x.format(value), half = text.length * 3.6;
      if (sx(value) - half < free) continue;
      free = sx(value) + half + 6;
      root.append(svg("line", { class: "grid", x1: sx(value), x2: sx(value), y1: box.top, y2: box.bottom }), svg("text", { x: sx(value), y: box.bottom + 17, "text-anchor": "middle" }, text));
    }
    for (const value of y.scale === "log" ? powers(Math.min(...ys), Math.max(...ys)) : ticks(sy.low, sy.high, 6)) {
      root.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: sy(value), y2: sy(value) }), svg("text", { x: box.left - 7, y: sy(value) + 4, "text-anchor": "end" }, y.format(value)));
    }
    if (y.label) root.append(svg("text", { x: 2, y: 14 }, y.label));
    root.append(svg("text", { x: (box.left + box.right) / 2, y: height - 5, "text-anchor": "middle" }, x.label));

    // those in color lie above those in gray
    for (const line of [...lines].sort((a, b) => look(a.name).colored - look(b.name).colored)) root.append(drawLine(line, sx, sy));
    if (names) root.append(...endNames(lines, sy, box));
    const guide = svg("line", { class: "guide", y1: box.top, y2: box.bottom, visibility: "hidden" });
    root.append(guide);
    root.addEventListener("pointermove", (event) => show(nearest(event)));
    root.addEventListener("pointerleave", () => show(null));
    root.addEventListener("blur", () => show(null));
    root.addEventListener("keydown", walk);
    if (drawn) drawn.root.replaceWith(root);
    else figure.prepend(root);
    drawn = { root, guide, sx, sy, box, width };
    at = null;
    tip.hidden = true;
  }

  /** Where on the screen a value lies. */
  function span(scale, values, from, to, room) {
    let low = Math.min(...values.map(scale)), high = Math.max(...values.map(scale));
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    [low, high] = [low - room * (high - low), high + room * (high - low)];
    return Object.assign((value) => from + ((scale(value) - low) / (high - low)) * (to - from), { low, high });
  }

  function drawLine({ name, points }, sx, sy) {
    const { color, dash, shape, colored } = look(name);
    const path = points.map(([px, py], place) => `${place ? "L" : "M"}${sx(px).toFixed(1)} ${sy(py).toFixed(1)}`).join("");
    const group = svg("g", { "data-run": name, class: colored ? "" : "rest" }, svg("path", { class: "line", d: path, stroke: color, "stroke-dasharray": dash }));
    if (shape && together && colored) {
      for (const [px, py] of points) group.append(svg("path", { d: shape, fill: color, transform: `translate(${sx(px)} ${sy(py)})` }));
    }
    return group;
  }

  /** Names beside the ends of lines, moved apart where they would touch. */
  function endNames(of, sy, box) {
    const labels = of.map((line) => ({ name: line.name, y: sy(line.points.at(-1)[1]) })).sort((a, b) => a.y - b.y);
    const gap = 15;
    labels.forEach((each, place) => { each.place = Math.max(each.y, place ? labels[place - 1].place + gap : box.top + 4); });
    let floor = box.bottom;
    for (const each of labels.toReversed()) { each.place = Math.min(each.place, floor); floor = each.place - gap; }
    return labels.map(({ name, y: from, place }) => svg("g", { "data-run": name },
      svg("path", { d: `M${box.right - 4} ${from}L${box.right + 8} ${place}H${box.right + 14}`, stroke: look(name).color, fill: "none" }),
      svg("text", { class: "name", x: box.right + 18, y: place + 4 }, name.length > 19 ? `${name.slice(0, 18)}\u2026` : name, svg("title", {}, name))));
  }

  function nearest(event) {
    const frame = drawn.root.getBoundingClientRect();
    const px = event.clientX - frame.left, py = event.clientY - frame.top;
    let best = null, distance = Infinity;
    lines.forEach((line, row) => line.points.forEach((point, column) => {
      const away = Math.hypot((drawn.sx(point[0]) - px) * (together ? 3 : 1), drawn.sy(point[1]) - py);
      if (away < distance) [best, distance] = [{ row, column }, away];
    }));
    return best;
  }

  function walk(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = at ?? { row: 0, column: -step[1] };
    const row = (from.row + step[0] + lines.length) % lines.length;
    show({ row, column: Math.max(0, Math.min(from.column + step[1], lines[row].points.length - 1)) });
  }

  function show(next) {
    at = next;
    tip.hidden = at === null;
    light(at === null ? null : lines[at.row].name);
    drawn.guide.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at === null) return;
    const near = lines[at.row], [px, py] = near.points[at.column];
    drawn.guide.setAttribute("x1", drawn.sx(px));
    drawn.guide.setAttribute("x2", drawn.sx(px));
    const all = together ? lines.map((line) => [line.name, line.points[at.column][1]]).sort((a, b) => b[1] - a[1]) : [[near.name, py]];
    const place = all.findIndex(([name]) => name === near.name), from = Math.max(0, Math.min(place - 6, all.length - 13));
    tip.replaceChildren(el("div", { class: "soft" }, `${x.title?.(px) ?? `${x.label} ${x.format(px)}`}`),
      ...all.slice(from, from + 13).map(([name, value]) => el("div", { class: name === near.name ? "near" : "" }, swatch(name), el("span", {}, name), el("span", {}, y.exact(value)))));
    const left = drawn.sx(px) > drawn.width / 2;
    tip.style.left = left ? "auto" : `${Math.min(drawn.sx(px) + 14, drawn.width - tip.offsetWidth)}px`;
    tip.style.right = left ? `${Math.min(drawn.width - drawn.sx(px) + 14, drawn.width - tip.offsetWidth)}px` : "auto";
    tip.style.top = `${Math.max(0, Math.min(drawn.sy(py) - tip.offsetHeight / 2, height - tip.offsetHeight))}px`;
  }

  new ResizeObserver(draw).observe(figure);
  return figure;
}

/** Names of lines as buttons, which light their line. */
function legend(names) {
  return el("div", { class: "legend" }, names.map((name) => el("button", { type: "button", ...lighting(name) }, swatch(name), name)));
}
