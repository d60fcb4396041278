"""Training limits and progress."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.training_progress import TrainingProgress, completed_epochs


class TrainingLimits(Callback):
    """Stops training after a number of optimizer steps, epochs or minutes, whichever comes first.

    A last validation follows. The clock continues after a resume, and every process of a distributed run uses that of
    rank 0. The learning rate schedule of a `ColorizationModule` follows these limits instead of the trainer's.
    """

    def __init__(self, max_steps: int | None, max_epochs: int | None, max_minutes: float | None) -> None:
        self.max_steps = max_steps
        self.max_epochs = max_epochs
        self.max_seconds = None if max_minutes is None else 60 * max_minutes
        self.elapsed = 0.0
        self._elapsed_before = 0.0
        self._start = time.monotonic()

    @staticmethod
    def of(trainer: Trainer) -> TrainingLimits:
        """Return this callback of a trainer."""
        return next(c for c in trainer.callbacks if isinstance(c, TrainingLimits))  # type: ignore[attr-defined]

    def progress(self, trainer: Trainer) -> TrainingProgress:
        """Measure progress by the limit that is reached first."""
        epoch = completed_epochs(trainer)
        fractions = [
            trainer.global_step / self.max_steps if self.max_steps else 0.0,
            epoch / self.max_epochs if self.max_epochs else 0.0,
            self.elapsed / self.max_seconds if self.max_seconds else 0.0,
        ]
        return TrainingProgress(step=trainer.global_step, epoch=epoch, fraction=min(1.0, max(fractions)))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make the learning rate schedule follow these limits."""
        if isinstance(pl_module, ColorizationModule):
            pl_module.progress = self.progress

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._elapsed_before = self.elapsed
        self._start = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Stop the trainer once a limit is reached."""
        self.elapsed = self._elapsed_before + time.monotonic() - self._start
        if self.max_seconds and trainer.world_size > 1:
            self.elapsed = trainer.strategy.broadcast(self.elapsed)
        if self.progress(trainer).fraction >= 1.0:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, float]:
        """Save the elapsed training time in seconds."""
        return {"elapsed": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the elapsed training time."""
        self.elapsed = float(state_dict["elapsed"])
