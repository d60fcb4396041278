"""Status of a sweep as tables: its trials, the best one, and parameter importances."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chromahint.sweeps.study import ERROR_ATTR, MINUTES_ATTR, best_finished_trial, is_stale, trials_by_slot
from chromahint.sweeps.sweep_config import SweepConfig

STATE_LABELS = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
STALE_LABEL = "to be repeated"
MIN_TRIALS_FOR_IMPORTANCE = 4
"""Importances are not computed from fewer finished trials."""


def print_status(study: optuna.Study, sweep: SweepConfig, console: Console) -> None:
    """Print one row per trial, the number of trials in each state, the best trial and the importances."""
    trials = trials_by_slot(study)
    best = best_finished_trial(study)
    table = Table(
        title=f"{sweep.name}: {sweep.objective_label}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    for heading in ("trial", "state", sweep.objective, "minutes"):
        table.add_column(heading, justify="left" if heading == "state" else "right", no_wrap=True)
    for name in sweep.space:
        table.add_column(name)
    for slot, trial in trials.items():
        style = "bold green" if best is not None and trial.number == best.number else None
        table.add_row(
            f"{slot}",
            _styled(_state(trial)),
            _value(trial, sweep),
            _minutes(trial),
            *_params(trial, sweep),
            style=style,
        )
    console.print(table)
    counts = dict.fromkeys([*STATE_LABELS.values(), STALE_LABEL], 0)
    for trial in trials.values():
        counts[_state(trial)] += 1
    total = f"{len(trials)}" + (f" of {sweep.max_trials}" if sweep.max_trials is not None else "")
    console.print(f"{total} trials: {', '.join(f'{n} {state}' for state, n in counts.items() if n)}")
    if best is not None:
        params = " ".join(f"{name}={value}" for name, value in best.params.items())
        console.print(f"best: {sweep.metric.format(best.value or 0.0)}: {params}")
    if importances := parameter_importances(study):
        console.print("importance of each parameter:")
        for name, share in importances.items():
            console.print(f"  {name:<24} {share:4.0%}  {'▇' * round(30 * share)}")
    for slot, trial in trials.items():
        if ERROR_ATTR in trial.user_attrs:
            console.print(f"trial {slot} failed: {trial.user_attrs[ERROR_ATTR]}")


def describe_study(study: optuna.Study, sweep: SweepConfig) -> dict[str, Any]:
    """Return what `print_status` prints, as plain values."""
    best = best_finished_trial(study)
    trials = [
        {
            "trial": slot,
            "state": _state(trial),
            "value": trial.value,
            "minutes": trial.user_attrs.get(MINUTES_ATTR),
            "params": trial.params,
            "error": trial.user_attrs.get(ERROR_ATTR),
        }
        for slot, trial in trials_by_slot(study).items()
    ]
    return {
        "name": sweep.name,
        "objective": sweep.objective,
        "max_trials": sweep.max_trials,
        "best": None if best is None else {"value": best.value, "params": best.params},
        "importances": parameter_importances(study),
        "trials": trials,
    }


def parameter_importances(study: optuna.Study) -> dict[str, float]:
    """Return the importance of each parameter, in [0, 1], in descending order; empty if there are too few trials."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < MIN_TRIALS_FOR_IMPORTANCE or len({trial.value for trial in finished}) == 1:
        return {}
    values = {name: {trial.params[name] for trial in finished} for name in finished[0].params}
    return optuna.importance.get_param_importances(study, params=[name for name in values if len(values[name]) > 1])


def _state(trial: FrozenTrial) -> str:
    return STALE_LABEL if is_stale(trial) else STATE_LABELS[trial.state]


def _styled(state: str) -> Text:
    return Text(state, "red" if state == STATE_LABELS[TrialState.FAIL] else "")


def _value(trial: FrozenTrial, sweep: SweepConfig) -> str:
    return "-" if trial.value is None else f"{trial.value:.{sweep.metric.digits}f}"


def _minutes(trial: FrozenTrial) -> str:
    return f"{trial.user_attrs[MINUTES_ATTR]:.1f}" if MINUTES_ATTR in trial.user_attrs else "-"


def _params(trial: FrozenTrial, sweep: SweepConfig) -> list[str]:
    values = (trial.params.get(name, "-") for name in sweep.space)
    return [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
