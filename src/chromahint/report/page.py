"""One HTML file that holds all it needs: figures, style, script and pictures."""

from __future__ import annotations

import html
import json
from pathlib import Path

from chromahint.report.page_data import Content
from chromahint.runs.files import write_text

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("elements.js", "chart.js", "tables.js", "gallery.js", "page.js")


def write_page(content: Content, file: Path) -> None:
    """Write the page.

    Args:
        content: from `make_content`; its texts come from runs, so the page only ever shows them as text.
        file: where it goes.
    """
    # a "<" inside strings could end the element that holds them
    data = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(content["title"]),
        "STYLE": _read("page.css"),
        "SCRIPT": "\n".join(_read(name) for name in SCRIPTS),
        "DATA": data,
    }
    before, *rest = _read("page.html").split("{{")
    pieces = [before]
    for piece in rest:
        name, _, after = piece.partition("}}")
        pieces += [parts[name], after]
    write_text(file, "".join(pieces))


def _read(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
