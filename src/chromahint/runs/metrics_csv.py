"""The figures that a run has logged."""

from __future__ import annotations

import csv
from pathlib import Path

Points = tuple[list[float], list[float]]
"""x and y of a line."""


def read_figures(file: Path) -> dict[str, Points]:
    """Read metrics.csv: name -> (steps, values)."""
    lines: dict[str, Points] = {}
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            steps, values = lines.setdefault(row["name"], ([], []))
            steps.append(float(row["step"]) + 1)
            values.append(float(row["value"]))
    return lines
