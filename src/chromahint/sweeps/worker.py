"""A worker of a sweep: runs one trial after another until none is left. Any number of workers may share a sweep."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import yaml
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from chromahint.config.compose import ComposedConfig
from chromahint.config.errors import ConfigError
from chromahint.console import TextConsole
from chromahint.launch.launcher import compose_and_validate, create_run_folder, launched, preflight_check
from chromahint.launch.multirun import folder_name
from chromahint.launch.resume import prepare_to_resume
from chromahint.runs.files import write_json
from chromahint.runs.lock import RunLockedError
from chromahint.runs.metrics_csv import read_metrics_csv
from chromahint.runs.run import Run, open_run
from chromahint.sweeps.best_trial import write_best_experiment
from chromahint.sweeps.study import (
    ERROR_ATTR,
    MINUTES_ATTR,
    RUN_ATTR,
    SLOT_ATTR,
    best_finished_trial,
    create_sampler,
    open_study,
    report_scores,
    suggest_values,
)
from chromahint.sweeps.sweep_config import DEFAULTS, SweepConfig, load_sweep
from chromahint.sweeps.trial_queue import TrialQueue

PRUNING_CALLBACK = {"_target_": "chromahint.sweeps.pruning_callback.PruningCallback", "_partial_": True}
ENDED_STATES = ("finished", "pruned")
WORKER_POLL_SECONDS = 2.0
"""Seconds between two checks of other workers' progress."""


