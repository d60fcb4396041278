"""Training that is asked to leave (SIGTERM, SIGUSR1) saves what it has and goes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from chromahint.runs.slurm_env import current_slurm_job
from chromahint.training.callbacks.checkpoint import LastCheckpoint, at_step_boundary

# Windows has no SIGUSR1
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]


class TrainingInterrupted(BaseException):  # no error: what was asked for
    """Training has left because a signal asked for it; what it had is saved."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def raise_on_signal() -> Iterator[None]:
    """Leave wherever the process is when a signal comes: before training and after it nothing is lost by that."""

    def leave(number: int, _: Any) -> None:
        raise TrainingInterrupted(number)

    before = {number: signal.signal(number, leave) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class PruningCallbackBase(Callback):
    """Ends a training that is not worth its time: `given_up` is set then, and no evaluation follows."""

    def __init__(self) -> None:
        self.given_up = False


class PreemptionHandler(Callback):
    """Saves and leaves at the end of the step during which a signal came, or of a validation batch.

    In a validation nothing is saved: last.ckpt was written just before the step that led to it. In a distributed run
    all processes leave together, whichever the signal came to.
    """

    def __init__(self) -> None:
        self.asked = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, instead of Lightning, which would leave without saving; it restores the handlers at its end."""
        for number in SIGNALS:
            signal.signal(number, self._hear)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Save and leave, if asked to."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            number = self._all_agree(trainer)
            if number and at_step_boundary(trainer, batch_idx) and (last := LastCheckpoint.of(trainer)):
                last.save(trainer)
            if number:
                raise TrainingInterrupted(number)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Leave, if asked to."""
        if number := self._all_agree(trainer):
            raise TrainingInterrupted(number)

    def _hear(self, number: int, _: Any) -> None:
        self.asked = number

    def _all_agree(self, trainer: Trainer) -> int:
        """The signal that came to any of the processes, or 0."""
        if trainer.world_size == 1:
            return self.asked
        asked = torch.tensor(self.asked, device=trainer.strategy.root_device)
        torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
        return int(asked)


def requeue() -> str | None:
    """Ask SLURM to run this job again later, where it runs us; returns the job that will, if any.

    Raises:
        ValueError: SLURM refused.
    """
    job = current_slurm_job()
    if job is None:
        return None
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True, timeout=20)  # noqa: S603, S607
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"SLURM could not requeue job {job}: {getattr(error, 'stderr', None) or error}") from None
    return job
