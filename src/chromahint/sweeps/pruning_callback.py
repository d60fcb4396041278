"""Callback that reports the objective to the sweep after each validation, and stops a trial that the sweep prunes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from optuna.trial import Trial

from chromahint.runs.files import read_json
from chromahint.sweeps.study import open_study, report_scores
from chromahint.sweeps.sweep_config import DEFAULTS, load_sweep
from chromahint.sweeps.trial_queue import trial_lock
from chromahint.training.callbacks.pruning import PruningCallbackBase


class PruningCallback(PruningCallbackBase):
    """Reports validation scores to the sweep of a run, and stops training if the sweep's pruner decides so.

    Nothing is reported if no worker holds the trial, for example after a manual resume of its run.

    Args:
        folder: RUN/trial. RUN/trial.json names the trial, and RUN is located in the folder of the sweep.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.run_dir = folder.parent
        self.scores: list[float] = []
        self.trial: Trial | None = None
        file = self.run_dir / "trial.json"
        trial = read_json(file) if file.exists() else {}
        self.number = int(trial["number"]) if trial else None
        self.objective = str(trial.get("objective", DEFAULTS["objective"]))
        if self.number is not None and _is_held(lock := trial_lock(self.run_dir.parent, self.number)):
            threading.Thread(target=_stop_with_worker, args=(lock,), daemon=True).start()
        else:
            self.number = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the score, and stop training if the trial is pruned."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.scores.append(float(trainer.callback_metrics[self.objective]))
        prune = trainer.is_global_zero and self.number is not None and self._report()
        # a run that is about to end anyway is evaluated as usual
        if trainer.strategy.broadcast(prune) and not trainer.should_stop:
            self.pruned = trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return the scores so far."""
        return {"scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the scores from before a resume."""
        self.scores = list(state_dict["scores"])

    def _report(self) -> bool:
        try:
            if self.trial is None:
                study = open_study(load_sweep(self.run_dir.parent), self.run_dir.parent)
                self.trial = Trial(study, study.get_trials(deepcopy=False)[self.number or 0]._trial_id)
            report_scores(self.trial, self.scores)
            return self.trial.should_prune()
        except Exception as error:  # training continues even if the storage is temporarily unavailable
            rank_zero_warn(f"this validation could not be reported to the sweep: {error}")
            return False


def _is_held(lock: FileLock) -> bool:
    try:
        with lock:
            return False
    except Timeout:
        return True


def _stop_with_worker(lock: FileLock) -> None:
    """Save and stop once the worker is gone: another worker will resume the trial, and needs the device."""
    pause = threading.Event()
    while _is_held(lock):
        pause.wait(1)
    os.kill(os.getpid(), signal.SIGTERM)
