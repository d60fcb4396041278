"""How a sweep went, as a picture: value by trial, importances, and the value against each parameter."""

from __future__ import annotations

import itertools
import math

import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from chromahint.sweeps.search_space import Choice, Range
from chromahint.sweeps.status import importances
from chromahint.sweeps.study import SLOT, slots
from chromahint.sweeps.sweep_config import Sweep

COLUMNS = 3
FINISHED, GIVEN_UP, BEST = "#2563a8", "#9a9a9a", "#d1492e"
Point = tuple[float, float]


def draw(study: optuna.Study, sweep: Sweep) -> Figure:
    """Draw the trials that have a value.

    Raises:
        ValueError: there is none yet.
    """
    trials = [trial for trial in slots(study).values() if trial.value is not None and trial.state.is_finished()]
    if not trials:
        raise ValueError(f"{sweep.name}: no trial has a value yet")
    rows = 1 + math.ceil(len(sweep.space) / COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 3.2 * rows), layout="constrained")
    figure.suptitle(f"{sweep.name}: val/psnr of {len(trials)} trials", fontweight="bold")
    grid = figure.add_gridspec(rows, COLUMNS)
    _history(figure.add_subplot(grid[0, :2]), trials)
    _importances(figure.add_subplot(grid[0, 2]), importances(study))
    for number, (name, parameter) in enumerate(sweep.space.items()):
        axes = figure.add_subplot(grid[1 + number // COLUMNS, number % COLUMNS])
        _against(axes, name, parameter, [trial for trial in trials if name in trial.params])
    return figure


def _history(axes: Axes, trials: list[FrozenTrial]) -> None:
    _points(axes, trials, [float(trial.user_attrs[SLOT]) for trial in trials])
    finished = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = list(itertools.accumulate((trial.value or 0.0 for trial in finished), max))
    if finished:
        axes.step([trial.user_attrs[SLOT] for trial in finished], best, where="post", color=BEST, label="best so far")
    axes.set(xlabel="trial", ylabel="val/psnr in dB", title="course")
    axes.legend(fontsize="small", loc="lower right")


def _importances(axes: Axes, shares: dict[str, float]) -> None:
    if shares:
        names = list(shares)[::-1]
        axes.barh(names, [shares[name] for name in names], color=FINISHED, alpha=0.35)
        for row, name in enumerate(names):  # on the bars: long names beside them would narrow all columns
            axes.text(0.02, row, name, va="center", fontsize="small")
        axes.set(xlabel="share", xlim=(0, 1), yticks=[], title="what mattered")
    else:
        axes.text(0.5, 0.5, "too few finished trials\nto say what mattered", ha="center", va="center", color=GIVEN_UP)
        axes.set_axis_off()


def _against(axes: Axes, name: str, parameter: Choice | Range, trials: list[FrozenTrial]) -> None:
    if isinstance(parameter, Choice):
        labels = parameter.values() or []
        _points(axes, trials, [float(labels.index(trial.params[name])) for trial in trials])
        tilted = 0 if max(map(len, labels)) * len(labels) < 32 else 30
        axes.set_xticks(range(len(labels)), labels, rotation=tilted, ha="right" if tilted else "center")
        axes.set_xlim(-0.5, len(labels) - 0.5)
    else:
        _points(axes, trials, [float(trial.params[name]) for trial in trials])
        axes.set_xscale("log" if parameter.log else "linear")
    axes.set(title=name, ylabel="val/psnr in dB")


def _points(axes: Axes, trials: list[FrozenTrial], places: list[float]) -> None:
    for state, color, label in (
        (TrialState.PRUNED, GIVEN_UP, "given up"),
        (TrialState.COMPLETE, FINISHED, "finished"),
    ):
        shown: list[Point] = [
            (x, t.value) for x, t in zip(places, trials, strict=True) if t.state == state and t.value is not None
        ]
        if shown:
            xs, ys = zip(*shown, strict=True)
            axes.scatter(xs, ys, s=24, color=color, alpha=0.8, label=label)
    axes.grid(alpha=0.3)
