// Tables that a click on a heading sorts, and the table of pairs.

/**
 * A table. `columns`: [{title, note, value(row), cell(row), number, best}]; rows without a value come last, whichever
 * way it is sorted; a number is sorted from the top first, unless `best` is "low".
 */
function sortable({ label, columns: wanted, rows, name, sorted = null }) {
  const head = wanted.map((column, place) => el("th", { scope: "col", class: column.number ? "number" : "", "aria-sort": "none" },
    el("button", { type: "button", title: column.note, click: () => sort(place) }, column.title)));
  const body = el("tbody");
  const lines = rows.map((row) => ({ row, node: el("tr", lighting(name(row)), wanted.map((column) => {
    const top = column.top?.(row);
    return el("td", { class: `${column.number ? "number" : ""} ${top ? "top" : ""}`.trim() }, column.cell(row));
  })) }));
  let order = sorted;

  function sort(place, falling = null) {
    const { number, best, value } = wanted[place];
    order = { place, falling: falling ?? (order?.place === place ? !order.falling : Boolean(number) && best !== "low") };
    const sign = order.falling ? -1 : 1;
    lines.sort((a, b) => {
      const [first, second] = [value(a.row), value(b.row)];
      if (first === null || second === null) return (first === null) - (second === null);
      return sign * (typeof first === "number" && typeof second === "number" ? first - second : String(first).localeCompare(String(second), "en", { numeric: true }));
    });
    head.forEach((cell, column) => cell.setAttribute("aria-sort", column !== place ? "none" : order.falling ? "descending" : "ascending"));
    body.replaceChildren(...lines.map((line) => line.node));
  }

  if (order) sort(order.place, order.falling);
  else body.replaceChildren(...lines.map((line) => line.node));
  const table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, head)), body);
  return { node: el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table), order: () => order };
}

/** A name that may go on in the next line after its parts. */
const parts = (name) => name.split(/(?<=[_/.=-])/).flatMap((part) => [part, el("wbr")]);

function named(name, tag = null) {
  return el("div", { class: "run" }, swatch(name), el("span", {}, parts(name), tag ? el("small", {}, tag) : null));
}

/** The leaderboard: a row a network, a column a number of hints, and what each network takes. */
function leaderboard() {
  const place = el("div");
  let view = "interval", board = null;
  const ranked = content.ranked_by === null ? columns.length - 1 : columns.indexOf(content.ranked_by);

  whenChosen(draw);
  function draw() {
    const { title, digits } = METRICS[chosen.metric], figures = content[chosen.metric];
    const order = [columns.length - 1, ...content.hint_counts.keys()];
    const tops = columns.map((_, column) => Math.max(...figures.mean.map((row) => row[column])));
    const figure = (column) => ({
      title: columns[column] === null ? `${title}, mean` : whole(columns[column]),
      note: columns[column] === null ? `${title}: each photo's mean over all numbers of hints from 1 on` : `${title} at ${hintsOf(columns[column])}`,
      number: true,
      value: (row) => figures.mean[row][column],
      top: (row) => figures.mean[row][column] === tops[column],
      cell: (row) => {
        const [mean, low, high] = (view === "interval" ? ["mean", "low", "high"] : ["difference", "difference_low", "difference_high"]).map((key) => figures[key][row][column]);
        if (view === "interval") return [fixed(mean, digits), el("small", {}, `${fixed(low, digits)}\u2013${fixed(high, digits)}`)];
        return row === 0 ? "\u2014" : [signed(mean, digits), el("small", {}, `${signed(low, digits)} to ${signed(high, digits)}`)];
      },
    });
    const taken = (key, title, note, show) => ({ title, note, number: true, best: "low", value: (row) => networks[row][key], cell: (row) => (networks[row][key] === null ? "" : show(networks[row][key])) });
    const next = sortable({
      label: "Leaderboard",
      name: (row) => networks[row].name,
      rows: networks.map((_, row) => row),
      columns: [
        { title: "run", value: (row) => networks[row].name, cell: (row) => named(networks[row].name, networks[row].trained ? tagOf(networks[row]) : "learns nothing") },
        ...order.map(figure),
        taken("parameters", "parameters", "numbers that the network learns", whole),
        taken("gmac", "GMAC", "thousand million multiply-adds to color a picture of 256x256", (value) => fixed(value, 1)),
        taken("seconds", "ms / picture", "median time to color a picture, on the machine that measured it", (value) => fixed(1000 * value, value < 0.01 ? 1 : 0)),
      ],
      sorted: board?.order() ?? { place: 1 + order.indexOf(ranked), falling: true },
    });
    if (board) board.node.replaceWith(next.node);
    else place.append(next.node);
    board = next;
  }
  const under = choice("What stands under each figure", [["interval", "95 % interval"], ["difference", `difference to ${networks[0].name}`]], view, (value) => {
    view = value;
    draw();
  });
  return [el("div", { class: "controls" }, under), place];
}

const tagOf = (each) => (each.model && !each.name.includes(each.model) ? each.model : null);

/** Shares of photos on which the row is closer than the column. */
function pairs() {
  const { names, win_rates: won } = content.pairs, place = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Shares of photos won" });
  const draw = (column) => {
    const cells = won[column];
    place.replaceChildren(el("table", { class: "pairs", "aria-label": "Shares of photos won" },
      el("thead", {}, el("tr", {}, el("td"), names.map((name) => el("th", { scope: "col", title: name }, el("span", {}, name))))),
      el("tbody", {}, names.map((first, row) => el("tr", {}, el("th", { scope: "row" }, parts(first)), names.map((second, other) => {
        if (row === other) return el("td", { class: "soft" }, "\u00b7");
        const share = cells[row][other], strength = Math.min(1, Math.abs(share - 0.5) * 2) * 0.55;
        const note = `${first} is closer to the photo than ${second} on ${fixed(share * content.num_images, share * content.num_images % 1 ? 1 : 0)} of ${whole(content.num_images)} photos, at ${hintsOf(columns[column])}`;
        return el("td", { style: `background: rgb(var(--${share >= 0.5 ? "win" : "lose"}) / ${strength.toFixed(3)})`, title: note }, whole(share * 100));
      }))))));
  };
  const first = content.ranked_by === null ? columns.length - 1 : columns.indexOf(content.ranked_by);
  draw(first);
  return [el("div", { class: "controls" }, list("at", columns.map((count, column) => [hintsOf(count), column]), draw, first)), place];
}

/** Options that differ between runs. */
function differences() {
  const { keys, rows } = content.differences;
  const text = (value) => (value === null ? "\u2013" : String(value));
  return sortable({
    label: "Options that differ",
    name: (row) => row[0],
    rows: Object.entries(rows),
    columns: [
      { title: "run", value: (row) => row[0], cell: (row) => named(row[0]) },
      ...keys.map((key, place) => ({ title: key, value: (row) => (typeof row[1][place] === "number" ? row[1][place] : row[1][place] === null ? null : text(row[1][place])), cell: (row) => text(row[1][place]) })),
    ],
  }).node;
}
