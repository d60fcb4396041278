"""Log any torchmetrics metric of the validation images."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torchmetrics import Metric

from chromahint.training.lightning_module import ColorizationModule, ValidationResult


class ValidationMetric(Callback):
    """Logs a metric for each number of hints as `val/NAME@K`, and the mean over K >= 1 as `val/NAME`.

    Args:
        name: Name of the metric.
        metric: Compares two batches of RGB images, B3HW float32 in 0..1: prediction and photo. Colorless photos and
            padding are left out.
    """

    def __init__(self, name: str, metric: Metric) -> None:
        if not isinstance(metric, Metric):
            raise ValueError(
                f"callbacks.{name}.metric: {type(metric).__name__} is no metric. It must be a torchmetrics.Metric of "
                "two batches of RGB images, B3HW float32 in 0..1."
            )
        self.name = name
        self.metric = metric
        self._by_count: dict[int, Metric] = {}

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with no images."""
        assert isinstance(pl_module, ColorizationModule)
        counts = pl_module.protocol.hint_counts
        self._by_count = {k: deepcopy(self.metric).to(pl_module.device) for k in counts}

    @torch.inference_mode()
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        """Add the images of a batch."""
        result: ValidationResult = outputs
        counted = result["weight"] > 0
        if not bool(counted.any()):
            return
        truth = result["rgb"][counted].float() / 255
        for count, prediction in result["predictions"].items():
            self._by_count[count].update(prediction[counted].float() / 255, truth)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the metric."""
        values = {k: metric.compute() for k, metric in self._by_count.items()}
        hinted = [value for k, value in values.items() if k >= 1] or list(values.values())
        pl_module.log_dict({f"val/{self.name}@{k}": value for k, value in values.items()})
        pl_module.log(f"val/{self.name}", torch.stack(hinted).mean())
