"""No color at all: the floor that every method has to rise above."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.registry import ModelInfo

MODEL_INFO = ModelInfo(year=None, input="L", source="the picture as it came: ab = 0 everywhere")


class GrayBaseline(nn.Module):
    """Leaves the picture gray; it has nothing to train and no use for hints."""

    def __init__(self) -> None:
        super().__init__()

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict ab B2HW = 0, float32, for lightness B1HW."""
        return torch.zeros_like(hints.ab, dtype=torch.float32)
