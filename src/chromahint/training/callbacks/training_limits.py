"""When training ends, and how far it has come: by steps, by epochs or by the clock, whichever is reached first."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from chromahint.training.lr_schedules import TrainingProgress


class TrainingLimits(Callback):
    """Ends a run after `max_steps` optimizer steps, `max_epochs` epochs or `max_minutes` of training.

    The clock runs on after a resume, and in a distributed run all processes read that of the first. When the end is
    reached, a last validation follows.
    """

    def __init__(self, max_steps: int | None, max_epochs: int | None, max_minutes: float | None) -> None:
        self.max_steps = max_steps
        self.max_epochs = max_epochs
        self.max_seconds = None if max_minutes is None else 60 * max_minutes
        self.elapsed = 0.0
        self._before = 0.0
        self._started = time.monotonic()

    @staticmethod
    def of(trainer: Trainer) -> TrainingLimits:
        """Find the limits of a trainer, among its callbacks."""
        return next(c for c in trainer.callbacks if isinstance(c, TrainingLimits))  # type: ignore[attr-defined]

    def progress(self, trainer: Trainer) -> TrainingProgress:
        """Say where training stands."""
        batches = max(1, int(trainer.num_training_batches)) if trainer.num_training_batches != float("inf") else 1
        done = trainer.fit_loop.epoch_loop.batch_progress.current.ready if trainer.training else 0
        epoch = trainer.current_epoch + min(done, batches) / batches
        shares = [
            trainer.global_step / self.max_steps if self.max_steps else 0.0,
            epoch / self.max_epochs if self.max_epochs else 0.0,
            self.elapsed / self.max_seconds if self.max_seconds else 0.0,
        ]
        return TrainingProgress(step=trainer.global_step, epoch=epoch, fraction=min(1.0, max(shares)))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._before = self.elapsed
        self._started = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Stop the trainer at the end."""
        self.elapsed = self._before + time.monotonic() - self._started
        if self.max_seconds and trainer.world_size > 1:
            self.elapsed = trainer.strategy.broadcast(self.elapsed)
        if self.progress(trainer).fraction >= 1.0:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, float]:
        """Remember the minutes that were spent."""
        return {"elapsed": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the minutes that were spent."""
        self.elapsed = float(state_dict["elapsed"])
