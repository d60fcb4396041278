"""One of any number of workers on a sweep, each of which makes trial after trial until all are made."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import yaml
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState
from rich.console import Console

from chromahint.config.compose import ComposedConfig
from chromahint.config.errors import ConfigError
from chromahint.launch.launcher import compose_and_validate, create_run_folder, launched, preflight_check
from chromahint.launch.multirun import folder_name
from chromahint.launch.resume import prepare
from chromahint.runs.files import write_json
from chromahint.runs.lock import RunLockedError
from chromahint.runs.metrics_csv import read_metrics_csv
from chromahint.runs.run import Run, open_run
from chromahint.sweeps.best_trial import write_best
from chromahint.sweeps.study import (
    ERROR,
    MINUTES,
    RUN,
    SLOT,
    best_of,
    open_study,
    report_all,
    sampler_of,
    suggest_values,
)
from chromahint.sweeps.sweep_config import Sweep, load_sweep
from chromahint.sweeps.trial_queue import TrialQueue

REPORTING = {"_target_": "chromahint.sweeps.pruning_callback.PruningCallback", "_partial_": True}
ENDED = ("finished", "pruned")
PAUSE = 2.0
"""Seconds between looks at what other workers do."""


class Worker:
    """Makes trials of a sweep, one at a time.

    Args:
        sweep: what is tried.
        folder: of the sweep.
        seed: what is drawn follows from it.

    Raises:
        ConfigError: in that folder lies another sweep.
    """

    def __init__(self, sweep: Sweep, folder: Path, seed: int) -> None:
        self.sweep = sweep
        self.folder = folder
        self.console = Console(soft_wrap=True, highlight=False)
        if (folder / "sweep.yaml").exists() and (storage := load_sweep(folder).storage) != sweep.storage:
            raise ConfigError(
                f"storage={sweep.storage}: {folder} was begun with storage={storage}; type that, or name=ANOTHER "
                "for a sweep of its own"
            )
        self.study = open_study(sweep, folder)
        wanted, agreed = sweep.agreed(), self.study.user_attrs.get("sweep")
        if agreed is None:
            self.study.set_user_attr("sweep", wanted)
        # as texts: the order of a space decides what the slots of a grid are
        elif changed := [key for key in wanted if json.dumps(agreed.get(key)) != json.dumps(wanted[key])]:
            raise ConfigError(
                f"{folder}: was begun with another {', '.join(changed)}; type what was typed then "
                "(`sweep.yaml` there has it), or name=ANOTHER for a sweep of its own"
            )
        sweep.write(folder)
        self.claims = TrialQueue(self.study, folder, lambda slot: sampler_of(sweep, slot, seed), self._may_begin)
        self.most = sweep.most

    def work(self) -> int:
        """Make trials until there are none left; 1 where none came to an end well."""
        self.console.print(f"sweep: {self.folder}")
        waiting = False
        while True:
            with self.claims.next() as trial:
                if trial is not None:
                    waiting = False
                    try:
                        self._make(trial)
                    except UpdateFinishedTrialError:
                        self.console.print("no sign of life came through for long: another worker has this trial now")
                    with self.claims.alone():
                        write_best(self.study, self.sweep, self.folder)
                    continue
            if not self.claims.remaining():
                break
            if not waiting:
                self.console.print("other workers are at the last trials; waiting, should one of them be lost")
                waiting = True
            time.sleep(PAUSE)
        with self.claims.alone():
            best = write_best(self.study, self.sweep, self.folder)
        if best is None:
            self.console.print(f"no trial came to an end well; each has an output.txt in {self.folder}")
            return 1
        self.console.print(self._best_so_far().lstrip("; "))
        self.console.print(f"train it: {shlex.join(['chromahint', 'train', f'experiment={best.name}'])}")
        self.console.print(f"look:     {shlex.join(['chromahint', 'sweep', 'plot', str(self.folder)])}")
        return 0

    def _may_begin(self, slots: dict[int, FrozenTrial]) -> bool:
        spent = sum(trial.user_attrs.get(MINUTES, 0.0) for trial in slots.values())
        return (self.most is None or len(slots) < self.most) and (
            self.sweep.minutes is None or spent < self.sweep.minutes
        )

    def _make(self, trial: Trial) -> None:
        """Choose values, train in processes of their own, and tell the study what came of it."""
        slot = trial.user_attrs[SLOT]
        values = suggest_values(trial, self.sweep.space)
        shown = self.sweep.shown(values)
        self.console.print(f"trial {slot}{f' of {self.most}' if self.most else ''}: {' '.join(shown)}", markup=False)
        began = time.monotonic()
        try:
            run = self._train(trial, values, f"{slot:03d}-{folder_name(shown)}")
            trial.set_user_attr(RUN, run.path.name)
            state, error, scores = run.metadata["state"], run.metadata.get("error"), psnr(run)
        except ValueError as wrong:
            state, error, scores = "failed", str(wrong), []
        if state == "interrupted":
            self.console.print(f"trial {slot}: was stopped; it will go on")
            return
        trial.set_user_attr(MINUTES, (time.monotonic() - began) / 60)
        report_all(trial, scores)
        said = f"{max(scores, default=0):.2f} dB"
        if state == "finished" and scores:
            self.study.tell(trial, max(scores))
        elif state == "pruned":
            self.study.tell(trial, state=TrialState.PRUNED)
            said = f"given up at {said}"
        else:
            error = error or f"its process ended without a word; see {self.folder}"
            trial.set_user_attr(ERROR, error)
            self.study.tell(trial, state=TrialState.FAIL)
            said = f"failed: {error}"
        self.console.print(f"trial {slot}: {said}{self._best_so_far()}", markup=False)

    def _train(self, trial: Trial, values: dict[str, Any], name: str) -> Run:
        """Train the run of a trial to its end, from where an earlier worker left it."""
        composed = compose_and_validate(self.sweep.words(values))
        config = composed.config | {"callbacks": composed.config["callbacks"] | {"trial": REPORTING}}
        run = self._begun(name, config)
        if run is None:
            processes = preflight_check(config)
            whole = ComposedConfig(config, composed.choices, composed.overrides)
            run = create_run_folder(whole, self.folder / name, f"sweep/{self.sweep.name}")
            run.update_metadata(trial=self.sweep.labels(values))
        elif free := self._free(run):
            run, processes = free
        else:
            return run
        write_json(run.path / "trial.json", {"number": trial.number})
        run.update_metadata(state="created")  # what an earlier worker's process said last is not what this one will say
        with launched(run, processes) as process:
            process.wait()
        return run

    def _begun(self, name: str, config: dict[str, Any]) -> Run | None:
        """The run that an earlier worker began with the same values."""
        # what came back from the file is what is compared: tuples are lists there
        wanted = yaml.safe_load(yaml.safe_dump(config))
        for folder in sorted(self.folder.glob(f"{name}*")):
            if (folder / "run.json").exists() and (run := open_run(folder)).config == wanted:
                return run
        return None

    def _free(self, run: Run) -> tuple[Run, int] | None:
        """Make a run ready to go on, once the process that its lost worker left has left it; None if that ended it."""
        waiting = False
        while run.metadata["state"] not in ENDED:
            try:
                return prepare([f"resume={run.path}"])
            except RunLockedError:
                if not waiting:
                    self.console.print("its training goes on without the worker that began it; waiting for it")
                waiting = True
                time.sleep(PAUSE)
            except ConfigError:
                if run.metadata["state"] not in ENDED:  # else it has ended since the line above
                    raise
        return None

    def _best_so_far(self) -> str:
        best = best_of(self.study)
        return "" if best is None else f"; best {best.value:.2f} dB (trial {best.user_attrs[SLOT]})"


def psnr(run: Run) -> list[float]:
    """Every `val/psnr` of a run, in order."""
    file = run.path / "metrics.csv"
    return read_metrics_csv(file).get("val/psnr", ([], []))[1] if file.exists() else []
