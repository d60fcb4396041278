"""What a person sees while a network trains: one line that says how far, how fast, how well and how long still."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from chromahint.training.callbacks.training_limits import TrainingLimits

QUIET_SECONDS = 20.0


class RunProgressBar(Callback):
    """A bar over the whole run: loss, speed, time left, the last `val/psnr`; plain lines where no one looks on."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, soft_wrap=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[said]}"),
        )
        self.bar = Progress(*columns, console=self.console, refresh_per_second=4, disable=not self.console.is_terminal)
        self.line = TaskID(0)
        self.loss = float("nan")
        self.psnr = ""
        self.began = self.spoke = 0.0
        self.first_step = 0
        self.first_share = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count."""
        course = TrainingLimits.of(trainer).progress(trainer)
        self.first_step, self.first_share = course.step, course.fraction
        self.began = self.spoke = time.monotonic()
        if trainer.is_global_zero:
            self.bar.start()
            self.line = self.bar.add_task("training", total=1.0, said="")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Say where things stand; the loss is smoothed over about 20 steps."""
        if not trainer.is_global_zero:
            return
        now = time.monotonic()
        if batch_idx % 5 == 0 or now - self.spoke > 1:  # reading the loss makes a GPU wait
            loss = float(outputs["loss"]) * trainer.accumulate_grad_batches
            self.loss = loss if self.loss != self.loss else 0.8 * self.loss + 0.2 * loss
        course = TrainingLimits.of(trainer).progress(trainer)
        took = now - self.began
        speed = (course.step - self.first_step) / took
        share = course.fraction - self.first_share
        left = f"{_clock(took / share * (1 - course.fraction))} left" if share > 0 else ""
        said = f"step {course.step}  loss {self.loss:.4f}  {speed:.2f} steps/s  {left}{self.psnr}"
        self.bar.update(self.line, completed=course.fraction, said=said)
        if self.bar.disable and (now - self.spoke > QUIET_SECONDS or course.fraction >= 1):
            self.console.print(f"training {course.fraction:4.0%}  {said}", highlight=False)
            self.spoke = now

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the figure that models are chosen by."""
        self.psnr = f"  val/psnr {float(trainer.callback_metrics['val/psnr']):.2f} dB"

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the terminal as it was."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the terminal as it was."""
        self._stop()

    def _stop(self) -> None:
        if not self.bar.disable:  # a bar that was never drawn would still end its line
            self.bar.stop()


def _clock(seconds: float) -> str:
    """Write a time as minutes and seconds, or hours.

    >>> _clock(75), _clock(7300)
    ('1:15', '2:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
