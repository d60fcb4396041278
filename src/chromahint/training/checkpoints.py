"""Which checkpoints a run writes, and when training has lost its point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint


class LastCheckpoint(Callback):
    """Writes `last.ckpt`, whole or not at all, every so many steps and at the end of training."""

    def __init__(self, folder: Path, every: int) -> None:
        self.file = folder / "last.ckpt"
        self.every = every
        self.saved = 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Write where a step ends that is one of every so many, or the last."""
        batches_wait = trainer.fit_loop.epoch_loop._should_accumulate()
        if trainer.should_stop or (trainer.global_step % self.every == 0 and not batches_wait):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last step, where something else than its end stopped the run: a validation without progress."""
        if trainer.should_stop and trainer.global_step != self.saved:
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        self.saved = trainer.global_step
        trainer.save_checkpoint(self.file)


def checkpoints(folder: Path, every: int = 100) -> list[Callback]:
    """Write `last.ckpt` every so many steps and at the end, and `best.ckpt` by `val/psnr`.

    Args:
        folder: where they go.
        every: steps between writes of last.ckpt.
    """
    if every < 1:
        raise ValueError(f"callbacks.checkpoints.every={every}: it is a whole number of steps from 1")
    best = ModelCheckpoint(
        folder, "best", monitor="val/psnr", mode="max", save_on_train_epoch_end=False, enable_version_counter=False
    )
    return [LastCheckpoint(folder, every), best]


def early_stopping(patience: int = 5, min_delta: float = 0.01) -> Callback:
    """End training after `patience` validations without a `val/psnr` that is `min_delta` dB better."""
    return EarlyStopping(monitor="val/psnr", mode="max", patience=patience, min_delta=min_delta)
