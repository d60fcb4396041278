"""Progress of a run in the terminal: progress, loss, speed, time left and validation score in one line."""

from __future__ import annotations

import math
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from chromahint.console import TextConsole
from chromahint.training.callbacks.training_limits import TrainingLimits

LOG_INTERVAL_SECONDS = 20.0
"""Time between lines if the output is not a terminal."""

_LOSS_INTERVAL_SECONDS = 1.0
"""Time between readings of the loss, each of which makes the host wait for a GPU."""


class RunProgressBar(Callback):
    """Progress bar over the whole run, or plain lines if stderr is not a terminal."""

    def __init__(self) -> None:
        self.console = TextConsole(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[status]}"),
        )
        self.bar = Progress(*columns, console=self.console, refresh_per_second=4, disable=not self.console.is_terminal)
        self.task = TaskID(0)
        self.loss = float("nan")
        self.psnr = ""
        self.start_time = self.last_print = 0.0
        self.loss_time = -math.inf
        self.first_step = 0
        self.first_fraction = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar and start the clock."""
        progress = TrainingLimits.of(trainer).progress(trainer)
        self.first_step, self.first_fraction = progress.step, progress.fraction
        self.start_time = self.last_print = time.monotonic()
        if trainer.is_global_zero:
            self.bar.start()
            self.task = self.bar.add_task("training", total=1.0, status="")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the line. The loss is smoothed over about five seconds."""
        if not trainer.is_global_zero:
            return
        now = time.monotonic()
        if now - self.loss_time > _LOSS_INTERVAL_SECONDS:
            self.loss_time = now
            loss = float(outputs["loss"]) * trainer.accumulate_grad_batches
            self.loss = loss if self.loss != self.loss else 0.8 * self.loss + 0.2 * loss
        progress = TrainingLimits.of(trainer).progress(trainer)
        elapsed = now - self.start_time
        speed = (progress.step - self.first_step) / elapsed
        fraction = progress.fraction - self.first_fraction
        left = f"{_clock(elapsed / fraction * (1 - progress.fraction))} left" if fraction > 0 else ""
        status = f"step {progress.step}  loss {self.loss:.4f}  {speed:.2f} steps/s  {left}{self.psnr}"
        self.bar.update(self.task, completed=progress.fraction, status=status)
        if self.bar.disable and (now - self.last_print > LOG_INTERVAL_SECONDS or progress.fraction >= 1):
            self.console.print(f"training {progress.fraction:4.0%}  {status}")
            self.last_print = now

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the model-selection metric."""
        self.psnr = f"  val/psnr {float(trainer.callback_metrics['val/psnr']):.2f} dB"

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the terminal."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the terminal."""
        self._stop()

    def _stop(self) -> None:
        if not self.bar.disable:  # stopping a bar that was never shown would print an empty line
            self.bar.stop()


def _clock(seconds: float) -> str:
    """Format a duration.

    >>> _clock(75), _clock(7300)
    ('1:15', '2:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
