"""What a trial's training tells its sweep: `val/psnr` after each validation, and whether to go on is the answer."""

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
from chromahint.sweeps.study import open_study, report_all
from chromahint.sweeps.sweep_config import load_sweep
from chromahint.sweeps.trial_queue import lock_of
from chromahint.training.callbacks.preemption import PruningCallbackBase


class PruningCallback(PruningCallbackBase):
    """Reports to the sweep that the run folder belongs to, and gives a trial up when the sweep's pruner says so.

    A run of which no worker holds the trial, such as one that a person resumes, reports nothing.

    Args:
        folder: RUN/trial; RUN/trial.json names the trial, and RUN lies in the sweep's folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.run = folder.parent
        self.scores: list[float] = []
        self.trial: Trial | None = None
        file = self.run / "trial.json"
        self.number = int(read_json(file)["number"]) if file.exists() else None
        if self.number is not None and _held(lock := lock_of(self.run.parent, self.number)):
            threading.Thread(target=_leave_with_worker, args=(lock,), daemon=True).start()
        else:
            self.number = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report, and end training where the sweep has seen enough of it."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.scores.append(float(trainer.callback_metrics["val/psnr"]))
        enough = trainer.is_global_zero and self.number is not None and self._report()
        # a training that is at its end already is worth its figures
        if trainer.strategy.broadcast(enough) and not trainer.should_stop:
            self.given_up = trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """What was measured before a resume."""
        return {"scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what was measured."""
        self.scores = list(state_dict["scores"])

    def _report(self) -> bool:
        try:
            if self.trial is None:
                study = open_study(load_sweep(self.run.parent), self.run.parent)
                self.trial = Trial(study, study.get_trials(deepcopy=False)[self.number or 0]._trial_id)
            report_all(self.trial, self.scores)
            return self.trial.should_prune()
        except Exception as error:  # whatever keeps the sweep's memory out of reach for now, training need not suffer
            rank_zero_warn(f"the sweep was not told of this validation: {error}")
            return False


def _held(lock: FileLock) -> bool:
    try:
        with lock:
            return False
    except Timeout:
        return True


def _leave_with_worker(lock: FileLock) -> None:
    """Save and leave once the worker is gone: another will go on with the trial, and needs the device."""
    pause = threading.Event()
    while _held(lock):
        pause.wait(1)
    os.kill(os.getpid(), signal.SIGTERM)
