"""The command `chromahint models`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Group
from rich.table import Table

from chromahint.models.registry import SIZE, ModelSummary


def as_tables(entries: Sequence[ModelSummary]) -> Group:
    """Lay the list out for a terminal of 80 columns: figures first, then where each network comes from."""
    title = f"Networks, at the width of their publication; GMAC of a picture of {SIZE} px"
    figures = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False
    )  # fmt: skip
    figures.add_column("model=", overflow="fold")
    for heading in ("parameters", "published", "GMAC", "published"):
        figures.add_column(heading, justify="right", no_wrap=True)
    for e in entries:
        said = e.published
        gmac = "" if e.gmac is None else f"{e.gmac:.1f}"
        # work is published for pictures of another side, so it has a line of its own beside what is counted there
        figures.add_row(
            "\n ".join([e.name, *(option.removeprefix("model.") for option in e.options)]),
            f"{e.parameters:,}",
            "" if said["parameters"] is None else f"{said['parameters']:,}",
            gmac if said["gmac"] is None else f"{gmac}\n{said['gmac_here']:.1f}",
            "" if said["gmac"] is None else f"\n{said['gmac']} at {said['side']}",
        )
    sources = Table(box=None, show_header=False, padding=(0, 1, 1, 1))
    for e in {e.name: e for e in entries if e.source}.values():
        recipe = "" if e.recipe is None else f"\nrecipe: chromahint {e.recipe}"
        sources.add_row(f"{e.name}\n{e.year or ''}", f"{e.source}\nreads {e.input}{recipe}")
    return Group(figures, "", sources)


def as_json(entries: Sequence[ModelSummary]) -> str:
    """Write the list as JSON, an object a form."""
    return json.dumps([asdict(entry) for entry in entries], indent=2)
