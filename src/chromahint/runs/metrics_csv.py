"""Read the metrics that a run has logged."""

from __future__ import annotations

import csv
from pathlib import Path

Curve = tuple[list[float], list[float]]
"""x and y values of a line."""
TIMINGS = ("train/images_per_second", "train/data_wait", "train/gpu_memory_gb")
"""Metrics in timings.csv instead of metrics.csv, which is the same for every run with the same seed."""


def read_metrics_csv(file: Path) -> dict[str, Curve]:
    """Read metrics.csv as a mapping from metric name to (steps, values). Steps count from 1."""
    curves: dict[str, Curve] = {}
    with file.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            steps, values = curves.setdefault(row["name"], ([], []))
            steps.append(float(row["step"]) + 1)
            values.append(float(row["value"]))
    return curves
