"""Checkpoints of a run.

`last.ckpt` holds the state between two steps: everything that follows a step (its row in metrics.csv, a validation) has
been done, and the next step has not begun. A resumed run therefore repeats exactly the steps after it, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from chromahint.atomic_write import atomic_write
from chromahint.ranges import Count, validate_arguments
from chromahint.training.loggers.csv import MetricsCSVLogger


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints atomically, even if the system's temporary folder is on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Replace the file atomically."""
        with atomic_write(Path(path)) as file:
            torch.save(checkpoint, file)


@dataclass(frozen=True)
class ResumeState:
    """Summary of last.ckpt.

    Attributes:
        file: The checkpoint.
        step: Completed optimizer steps.
        batches: Batches that each process has trained on.
        seconds: Training time in seconds.
        ended: Whether training has ended, so that only the final evaluation remains.
    """

    file: Path
    step: int
    batches: int
    seconds: float
    ended: bool


def find_resume_state(folder: Path) -> ResumeState | None:
    """Read the summary of last.ckpt, or return None if there is no such file.

    Args:
        folder: Checkpoint folder of the run.

    Raises:
        ValueError: last.ckpt is damaged.
    """
    file = folder / "last.ckpt"
    if not file.exists():
        return None
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        callbacks = content["callbacks"]
        ended, seconds = callbacks["LastCheckpoint"]["ended"], callbacks["TrainingLimits"]["elapsed"]
        batches = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["completed"]
        return ResumeState(file, int(content["global_step"]), int(batches), float(seconds), bool(ended))
    except Exception as error:  # a damaged file can raise almost anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{file}: is damaged ({reason[:200]}). Delete it to train this run from the start.") from None


class LastCheckpoint(Callback):
    """Writes `last.ckpt` every `every_n_steps` optimizer steps, before each validation and at the end of training."""

    def __init__(self, folder: Path, every_n_steps: int) -> None:
        self.file = folder / "last.ckpt"
        self.every_n_steps = every_n_steps
        self.saved_step = 0
        self.ended = False
        self._next_batch_started = False

    @staticmethod
    def of(trainer: Trainer) -> LastCheckpoint | None:
        """Return this callback of a trainer, if it has one."""
        return next((c for c in trainer.callbacks if isinstance(c, LastCheckpoint)), None)  # type: ignore[attr-defined]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Save the state after the previous step if a checkpoint is due or a validation is about to follow."""
        # Lightning keeps a second step counter for loggers, which deviates after a resume
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step
        due = trainer.global_step % self.every_n_steps == 0 or self._validation_follows(trainer)
        if due and at_step_boundary(trainer, batch_idx):
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the state after the last step and its validation."""
        self.ended = True
        trainer.save_checkpoint(self.file)

    def save(self, trainer: Trainer) -> None:
        """Save the state between the previous step and the one that has just started."""
        if trainer.global_step != self.saved_step:
            self.saved_step = trainer.global_step
            self._next_batch_started = True
            trainer.save_checkpoint(self.file)
            self._next_batch_started = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Uncount the batch that has started, and store the size of metrics.csv."""
        if self._next_batch_started:
            loop = checkpoint["loops"]["fit_loop"]
            for loader in loop["state_dict"]["combined_loader"]:
                loader["batches"] -= 1
            progress = loop["epoch_loop.batch_progress"]
            progress["is_last_batch"] = False
            for scope in ("total", "current"):
                progress[scope]["ready"] -= 1
        for logger in trainer.loggers:
            if isinstance(logger, MetricsCSVLogger):
                checkpoint["metrics_bytes"] = logger.synced_size()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remove the rows of metrics.csv that belong to steps after the checkpoint."""
        self.saved_step = checkpoint["global_step"]
        for logger in trainer.loggers:
            if isinstance(logger, MetricsCSVLogger):
                logger.truncate(checkpoint["metrics_bytes"])

    def state_dict(self) -> dict[str, Any]:
        """Save whether training has ended."""
        return {"ended": self.ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore whether training has ended."""
        self.ended = state_dict["ended"]

    def _validation_follows(self, trainer: Trainer) -> bool:
        """Tell whether a validation follows the step that starts with this batch."""
        loop = trainer.fit_loop.epoch_loop
        batches = trainer.accumulate_grad_batches
        if trainer.check_val_every_n_epoch is None:
            assert isinstance(trainer.val_check_batch, int)
            return -(loop.total_batch_idx + 1) % trainer.val_check_batch < batches
        return loop.batch_idx + batches >= trainer.num_training_batches


def at_step_boundary(trainer: Trainer, batch_idx: int) -> bool:
    """Tell whether at the start of this batch a step is complete and no gradients are accumulated."""
    return batch_idx % trainer.accumulate_grad_batches == 0 and trainer.global_step > 0


class BestCheckpoint(Callback):
    """Writes `best.ckpt` whenever a validation reaches a new highest `val/psnr`."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "best.ckpt"
        self.score = -math.inf

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save a checkpoint if the score is the highest so far."""
        score = float(trainer.callback_metrics["val/psnr"])
        if trainer.state.fn == TrainerFn.FITTING and score > self.score:
            self.score = score
            trainer.save_checkpoint(self.file)

    def state_dict(self) -> dict[str, Any]:
        """Save the highest score."""
        return {"score": self.score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the highest score."""
        self.score = state_dict["score"]


@validate_arguments("callbacks.checkpoint")
def checkpoint_callbacks(folder: Path, every_n_steps: Count = 100) -> list[Callback]:
    """Build the callbacks that write `last.ckpt` regularly and `best.ckpt` by `val/psnr`.

    Args:
        folder: Where checkpoints are written.
        every_n_steps: Optimizer steps between writes of last.ckpt.
    """
    return [BestCheckpoint(folder), LastCheckpoint(folder, every_n_steps)]
