"""The figures that a run has logged."""

from __future__ import annotations

import csv
from pathlib import Path

Curve = tuple[list[float], list[float]]
"""x and y of a line."""


def read_metrics_csv(file: Path) -> dict[str, Curve]:
    """Read metrics.csv: name -> (steps, values)."""
    lines: dict[str, Curve] = {}
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            steps, values = lines.setdefault(row["name"], ([], []))
            steps.append(float(row["step"]) + 1)
            values.append(float(row["value"]))
    return lines
