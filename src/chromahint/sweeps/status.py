"""How a sweep stands, as tables: its trials, the best of them, and which parameters mattered."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chromahint.sweeps.study import ERROR, MINUTES, best_of, is_stale, slots
from chromahint.sweeps.sweep_config import Sweep

STATES = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "given up",
    TrialState.FAIL: "[red]failed[/]",
}
_WIDEST = 1000
FEWEST = 4
"""Finished trials without which importances mean nothing."""


def show(study: optuna.Study, sweep: Sweep, console: Console) -> None:
    """Print a row a trial, how many there are of each state, the best, and the importances."""
    trials = slots(study)
    best = best_of(study)
    table = Table(title=f"{sweep.name}: val/psnr in dB", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for heading in ("trial", "state", "val/psnr", "minutes"):
        table.add_column(heading, justify="left" if heading == "state" else "right", no_wrap=True)
    for name in sweep.space:
        table.add_column(escape(name))
    for slot, trial in trials.items():
        style = "bold green" if best is not None and trial.number == best.number else None
        table.add_row(f"{slot}", _state(trial), _value(trial), _minutes(trial), *_values(trial, sweep), style=style)
    # where the terminal is narrow, rows go on in the next line rather than lose their ends
    wide = console.options.update(max_width=_WIDEST)
    console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)
    counts = dict.fromkeys([*STATES.values(), "to be made again"], 0)
    for trial in trials.values():
        counts[_state(trial)] += 1
    total = f"{len(trials)}" + (f" of {sweep.most}" if sweep.most is not None else "")
    console.print(f"{total} trials: {', '.join(f'{n} {state}' for state, n in counts.items() if n)}")
    if best is not None:
        tried = " ".join(f"{name}={value}" for name, value in best.params.items())
        console.print(escape(f"best: {best.value:.2f} dB: {tried}"))
    if shares := importances(study):
        console.print("importance of each parameter for reaching the better trials:")
        for name, share in shares.items():
            console.print(escape(f"  {name:<24} {share:4.0%}  {'▇' * round(30 * share)}"))
    for slot, trial in trials.items():
        if ERROR in trial.user_attrs:
            console.print(escape(f"trial {slot} failed: {trial.user_attrs[ERROR]}"))


def importances(study: optuna.Study) -> dict[str, float]:
    """Share of each parameter in what sets the better trials apart, the largest first; empty for too few trials."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < FEWEST or len({trial.value for trial in finished}) == 1:
        return {}
    tried = {name: {trial.params[name] for trial in finished} for name in finished[0].params}
    return optuna.importance.get_param_importances(study, params=[name for name in tried if len(tried[name]) > 1])


def _state(trial: FrozenTrial) -> str:
    return "to be made again" if is_stale(trial) else STATES[trial.state]


def _value(trial: FrozenTrial) -> str:
    return "-" if trial.value is None else f"{trial.value:.2f}"


def _minutes(trial: FrozenTrial) -> str:
    return f"{trial.user_attrs[MINUTES]:.1f}" if MINUTES in trial.user_attrs else "-"


def _values(trial: FrozenTrial, sweep: Sweep) -> list[str]:
    values = (trial.params.get(name, "-") for name in sweep.space)
    return [f"{value:.4g}" if isinstance(value, float) else escape(str(value)) for value in values]
