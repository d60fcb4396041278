"""Write the report as a single, self-contained HTML file: data, styles, scripts and images."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from chromahint.report.page_data import Content
from chromahint.runs.files import write_text

REPORT_ASSETS = Path(__file__).parent / "assets"
SCRIPT_NAMES = ("elements.js", "metrics.js", "chart.js", "tables.js", "gallery.js", "clicks.js", "page.js")
SCRIPTS = tuple(REPORT_ASSETS / name for name in SCRIPT_NAMES)


def write_page(content: Content, file: Path, scripts: Sequence[Path] = SCRIPTS) -> None:
    """Write the page.

    Args:
        content: from `page_content`. Its strings come from runs and are not trusted: the page displays them as text.
        file: path of the page.
        scripts: scripts that build it.
    """
    # a "<" in a string could close the script element
    data = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(content["title"]),
        "STYLE": _read("page.css"),
        "SCRIPT": "\n".join(script.read_text(encoding="utf-8") for script in scripts),
        "DATA": data,
    }
    before, *rest = _read("page.html").split("{{")
    pieces = [before]
    for piece in rest:
        name, _, after = piece.partition("}}")
        pieces += [parts[name], after]
    write_text(file, "".join(pieces))


def _read(name: str) -> str:
    return (REPORT_ASSETS / name).read_text(encoding="utf-8")
