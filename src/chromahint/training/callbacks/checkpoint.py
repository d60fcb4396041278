"""Which checkpoints a run writes, and when training has lost its point.

`last.ckpt` is the state between two steps: what was due after a step (its row in metrics.csv, a validation) has been
done, and the next has not begun. So a run that goes on from it repeats what came later, bit for bit, and no more.
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
from chromahint.training.loggers.csv import CSVLogger


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all, also where the temporary folder is on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Replace the file in one step."""
        with atomic_write(Path(path)) as file:
            torch.save(checkpoint, file)


@dataclass(frozen=True)
class ResumeState:
    """What a job needs to know of the last.ckpt that it finds.

    Attributes:
        file: where it lies.
        step: optimizer steps that were made.
        batches: that each process has trained on.
        seconds: of training that were spent.
        ended: whether training had come to its end, so that only the evaluation is left to do.
    """

    file: Path
    step: int
    batches: int
    seconds: float
    ended: bool


def find_resume_state(folder: Path) -> ResumeState | None:
    """Look what a run can go on from.

    Args:
        folder: the run's folder of checkpoints.

    Raises:
        ValueError: last.ckpt can't be read.
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
    except Exception as error:  # damaged files raise whatever the byte in question leads to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{file}: is damaged ({reason[:200]}); delete it to train this run from its start") from None


class LastCheckpoint(Callback):
    """Writes `last.ckpt` every so many steps, before each validation and at the end of training."""

    def __init__(self, folder: Path, every_n_steps: int) -> None:
        self.file = folder / "last.ckpt"
        self.every_n_steps = every_n_steps
        self.saved = 0
        self.ended = False
        self._next_has_begun = False

    @staticmethod
    def of(trainer: Trainer) -> LastCheckpoint | None:
        """Find the one of a trainer, among its callbacks."""
        return next((c for c in trainer.callbacks if isinstance(c, LastCheckpoint)), None)  # type: ignore[attr-defined]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Write what the step before has left, where it is one of every so many, or a validation is near."""
        # Lightning counts the steps that loggers see a second time, and after a resume differently
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step
        due = trainer.global_step % self.every_n_steps == 0 or self._validation_follows(trainer)
        if due and at_step_boundary(trainer, batch_idx):
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last step, with the validation that followed it."""
        self.ended = True
        trainer.save_checkpoint(self.file)

    def save(self, trainer: Trainer) -> None:
        """Write the state between the last step and the one that has just begun."""
        if trainer.global_step != self.saved:
            self.saved = trainer.global_step
            self._next_has_begun = True
            trainer.save_checkpoint(self.file)
            self._next_has_begun = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take the batch that has begun back, and remember how long metrics.csv is."""
        if self._next_has_begun:
            loop = checkpoint["loops"]["fit_loop"]
            for loader in loop["state_dict"]["combined_loader"]:
                loader["batches"] -= 1
            progress = loop["epoch_loop.batch_progress"]
            progress["is_last_batch"] = False
            for span in ("total", "current"):
                progress[span]["ready"] -= 1
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                checkpoint["metrics_bytes"] = logger.synced_size()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Forget what metrics.csv says of steps that will be repeated."""
        self.saved = checkpoint["global_step"]
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                logger.truncate(checkpoint["metrics_bytes"])

    def state_dict(self) -> dict[str, Any]:
        """Whether training has ended."""
        return {"ended": self.ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Whether training had ended."""
        self.ended = state_dict["ended"]

    def _validation_follows(self, trainer: Trainer) -> bool:
        """Whether a validation comes at the end of the step that begins with this batch."""
        loop = trainer.fit_loop.epoch_loop
        batches = trainer.accumulate_grad_batches
        if trainer.check_val_every_n_epoch is None:
            assert isinstance(trainer.val_check_batch, int)
            return -(loop.total_batch_idx + 1) % trainer.val_check_batch < batches
        return loop.batch_idx + batches >= trainer.num_training_batches


def at_step_boundary(trainer: Trainer, batch_idx: int) -> bool:
    """Whether no gradients wait to be summed up when a batch begins, and a step has been made."""
    return batch_idx % trainer.accumulate_grad_batches == 0 and trainer.global_step > 0


class BestCheckpoint(Callback):
    """Writes `best.ckpt` whenever a validation gives the highest `val/psnr` so far."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "best.ckpt"
        self.score = -math.inf

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare, and write."""
        score = float(trainer.callback_metrics["val/psnr"])
        if trainer.state.fn == TrainerFn.FITTING and score > self.score:
            self.score = score
            trainer.save_checkpoint(self.file)

    def state_dict(self) -> dict[str, Any]:
        """The highest so far."""
        return {"score": self.score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the highest so far."""
        self.score = state_dict["score"]


def checkpoint_callbacks(folder: Path, every_n_steps: int = 100) -> list[Callback]:
    """Write `last.ckpt` every so many steps and at the end, and `best.ckpt` by `val/psnr`.

    Args:
        folder: where they go.
        every: steps between writes of last.ckpt.
    """
    if every_n_steps < 1:
        raise ValueError(f"callbacks.checkpoint.every_n_steps={every_n_steps}: it is a whole number of steps from 1")
    return [BestCheckpoint(folder), LastCheckpoint(folder, every_n_steps)]
