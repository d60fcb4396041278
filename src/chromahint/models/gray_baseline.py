"""Gray baseline: predicts no color. Every method should beat it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.registry import ModelInfo

MODEL_INFO = ModelInfo(year=None, input="L", source="the gray image: ab = 0 everywhere")


class GrayBaseline(nn.Module):
    """Training-free baseline that ignores the hints and leaves the image gray."""

    def __init__(self) -> None:
        super().__init__()

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict ab B2HW = 0, float32, for lightness B1HW."""
        return torch.zeros_like(hints.ab, dtype=torch.float32)
