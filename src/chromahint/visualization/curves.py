"""Plots of a run, for its folder and for W&B: PSNR by number of hints, and training curves."""

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
"""One marker per default color, so that lines can be told apart in black and white."""


def hint_curve(results: dict[str, dict[str, Any]], title: str, dashed: Collection[str] = ()) -> Figure:
    """Plot PSNR by number of hints, one line per method.

    Args:
        results: Content of metrics.json by name of the method, all of the same protocol.
        title: Title of the plot.
        dashed: Names of the methods to draw as dashed lines, such as training-free baselines.
    """
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for (name, metrics), marker in zip(results.items(), itertools.cycle(MARKERS)):
        counts = [int(count) for count in metrics["by_hints"]]
        psnr = [row["psnr"] for row in metrics["by_hints"].values()]
        axes.plot(counts, psnr, marker=marker, linestyle="--" if name in dashed else "-", label=name)
    # a logarithmic axis that includes 0 hints
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks(counts)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axes.minorticks_off()
    axes.set(xlabel="hints", ylabel="PSNR in dB", title=title)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center")  # many lines leave no space for a legend inside the axes
    return figure


def training_curves(file: Path) -> Figure:
    """Plot the training loss, and the validation PSNR for each number of hints.

    Args:
        file: Path of metrics.csv.
    """
    curves = read_metrics_csv(file)
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    if "train/loss" in curves:
        left.plot(*curves["train/loss"], linewidth=0.8)
        left.set_yscale("log")
    left.set(xlabel="step", title="training loss")
    for name, points in curves.items():
        if name.startswith("val/psnr@"):
            right.plot(*points, marker=".", label=f"{int(name.partition('@')[2]):,} hints")
    right.set(xlabel="step", ylabel="PSNR in dB", title="validation")
    if right.lines:
        right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and return the path."""
    content = io.BytesIO()
    # `savefig` would draw everything twice, to the same pixels
    FigureCanvasAgg(figure).print_png(content)  # type: ignore[no-untyped-call]
    with atomic_write(path) as file:
        file.write(content.getvalue())
    return path
