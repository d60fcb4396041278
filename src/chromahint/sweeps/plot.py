"""Plot of a sweep: value of each trial, parameter importances, and value against each parameter."""

from __future__ import annotations

import itertools
import math

import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from chromahint.sweeps.search_space import CategoricalParameter, SearchParameter
from chromahint.sweeps.status import parameter_importances
from chromahint.sweeps.study import SLOT_ATTR, trials_by_slot
from chromahint.sweeps.sweep_config import SweepConfig

NUM_COLUMNS = 3
FINISHED_COLOR, PRUNED_COLOR, BEST_COLOR = "#2563a8", "#9a9a9a", "#d1492e"


def plot_sweep(study: optuna.Study, sweep: SweepConfig) -> Figure:
    """Plot the trials that have a value.

    Raises:
        ValueError: no trial has a value yet.
    """
    trials = [
        trial for trial in trials_by_slot(study).values() if trial.value is not None and trial.state.is_finished()
    ]
    if not trials:
        raise ValueError(f"{sweep.name}: no trial has a value yet. Wait until one has finished.")
    num_rows = 1 + math.ceil(len(sweep.space) / NUM_COLUMNS)
    figure = Figure(figsize=(4.2 * NUM_COLUMNS, 3.2 * num_rows), layout="constrained")
    figure.suptitle(f"{sweep.name}: {sweep.objective} of {len(trials)} trials", fontweight="bold")
    grid = figure.add_gridspec(num_rows, NUM_COLUMNS)
    _plot_history(figure.add_subplot(grid[0, :2]), sweep, trials)
    _plot_importances(figure.add_subplot(grid[0, 2]), parameter_importances(study))
    for index, (name, parameter) in enumerate(sweep.space.items()):
        axes = figure.add_subplot(grid[1 + index // NUM_COLUMNS, index % NUM_COLUMNS])
        _plot_parameter(axes, name, parameter, [trial for trial in trials if name in trial.params])
        axes.set_ylabel(sweep.objective_label)
    return figure


def _plot_history(axes: Axes, sweep: SweepConfig, trials: list[FrozenTrial]) -> None:
    _scatter(axes, trials, [float(trial.user_attrs[SLOT_ATTR]) for trial in trials])
    finished = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = list(
        itertools.accumulate((trial.value or 0.0 for trial in finished), max if sweep.metric.higher_is_better else min)
    )
    if finished:
        slots = [trial.user_attrs[SLOT_ATTR] for trial in finished]
        axes.step(slots, best, where="post", color=BEST_COLOR, label="best so far")
    axes.set(xlabel="trial", ylabel=sweep.objective_label, title="history")
    axes.legend(fontsize="small", loc="lower right")


def _plot_importances(axes: Axes, importances: dict[str, float]) -> None:
    if importances:
        names = list(importances)[::-1]
        axes.barh(names, [importances[name] for name in names], color=FINISHED_COLOR, alpha=0.35)
        for row, name in enumerate(names):  # on the bars, because long tick labels would narrow all columns
            axes.text(0.02, row, name, va="center", fontsize="small")
        axes.set(xlabel="importance", xlim=(0, 1), yticks=[], title="parameter importance")
    else:
        text = "too few finished trials\nto estimate importances"
        axes.text(0.5, 0.5, text, ha="center", va="center", color=PRUNED_COLOR)
        axes.set_axis_off()


def _plot_parameter(axes: Axes, name: str, parameter: SearchParameter, trials: list[FrozenTrial]) -> None:
    if isinstance(parameter, CategoricalParameter):
        labels = parameter.values() or []
        _scatter(axes, trials, [float(labels.index(trial.params[name])) for trial in trials])
        rotation = 0 if max(map(len, labels)) * len(labels) < 32 else 30
        axes.set_xticks(range(len(labels)), labels, rotation=rotation, ha="right" if rotation else "center")
        axes.set_xlim(-0.5, len(labels) - 0.5)
    else:
        _scatter(axes, trials, [float(trial.params[name]) for trial in trials])
        axes.set_xscale("log" if parameter.log else "linear")
    axes.set(title=name)


def _scatter(axes: Axes, trials: list[FrozenTrial], x_values: list[float]) -> None:
    for state, color, label in (
        (TrialState.PRUNED, PRUNED_COLOR, "pruned"),
        (TrialState.COMPLETE, FINISHED_COLOR, "finished"),
    ):
        points: list[tuple[float, float]] = [
            (x, t.value) for x, t in zip(x_values, trials, strict=True) if t.state == state and t.value is not None
        ]
        if points:
            xs, ys = zip(*points, strict=True)
            axes.scatter(xs, ys, s=24, color=color, alpha=0.8, label=label)
    axes.grid(alpha=0.3)
