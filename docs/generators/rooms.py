"""The picture of the rooms, drawn from the imports in src/chromahint."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from html import escape
from pathlib import Path

BOX, GAP, ROW = (128, 40), 28, 88
FLOW = [
    [("file", ""), ("decode, crop", "worker"), ("augment", "device"), ("RGB to Lab", "device")],
    [("sample hints", "device"), ("network", "ab"), ("loss", "float32"), ("step", "")],
]
LEFT_OUT = {"__init__", "__main__", "__version__"}

Graph = dict[str, set[str]]


def insertions(root: Path) -> dict[str, str]:
    """Content for the markers `<!-- generated: NAME -->` of a page."""
    source = root / "src" / "chromahint"
    return {
        "rooms": draw(imports(source), summaries(source)),
        "room-table": table(summaries(source)),
        "flow": draw_flow(),
    }


def imports(source: Path) -> Graph:
    """Which rooms each room imports; a room is a package or module directly below `chromahint`."""
    graph: Graph = {}
    for file in sorted(source.rglob("*.py")):
        room = file.relative_to(source).parts[0].removesuffix(".py")
        known = graph.setdefault(room, set())
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            known.update(name.split(".")[1] for name in names if name.startswith("chromahint."))
    return {room: known - {room} - LEFT_OUT for room, known in graph.items() if room not in LEFT_OUT}


def summaries(source: Path) -> dict[str, str]:
    """First line of each room's docstring."""
    found = {}
    for path in sorted(source.iterdir()):
        file = path / "__init__.py" if path.is_dir() else path
        name = path.name.removesuffix(".py")
        if file.suffix == ".py" and file.is_file() and name not in LEFT_OUT:
            docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            found[name] = docstring.partition("\n\n")[0].replace("\n", " ")
    return found


def table(texts: dict[str, str]) -> str:
    """List the rooms with what they hold."""
    rows = [f"| `{name}` | {text} |" for name, text in texts.items()]
    return "\n".join(["| Package | Contents |", "|---|---|", *rows])


def ranks(graph: Graph) -> dict[str, int]:
    """Longest path from each room down to one that imports no other.

    Raises:
        ValueError: rooms import each other.
    """
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"rooms import each other: {' -> '.join(error.args[1])}") from None
    rank: dict[str, int] = {}
    for room in order:
        rank[room] = max((rank[other] + 1 for other in graph[room]), default=0)
    return rank


def reduced(graph: Graph) -> Graph:
    """Leave out imports that others imply: if a imports b and b imports c, then a -> c is not drawn."""
    below: dict[str, set[str]] = {}
    for room in TopologicalSorter(graph).static_order():
        below[room] = set().union(graph[room], *(below[other] for other in graph[room]))
    return {room: {o for o in known if not any(o in below[x] for x in known)} for room, known in graph.items()}


def draw(graph: Graph, texts: dict[str, str]) -> str:
    """Draw the rooms as SVG, the commands on top; an arrow means `imports`."""
    rank, arrows = ranks(graph), reduced(graph)
    rows: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for room in sorted(graph):
        rows[rank[room]].append(room)
    widest = max(map(len, rows))
    width = widest * BOX[0] + (widest - 1) * GAP
    height = len(rows) * ROW
    place: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(reversed(rows)):
        above = {r: [place[p][0] for p in graph if r in arrows[p] and p in place] for r in row}
        row.sort(key=lambda r: (sum(above[r]) / len(above[r]) if above[r] else width, r))
        step = width / len(row)
        for column, room in enumerate(row):
            place[room] = (step * (column + 0.5), number * ROW + BOX[1] / 2 + 4)
    lines = [
        f'<svg class="rooms" viewBox="0 0 {width} {height - ROW + BOX[1] + 8}" role="img" '
        'aria-label="Rooms of the package; arrows point to what a room imports">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    for room in sorted(graph):
        x, y = place[room]
        for other in sorted(arrows[room]):
            to_x, to_y = place[other]
            start, end = y + BOX[1] / 2, to_y - BOX[1] / 2 - 2
            bend = (end - start) / 2
            curve = f"M{x:.0f} {start:.0f}C{x:.0f} {start + bend:.0f} {to_x:.0f} {end - bend:.0f} {to_x:.0f} {end:.0f}"
            lines.append(f'<path class="arrow" d="{curve}" marker-end="url(#tip)"/>')
    for room in sorted(graph):
        x, y = place[room]
        lines.append(
            f"<g><title>{escape(texts.get(room, room))}</title>"
            f'<rect x="{x - BOX[0] / 2:.0f}" y="{y - BOX[1] / 2:.0f}" width="{BOX[0]}" height="{BOX[1]}" rx="6"/>'
            f'<text x="{x:.0f}" y="{y + 5:.0f}">{escape(room)}</text></g>'
        )
    return "\n".join([*lines, "</svg>"])


def draw_flow() -> str:
    """Draw the way of a photo through training as SVG."""
    step, row = BOX[0] + 44, 96
    width, height = len(FLOW[0]) * step - 44, len(FLOW) * row - row + BOX[1] + 24
    lines = [
        f'<svg class="rooms" viewBox="0 0 {width} {height}" role="img" aria-label="From a file to a gradient step">',
        '<defs><marker id="next" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    for number, boxes in enumerate(FLOW):
        y = number * row + 4
        middle = y + BOX[1] / 2
        for column, (title, note) in enumerate(boxes):
            x = column * step
            lines.append(
                f'<g><rect x="{x + 1}" y="{y}" width="{BOX[0] - 2}" height="{BOX[1]}" rx="6"/>'
                f'<text x="{x + BOX[0] / 2:.0f}" y="{middle + 5:.0f}">{title}</text>'
                f'<text class="note" x="{x + BOX[0] / 2:.0f}" y="{y + BOX[1] + 15:.0f}">{note}</text></g>'
            )
            if column + 1 < len(boxes):
                lines.append(f'<path class="arrow" d="M{x + BOX[0]} {middle}H{x + step - 2}" marker-end="url(#next)"/>')
    last, below = (len(FLOW[0]) - 1) * step + BOX[0] / 2, row + 4
    turn = BOX[1] + 36
    path = f"M{last + 44} {4 + BOX[1]}V{turn}H{BOX[0] / 2}V{below - 2}"
    lines.append(f'<path class="arrow" d="{path}" marker-end="url(#next)"/>')
    return "\n".join([*lines, "</svg>"])
