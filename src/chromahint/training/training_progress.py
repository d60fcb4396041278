"""How far training has come, which learning rate schedules depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning.pytorch import Trainer


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of training.

    Attributes:
        step: Completed optimizer steps.
        epoch: Completed epochs, including the fraction of the current one.
        fraction: Completed fraction of the whole run, 0..1.
    """

    step: int
    epoch: float
    fraction: float


def trainer_progress(trainer: Trainer) -> TrainingProgress:
    """Measure progress by the `max_steps` and `max_epochs` of a Lightning trainer, whichever is reached first."""
    epoch = completed_epochs(trainer)
    fractions = [
        trainer.global_step / trainer.max_steps if trainer.max_steps > 0 else 0.0,
        epoch / trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else 0.0,
    ]
    return TrainingProgress(step=trainer.global_step, epoch=epoch, fraction=min(1.0, max(fractions)))


def completed_epochs(trainer: Trainer) -> float:
    """Return the number of completed epochs, including the fraction of the current one."""
    batches = max(1, int(trainer.num_training_batches)) if trainer.num_training_batches != float("inf") else 1
    done = trainer.fit_loop.epoch_loop.batch_progress.current.ready if trainer.training else 0
    return trainer.current_epoch + min(done, batches) / batches
