"""The 529 color classes of Zhang et al. 2017: a 23x23 grid of ab bins, 10 Lab units apart."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from chromahint.color import AB_LIMIT
from chromahint.hints.hints import Hints

GRID_SIZE = 23
NUM_CLASSES = GRID_SIZE * GRID_SIZE
BIN_SIZE = 10.0
CLASS_STRIDE = 4
"""Networks predict classes for every fourth row and column."""


@runtime_checkable
class HasColorClasses(Protocol):
    """Network that predicts color classes in addition to color."""

    def with_classes(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor]:
        """Predict ab B2HW in Lab units and class logits (B, 529, ceil(H/4), ceil(W/4))."""
        ...

    def freeze_classes(self) -> None:
        """Exclude the class head from training. Call this if no loss uses the classes."""
        ...


def ab_classes(ab: Tensor) -> Tensor:
    """Return the class of every fourth pixel.

    Args:
        ab: B2HW in Lab units. Values outside -110..110 fall into the nearest class.

    Returns:
        (B, ceil(H/4), ceil(W/4)) int64 in 0..528: 23 * a_bin + b_bin.

    >>> int(ab_classes(torch.tensor([-110.0, 20.0]).view(1, 2, 1, 1)))
    13
    """
    bins = ((ab[..., ::CLASS_STRIDE, ::CLASS_STRIDE].float() + AB_LIMIT) / BIN_SIZE).round()
    bins = bins.clamp(0, GRID_SIZE - 1).long()
    return GRID_SIZE * bins[:, 0] + bins[:, 1]


def class_centers(device: torch.device | str = "cpu") -> Tensor:
    """Return the ab at the center of each class, (529, 2) float32 in Lab units."""
    axis = torch.arange(GRID_SIZE, dtype=torch.float32, device=device) * BIN_SIZE - AB_LIMIT
    return torch.cartesian_prod(axis, axis)
