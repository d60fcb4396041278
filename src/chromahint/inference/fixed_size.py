"""Run a network at the image size it was trained at, for images of any size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints


class FixedSizeWrapper(nn.Module):
    """Squashes the input of a network to a square, and resizes the predicted color to the size of the image.

    Args:
        network: Module (lightness, hints) -> ab.
        size: Height and width of the square in pixels.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        self.network = network
        self.size = size

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict ab B2HW in Lab units for lightness B1HW in 0..100 and hints of any height and width."""
        original_size = lightness.shape[-2:]
        square = (self.size, self.size)
        if original_size == square:
            unscaled: Tensor = self.network(lightness, hints)
            return unscaled
        small = F.interpolate(lightness, square, mode="bilinear", antialias=True)
        ab = self.network(small, downsample_hints(hints, square))
        return F.interpolate(ab, original_size, mode="bilinear", antialias=True)


def downsample_hints(hints: Hints, size: tuple[int, int]) -> Hints:
    """Resize hints to another height and width without losing any: hints that fall on the same pixel are averaged."""
    rows, columns = (
        _assignment_matrix(old, new, hints.mask) for old, new in zip(hints.mask.shape[-2:], size, strict=True)
    )
    # sums over the hints of each new pixel; matrix products are deterministic on every device
    total = rows @ torch.cat([hints.ab * hints.mask, hints.mask], dim=1) @ columns.T
    ab, count = total[:, :2], total[:, 2:]
    return Hints(ab / count.clamp(min=1), (count > 0).float(), hints.global_hints)


def _assignment_matrix(old: int, new: int, like: Tensor) -> Tensor:
    """Return a matrix new x old that is 1 where an old position falls on a new one."""
    position = torch.arange(old, device=like.device)
    matrix = torch.zeros(new, old, device=like.device)
    matrix[position * new // old, position] = 1
    return matrix
