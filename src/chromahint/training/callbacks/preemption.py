"""Preemption: save and exit on SIGTERM or SIGUSR1, and requeue SLURM jobs."""

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
PREEMPTION_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]


class TrainingInterrupted(BaseException):  # not an Exception, like KeyboardInterrupt
    """A signal interrupted the run, whose state has been saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


@contextlib.contextmanager
def raise_on_signal() -> Iterator[None]:
    """Raise `TrainingInterrupted` as soon as a signal arrives. Before and after training, nothing is lost by that."""

    def interrupt(signal_number: int, _: Any) -> None:
        raise TrainingInterrupted(signal_number)

    previous = {number: signal.signal(number, interrupt) for number in PREEMPTION_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class PreemptionHandler(Callback):
    """Saves last.ckpt and exits at the end of the training step, or validation batch, during which a signal arrived.

    Nothing is saved during validation, as last.ckpt was written just before the step that led to it. In a distributed
    run all processes exit together, whichever of them received the signal.
    """

    def __init__(self) -> None:
        self.received_signal = 0
        self.cpu_group: torch.distributed.ProcessGroup | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's signal handlers, which exit without saving. Lightning restores them after training."""
        for number in PREEMPTION_SIGNALS:
            signal.signal(number, self._handle_signal)
        if trainer.world_size > 1:  # to agree by way of the GPUs would make the host wait for them in every step
            self.cpu_group = torch.distributed.new_group(backend="gloo")

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Save and exit if a signal has arrived."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            number = self._signal_of_any_process(trainer)
            if number and at_step_boundary(trainer, batch_idx) and (last := LastCheckpoint.of(trainer)):
                last.save(trainer)
            if number:
                raise TrainingInterrupted(number)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Exit if a signal has arrived."""
        if number := self._signal_of_any_process(trainer):
            raise TrainingInterrupted(number)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Exit if a signal has arrived since the last batch, as the final evaluation may take long."""
        if number := self._signal_of_any_process(trainer):
            raise TrainingInterrupted(number)

    def _handle_signal(self, signal_number: int, _: Any) -> None:
        self.received_signal = signal_number

    def _signal_of_any_process(self, trainer: Trainer) -> int:
        """Return the signal that any of the processes has received, or 0."""
        if trainer.world_size == 1:
            return self.received_signal
        received = torch.tensor(self.received_signal)
        torch.distributed.all_reduce(received, torch.distributed.ReduceOp.MAX, group=self.cpu_group)
        return int(received)


def requeue() -> str | None:
    """Ask SLURM to run this job again later, and return its ID, or None outside SLURM.

    Raises:
        ValueError: SLURM refused.
    """
    job = current_slurm_job()
    if job is None:
        return None
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True, timeout=20)  # noqa: S603, S607
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(
            f"SLURM job {job}: could not be requeued ({getattr(error, 'stderr', None) or error}). "
            f"Try `scontrol requeue {job}`."
        ) from None
    return job
