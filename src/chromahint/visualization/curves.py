"""Figures of a run, for its folder and for W&B: PSNR against hints, and how training went."""

from __future__ import annotations

import io
import itertools
from collections.abc import Collection
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from chromahint.atomic_write import atomic_write
from chromahint.runs.metrics_csv import read_metrics_csv

MARKERS = "os^Dv*XP<>"
"""Ten, as there are ten colors: lines are told apart in black and white too."""


def hint_curve(results: dict[str, dict[str, Any]], title: str, dashed: Collection[str] = ()) -> Figure:
    """Draw PSNR against the number of hints, a line a method.

    Args:
        results: name of the method -> its metrics.json, all of one protocol.
        title: what stands above.
        dashed: names of the methods that learn nothing.
    """
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for (name, metrics), marker in zip(results.items(), itertools.cycle(MARKERS)):
        counts = [int(count) for count in metrics["by_hints"]]
        psnr = [row["psnr"] for row in metrics["by_hints"].values()]
        axes.plot(counts, psnr, marker=marker, linestyle="--" if name in dashed else "-", label=name)
    # logarithmic, and yet with room for no hint at all
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks(counts)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axes.minorticks_off()
    axes.set(xlabel="hints", ylabel="PSNR in dB", title=title)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center")  # many lines leave no corner free
    return figure


def training_curves(file: Path) -> Figure:
    """Draw the loss of training, and PSNR in validation for each number of hints.

    Args:
        file: metrics.csv.
    """
    lines = read_metrics_csv(file)
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    if "train/loss" in lines:
        left.plot(*lines["train/loss"], linewidth=0.8)
        left.set_yscale("log")
    left.set(xlabel="step", title="training loss")
    for name, points in lines.items():
        if name.startswith("val/psnr@"):
            right.plot(*points, marker=".", label=f"{int(name.partition('@')[2]):,} hints")
    right.set(xlabel="step", ylabel="PSNR in dB", title="validation")
    if right.lines:
        right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG."""
    content = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(content, format="png")
    with atomic_write(path) as file:
        file.write(content.getvalue())
    return path
