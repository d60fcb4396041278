"""A moving average of the weights, for validation, pictures and the checkpoints that people use."""

from __future__ import annotations

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMA(WeightAveraging):
    """Exponential moving average that forgets the start quickly: short runs gain from it as long ones do.

    Args:
        decay: how much of the average stays after a step, once training has lasted a while.
    """

    def __init__(self, decay: float = 0.998) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"callbacks.ema.decay={decay}: it is a number from 0 to below 1")

        def mix(average: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
            keep = min(decay, (1 + float(steps)) / (10 + float(steps)))
            return average + (current - average) * (1 - keep)

        super().__init__(use_buffers=True, avg_fn=mix)
