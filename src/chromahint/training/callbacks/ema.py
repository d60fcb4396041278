"""Exponential moving average of the weights."""

from __future__ import annotations

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

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
        def update_average(average: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
            warmed_up = min(decay, (1 + float(steps)) / (10 + float(steps)))
            return average + (current - average) * (1 - warmed_up)

        super().__init__(use_buffers=True, avg_fn=update_average)
