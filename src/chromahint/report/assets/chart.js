// @ts-check
// Line charts, drawn at the available width, that show values under the pointer or with the arrow keys.

/**
 * @typedef {[x: number, y: number]} DataPoint
 * @typedef {{ name: string, points: DataPoint[] }} Line
 * @typedef {(value: number) => string} Formatter
 * @typedef {"linear" | "log" | "hints"} ScaleName
 * @typedef {{ scale: ScaleName, label: string, format: Formatter, ticks?: number[], title?: Formatter }} XAxis
 * @typedef {object} YAxis
 * @property {ScaleName} scale
 * @property {string} [label]
 * @property {Formatter} format
 * @property {Formatter} exact
 * @property {boolean} [lowFirst] list the lowest value first under the pointer
 *
 * @typedef {object} ChartOptions
 * @property {string} label for screen readers
 * @property {Line[]} lines
 * @property {XAxis} x
 * @property {YAxis} y
 * @property {number} [height]
 * @property {boolean} [showNames] label the ends of lines, if there is room
 * @property {boolean} [sharedX] whether all lines have the same x, so that all values there are shown at once
 *
 * @typedef {{ left: number, right: number, top: number, bottom: number }} PlotArea
 * @typedef {((value: number) => number) & { low: number, high: number }} AxisScale maps values to pixels
 * @typedef {{ row: number, column: number }} Place a point of a line
 *
 * @typedef {object} DrawnChart
 * @property {SVGSVGElement} root
 * @property {SVGLineElement} guide
 * @property {AxisScale} scaleX
 * @property {AxisScale} scaleY
 * @property {number} width
 */

/** @type {Record<ScaleName, (value: number) => number>} */
const SCALES = {
  linear: (value) => value,
  log: (value) => Math.log10(value),
  hints: (value) => Math.log10(1 + value), // logarithmic, but with a place for 0
};
const NAME_WIDTH = 150;
const NAME_GAP = 15;
const MAX_NAME_LENGTH = 19;
const MAX_TIP_ROWS = 13;

/**
 * Return round numbers from low to high.
 * @param {number} low
 * @param {number} high
 * @param {number} count approximate number of ticks
 */
function linearTicks(low, high, count) {
  const minStep = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(minStep));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= minStep) ?? 10 * power;
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) ticks.push(n * step);
  return ticks;
}

/**
 * Return powers of ten from low to high, and their multiples by 2 and 5 if there are few.
 * @param {number} low
 * @param {number} high
 */
function logTicks(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = first; power <= last; power++) ticks.push(...factors.map((factor) => factor * 10 ** power));
  return ticks.filter((value) => value >= low && value <= high);
}

/**
 * Create the scale of an axis.
 * @param {(value: number) => number} transform
 * @param {number[]} values that must fit
 * @param {number} start pixel of the lowest value
 * @param {number} end pixel of the highest value
 * @param {number} padding on both sides, relative to the range
 * @returns {AxisScale}
 */
function axisScale(transform, values, start, end, padding) {
  let low = Math.min(...values.map(transform));
  let high = Math.max(...values.map(transform));
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  [low, high] = [low - padding * (high - low), high + padding * (high - low)];
  /** @param {number} value */
  const toPixel = (value) => start + ((transform(value) - low) / (high - low)) * (end - start);
  return Object.assign(toPixel, { low, high });
}

/**
 * Label the ends of lines, moved apart if they would overlap.
 * @param {Line[]} lines
 * @param {AxisScale} scaleY
 * @param {PlotArea} area
 */
