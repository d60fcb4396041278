"""Exponential moving average of the weights."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging

from chromahint.ranges import Fraction, validate_arguments


class EMA(WeightAveraging):
    """Exponential moving average of weights and buffers, used for validation, image logging and best.ckpt.

    The decay of step n is min(decay, (1 + n) / (10 + n)), so the average soon forgets the initial weights and short
    runs benefit as well.

    Args:
        decay: Fraction of the average that remains after a step, 0 <= decay < 1.
    """

    @validate_arguments("callbacks.ema")
    def __init__(self, decay: Fraction = 0.998) -> None:
        super().__init__(use_buffers=True)
        self.decay = decay
        self._num_updates = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create the average on the device that the network will be on."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read how often the average of a checkpoint was updated; counting on the host does not wait for the device."""
        assert self._average_model is not None
        self._num_updates = int(self._average_model.n_averaged)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the average after an optimizer step."""
        if trainer.global_step == self._latest_update_step:
            return
        average = self._average_model
        assert average is not None
        decay = min(self.decay, (1 + self._num_updates) / (10 + self._num_updates)) if self._num_updates else 0.0
        with torch.no_grad():
            targets, sources = (list(chain(x.parameters(), x.buffers())) for x in (average.module, pl_module))
            pairs = list(zip(targets, sources, strict=True))
            floating = [pair for pair in pairs if pair[0].is_floating_point()]
            torch._foreach_lerp_([target for target, _ in floating], [source for _, source in floating], 1 - decay)
            for target, source in pairs:
                if not target.is_floating_point():
                    target.copy_(source)
            average.n_averaged += 1
        self._num_updates += 1
        self._latest_update_step = trainer.global_step
