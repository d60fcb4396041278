"""Log learning rate, speed, gradient norm, waiting for data, and GPU memory."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer


class TrainingStats(Callback):
    """Logs the following every `trainer.log_every_n_steps` steps.

    - `train/lr`, or `train/lr_0`, `train/lr_1`, ... if the rates of the optimizer's parameter groups differ;
    - `train/images_per_second`, over all processes, without validation;
    - `train/grad_norm`, before clipping;
    - `train/data_wait`, the share of the time that was spent waiting for the next batch;
    - `train/gpu_memory_gb`, the largest amount of memory in use at a time so far, on a GPU.
    """

    def __init__(self) -> None:
        self._interval_start = self._step_ended = self._paused_since = time.perf_counter()
        self._images, self._waited = 0, 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._begin_interval()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self._paused_since = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clock go on."""
        self._interval_start += time.perf_counter() - self._paused_since
        self._step_ended = time.perf_counter()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Add the time since the last step, in which the batch was loaded."""
        self._waited += time.perf_counter() - self._step_ended

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log the norm of the gradients, which are not clipped yet."""
        if (trainer.global_step + 1) % _logging_interval(trainer) == 0:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            pl_module.log("train/grad_norm", torch.nn.utils.get_total_norm(gradients))
            groups = optimizer.param_groups
            same = len({group.get("initial_lr", group["lr"]) for group in groups}) == 1
            rates = {"train/lr" if same else f"train/lr_{index}": group["lr"] for index, group in enumerate(groups)}
            pl_module.log_dict(rates)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the rates of the interval, if one ends here."""
        images = batch["rgb"] if isinstance(batch, dict) else batch[0] if isinstance(batch, list | tuple) else batch
        self._images += len(images)
        self._step_ended = time.perf_counter()
        is_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if not is_step or trainer.global_step % _logging_interval(trainer):
            return
        seconds = self._step_ended - self._interval_start
        pl_module.log("train/images_per_second", self._images * trainer.world_size / seconds)
        pl_module.log("train/data_wait", self._waited / seconds)
        if pl_module.device.type == "cuda":
            pl_module.log("train/gpu_memory_gb", torch.cuda.max_memory_allocated(pl_module.device) / 2**30)
        self._begin_interval()

    def _begin_interval(self) -> None:
        self._interval_start = self._step_ended = time.perf_counter()
        self._images = 0
        self._waited = 0.0


def _logging_interval(trainer: Trainer) -> int:
    interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by a connector
    return interval
