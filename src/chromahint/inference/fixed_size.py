"""Run a network at the size it was trained with, whatever the size of the image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints


class FixedSizeWrapper(nn.Module):
    """Squashes what a network reads to a square, and stretches its colors back over the image.

    Args:
        network: (lightness, hints) -> ab.
        side: of the square in pixels.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        self.network = network
        self.size = size

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict ab B2HW in Lab units for lightness B1HW and hints of any height and width."""
        size = lightness.shape[-2:]
        square = (self.size, self.size)
        if size == square:
            same: Tensor = self.network(lightness, hints)
            return same
        small = F.interpolate(lightness, square, mode="bilinear", antialias=True)
        ab = self.network(small, downsample_hints(hints, square))
        return F.interpolate(ab, size, mode="bilinear", antialias=True)


def downsample_hints(hints: Hints, size: tuple[int, int]) -> Hints:
    """Move hints to an image of another size, where none of them is lost: pixels that meet are averaged."""
    down, across = (_moved(old, new, hints.mask) for old, new in zip(hints.mask.shape[-2:], size, strict=True))
    # sums of what arrives at each pixel, as products of matrices: they run alike on every device
    total = down @ torch.cat([hints.ab * hints.mask, hints.mask], dim=1) @ across.T
    ab, arrived = total[:, :2], total[:, 2:]
    return Hints(ab / arrived.clamp(min=1), (arrived > 0).float())


def _moved(old: int, new: int, like: Tensor) -> Tensor:
    """Which of `new` places each of `old` places falls into: new x old, one 1 in each column."""
    place = torch.arange(old, device=like.device)
    matrix = torch.zeros(new, old, device=like.device)
    matrix[place * new // old, place] = 1
    return matrix