class Worker:
    """Runs trials of a sweep, one at a time.

    Args:
        sweep: config of the sweep.
        folder: folder of the sweep.
        seed: seed of the samplers.

    Raises:
        ConfigError: the folder belongs to a sweep with other settings.
    """

    def __init__(self, sweep: SweepConfig, folder: Path, seed: int) -> None:
        self.sweep = sweep
        self.folder = folder
        self.console = TextConsole()
        if (folder / "sweep.yaml").exists() and (storage := load_sweep(folder).storage) != sweep.storage:
            raise ConfigError(
                f"storage={sweep.storage}: {folder} was started with storage={storage}. Pass the same, or "
                "name=ANOTHER for a new sweep."
            )
        self.study = open_study(sweep, folder)
        settings, agreed = sweep.shared_settings(), self.study.user_attrs.get("sweep")
        if agreed is None:
            self.study.set_user_attr("sweep", settings)
        # compared as text, because the order of the space determines the slots of a grid; earlier versions did not
        # record an objective
        elif changed := [
            key for key in settings if json.dumps(agreed.get(key, DEFAULTS.get(key))) != json.dumps(settings[key])
        ]:
            raise ConfigError(
                f"{folder}: the sweep was started with different {', '.join(changed)}. Pass the same options as then "
                "(see `sweep.yaml` in the folder), or name=ANOTHER for a new sweep."
            )
        sweep.save(folder)
        self.queue = TrialQueue(self.study, folder, lambda slot: create_sampler(sweep, slot, seed), self._may_start)
        self.max_trials = sweep.max_trials

    def run(self) -> int:
        """Run trials until none is left; returns 1 if no trial finished successfully, else 0."""
        self.console.print(f"sweep: {self.folder}")
        waiting = False
        while True:
            with self.queue.next_trial() as trial:
                if trial is not None:
                    waiting = False
                    try:
                        self._run_trial(trial)
                    except UpdateFinishedTrialError:
                        self.console.print(
                            "heartbeats were missed for too long: another worker has taken over this trial"
                        )
                    with self.queue.sweep_lock():
                        write_best_experiment(self.study, self.sweep, self.folder)
                    continue
            if not self.queue.has_unfinished():
                break
            if not waiting:
                self.console.print("other workers run the last trials; waiting in case one of them dies")
                waiting = True
            time.sleep(WORKER_POLL_SECONDS)
        with self.queue.sweep_lock():
            experiment = write_best_experiment(self.study, self.sweep, self.folder)
        if experiment is None:
            self.console.print(f"no trial finished successfully; see the output.txt of each trial in {self.folder}")
            return 1
        self.console.print(self._best_so_far().lstrip("; "))
        self.console.print(f"train it: {shlex.join(['chromahint', 'train', f'experiment={experiment.name}'])}")
        self.console.print(f"plot:     {shlex.join(['chromahint', 'sweep', 'plot', str(self.folder)])}")
        return 0

    def _may_start(self, trials: dict[int, FrozenTrial]) -> bool:
        minutes = sum(trial.user_attrs.get(MINUTES_ATTR, 0.0) for trial in trials.values())
        return (self.max_trials is None or len(trials) < self.max_trials) and (
            self.sweep.minutes is None or minutes < self.sweep.minutes
        )

    def _run_trial(self, trial: Trial) -> None:
        """Choose values, train in separate processes, and tell the study the result."""
        slot = trial.user_attrs[SLOT_ATTR]
        values = suggest_values(trial, self.sweep.space)
        overrides = self.sweep.display_overrides(values)
        total = f" of {self.max_trials}" if self.max_trials else ""
        self.console.print(f"trial {slot}{total}: {' '.join(overrides)}")
        started = time.monotonic()
        try:
            run = self._train(trial, values, f"{slot:03d}-{folder_name(overrides)}")
            trial.set_user_attr(RUN_ATTR, run.path.name)
            state, error, scores = run.metadata["state"], run.metadata.get("error"), self._scores(run)
        except ValueError as invalid:
            state, error, scores = "failed", str(invalid), []
        else:
            if run.metadata.get("write_error"):  # says nothing about the values, and the next trial would meet it, too
                raise ValueError(f"trial {slot}: {error} To go on with the sweep, repeat its command.")
        if state == "interrupted":
            self.console.print(f"trial {slot}: interrupted; it will be resumed")
            return
        trial.set_user_attr(MINUTES_ATTR, (time.monotonic() - started) / 60)
        report_scores(trial, scores)
        message = self.sweep.metric.format(self.sweep.best_score(scores)) if scores else "no score"
        if state == "finished" and scores:
            self.study.tell(trial, self.sweep.best_score(scores))
        elif state == "pruned":
            self.study.tell(trial, state=TrialState.PRUNED)
            message = f"pruned at {message}"
        else:
            error = error or f"its process ended without an error message; see {self.folder}"
            trial.set_user_attr(ERROR_ATTR, error)
            self.study.tell(trial, state=TrialState.FAIL)
            message = f"failed: {error}"
        self.console.print(f"trial {slot}: {message}{self._best_so_far()}")

    def _train(self, trial: Trial, values: dict[str, Any], name: str) -> Run:
        """Train the run of a trial to its end, resuming what an earlier worker left."""
        composed = compose_and_validate(self.sweep.trial_overrides(values))
        config = composed.config | {"callbacks": composed.config["callbacks"] | {"trial": PRUNING_CALLBACK}}
        run = self._find_existing_run(name, config)
        if run is None:
            processes = preflight_check(config)
            complete = ComposedConfig(config, composed.choices, composed.overrides)
            run = create_run_folder(complete, self.folder / name, f"sweep/{self.sweep.name}")
            run.update_metadata(trial=self.sweep.categorical_labels(values))
        elif resumed := self._prepare_to_resume(run):
            run, processes = resumed
        else:
            return run
        write_json(run.path / "trial.json", {"number": trial.number, "objective": self.sweep.objective})
        run.update_metadata(state="created")  # discards the final state of an earlier process
        with launched(run, processes) as process:
            process.wait()
        return run

    def _find_existing_run(self, name: str, config: dict[str, Any]) -> Run | None:
        """Return the run that an earlier worker started with the same values."""
        # the YAML round trip turns tuples into lists, as in the file
        expected = yaml.safe_load(yaml.safe_dump(config))
        for folder in sorted(self.folder.glob(f"{name}*")):
            if (folder / "run.json").exists() and (run := open_run(folder)).config == expected:
                return run
        return None

    def _prepare_to_resume(self, run: Run) -> tuple[Run, int] | None:
        """Prepare a run for resuming, once a process that outlived its worker has ended; None if the run has ended."""
        waiting = False
        while run.metadata["state"] not in ENDED_STATES:
            try:
                return prepare_to_resume(run.path)
            except RunLockedError:
                if not waiting:
                    self.console.print("its training process has outlived its worker; waiting for it to end")
                waiting = True
                time.sleep(WORKER_POLL_SECONDS)
            except ConfigError:
                if run.metadata["state"] not in ENDED_STATES:  # otherwise it ended after the check above
                    raise
        return None

    def _best_so_far(self) -> str:
        best = best_finished_trial(self.study)
        return (
            ""
            if best is None
            else (f"; best {self.sweep.metric.format(best.value or 0.0)} (trial {best.user_attrs[SLOT_ATTR]})")
        )

    def _scores(self, run: Run) -> list[float]:
        return validation_scores(run, self.sweep.objective)


def validation_scores(run: Run, objective: str) -> list[float]:
    """Return every value of the objective of a run, in order."""
    file = run.path / "metrics.csv"
    return read_metrics_csv(file).get(objective, ([], []))[1] if file.exists() else []