function endLabels(lines, scaleY, area) {
  const labels = lines
    .map(({ name, points }) => {
      const y = scaleY(points[points.length - 1][1]);
      return { name, y, labelY: y };
    })
    .sort((a, b) => a.y - b.y);
  labels.forEach((label, n) => {
    label.labelY = Math.max(label.y, n ? labels[n - 1].labelY + NAME_GAP : area.top + 4);
  });
  let limit = area.bottom;
  for (const label of labels.toReversed()) {
    label.labelY = Math.min(label.labelY, limit);
    limit = label.labelY - NAME_GAP;
  }
  return labels.map(({ name, y, labelY }) => {
    const connector = `M${area.right - 4} ${y}L${area.right + 8} ${labelY}H${area.right + 14}`;
    const text = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH - 1)}\u2026` : name;
    return svg(
      "g",
      { "data-run": name },
      svg("path", { d: connector, stroke: lineStyle(name).color, fill: "none" }),
      svg("text", { class: "name", x: area.right + 18, y: labelY + 4 }, text, svg("title", {}, name)),
    );
  });
}

/**
 * Create a chart.
 * @param {ChartOptions} options
 */
function chart({ label, lines, x, y, height = 380, showNames = false, sharedX = false }) {
  const figure = el("figure", { class: "chart" });
  const tip = el("div", { class: "tip", role: "status", hidden: "" });
  figure.append(tip);
  /** @type {DrawnChart | null} */
  let drawn = null;
  /** @type {Place | null} */
  let current = null;

  function draw() {
    const width = figure.clientWidth;
    if (!width) return;
    const hasNames = showNames && width > 640 && lines.length <= 16;
    const area = {
      left: 46,
      right: width - (hasNames ? NAME_WIDTH : 14),
      top: y.label ? 28 : 10,
      bottom: height - 40,
    };
    const valuesX = lines.flatMap((line) => line.points.map((point) => point[0]));
    const valuesY = lines.flatMap((line) => line.points.map((point) => point[1]));
    const scaleX = axisScale(SCALES[x.scale], valuesX, area.left + 8, area.right - 8, 0);
    const scaleY = axisScale(SCALES[y.scale], valuesY, area.bottom, area.top, 0.04);
    const root = svg("svg", {
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${label}. Use the arrow keys to read the values.`,
      tabindex: 0,
    });
    const defaultTicksX = () => linearTicks(Math.min(...valuesX), Math.max(...valuesX), Math.min(6, width / 90));
    const ticksX = x.ticks ?? defaultTicksX();
    const ticksY = y.scale === "log"
      ? logTicks(Math.min(...valuesY), Math.max(...valuesY))
      : linearTicks(scaleY.low, scaleY.high, 6);
    root.append(...gridX(ticksX, scaleX, area), ...gridY(ticksY, scaleY, area));
    if (y.label) root.append(svg("text", { x: 2, y: 14 }, y.label));
    const center = (area.left + area.right) / 2;
    root.append(svg("text", { x: center, y: height - 5, "text-anchor": "middle" }, x.label));

    // colored lines are drawn on top of gray ones
    const sorted = [...lines].sort((a, b) => Number(lineStyle(a.name).isColored) - Number(lineStyle(b.name).isColored));
    for (const line of sorted) root.append(linePath(line, scaleX, scaleY));
    if (hasNames) root.append(...endLabels(lines, scaleY, area));
    const guide = svg("line", { class: "guide", y1: area.top, y2: area.bottom, visibility: "hidden" });
    root.append(guide);
    root.addEventListener("pointermove", (event) => show(nearest(event)));
    root.addEventListener("pointerleave", () => show(null));
    root.addEventListener("blur", () => show(null));
    root.addEventListener("keydown", onKey);
    if (drawn) drawn.root.replaceWith(root);
    else figure.prepend(root);
    drawn = { root, guide, scaleX, scaleY, width };
    current = null;
    tip.hidden = true;
  }

  /**
   * @param {number[]} ticks
   * @param {AxisScale} scaleX
   * @param {PlotArea} area
   */
  function gridX(ticks, scaleX, area) {
    /** @type {SVGElement[]} */
    const nodes = [];
    let occupied = -Infinity;
    for (const value of ticks) {
      const text = x.format(value);
      const halfWidth = text.length * 3.6;
      const position = scaleX(value);
      if (position - halfWidth < occupied) continue;
      occupied = position + halfWidth + 6;
      nodes.push(
        svg("line", { class: "grid", x1: position, x2: position, y1: area.top, y2: area.bottom }),
        svg("text", { x: position, y: area.bottom + 17, "text-anchor": "middle" }, text),
      );
    }
    return nodes;
  }

  /**
   * @param {number[]} ticks
   * @param {AxisScale} scaleY
   * @param {PlotArea} area
   */
  function gridY(ticks, scaleY, area) {
    return ticks.flatMap((value) => [
      svg("line", { class: "grid", x1: area.left, x2: area.right, y1: scaleY(value), y2: scaleY(value) }),
      svg("text", { x: area.left - 7, y: scaleY(value) + 4, "text-anchor": "end" }, y.format(value)),
    ]);
  }

  /**
   * @param {Line} line
   * @param {AxisScale} scaleX
   * @param {AxisScale} scaleY
   */
  function linePath({ name, points }, scaleX, scaleY) {
    const { color, dash, shape, isColored } = lineStyle(name);
    const path = points
      .map(([px, py], n) => `${n ? "L" : "M"}${scaleX(px).toFixed(1)} ${scaleY(py).toFixed(1)}`)
      .join("");
    const group = svg(
      "g",
      { "data-run": name, class: isColored ? "" : "other" },
      svg("path", { class: "line", d: path, stroke: color, "stroke-dasharray": dash }),
    );
    if (shape && sharedX && isColored) {
      for (const [px, py] of points.filter(([px]) => x.ticks?.includes(px) ?? true)) {
        group.append(svg("path", { d: shape, fill: color, transform: `translate(${scaleX(px)} ${scaleY(py)})` }));
      }
    }
    return group;
  }

  /**
   * Find the data point nearest to the pointer.
   * @param {PointerEvent} event
   */
  function nearest(event) {
    if (!drawn) return null;
    const { root, scaleX, scaleY } = drawn;
    const frame = root.getBoundingClientRect();
    const px = event.clientX - frame.left;
    const py = event.clientY - frame.top;
    /** @type {Place | null} */
    let best = null;
    let bestDistance = Infinity;
    for (const [row, line] of lines.entries()) {
      for (const [column, point] of line.points.entries()) {
        const distance = Math.hypot((scaleX(point[0]) - px) * (sharedX ? 3 : 1), scaleY(point[1]) - py);
        if (distance < bestDistance) [best, bestDistance] = [{ row, column }, distance];
      }
    }
    return best;
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    /** @type {Record<string, [rows: number, columns: number]>} */
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const from = current ?? { row: 0, column: -step[1] };
    const row = (from.row + step[0] + lines.length) % lines.length;
    show({ row, column: Math.max(0, Math.min(from.column + step[1], lines[row].points.length - 1)) });
  }

  /** @param {Place | null} place */
  function show(place) {
    current = place;
    tip.hidden = place === null;
    highlight(place === null ? null : lines[place.row].name);
    if (!drawn) return;
    drawn.guide.setAttribute("visibility", place === null ? "hidden" : "visible");
    if (place === null) return;
    const line = lines[place.row];
    const [px, py] = line.points[place.column];
    const guideX = String(drawn.scaleX(px));
    drawn.guide.setAttribute("x1", guideX);
    drawn.guide.setAttribute("x2", guideX);
    fillTip(line.name, px, py, place.column);
    placeTip(drawn, px, py);
  }

  /**
   * @param {string} selected
   * @param {number} px
   * @param {number} py
   * @param {number} column
   */
  function fillTip(selected, px, py, column) {
    /** @type {[name: string, value: number][]} */
    const values = sharedX
      ? lines.map(({ name, points }) => /** @type {[string, number]} */ ([name, points[column][1]]))
      : [[selected, py]];
    values.sort((a, b) => (y.lowFirst ? a[1] - b[1] : b[1] - a[1]));
    const index = values.findIndex(([name]) => name === selected);
    const first = Math.max(0, Math.min(index - 6, values.length - MAX_TIP_ROWS));
    tip.replaceChildren(
      el("div", { class: "soft" }, x.title?.(px) ?? `${x.label} ${x.format(px)}`),
      ...values.slice(first, first + MAX_TIP_ROWS).map(([name, value]) => el(
        "div",
        { class: name === selected ? "nearest" : "" },
        swatch(name),
        el("span", {}, name),
        el("span", {}, y.exact(value)),
      )),
    );
  }

  /**
   * @param {DrawnChart} placed
   * @param {number} px
   * @param {number} py
   */
  function placeTip({ scaleX, scaleY, width }, px, py) {
    const isRightHalf = scaleX(px) > width / 2;
    const maxOffset = width - tip.offsetWidth;
    tip.style.left = isRightHalf ? "auto" : `${Math.min(scaleX(px) + 14, maxOffset)}px`;
    tip.style.right = isRightHalf ? `${Math.min(width - scaleX(px) + 14, maxOffset)}px` : "auto";
    const top = Math.min(scaleY(py) - tip.offsetHeight / 2, height - tip.offsetHeight);
    tip.style.top = `${Math.max(0, top)}px`;
  }

  new ResizeObserver(draw).observe(figure);
  return figure;
}

/**
 * Create a legend: a button for each run that highlights its line.
 * @param {string[]} names
 */
function legend(names) {
  const buttons = names.map((name) => el(
    "button",
    { type: "button", ...highlightAttributes(name) },
    swatch(name),
    name,
  ));
  return el("div", { class: "legend" }, buttons);
}
