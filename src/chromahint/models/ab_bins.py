"""Color classes: the 529 of Zhang et al. 2017, a 23x23 grid of ab bins, and the 313 of 2016, those around the gamut."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from chromahint.color import AB_LIMIT
from chromahint.hints.gamut_bins import BIN_SIZE, NUM_GAMUT_BINS, gamut_bins
from chromahint.hints.hints import Hints

GRID_SIZE = 23
NUM_CLASSES = GRID_SIZE * GRID_SIZE
CLASS_STRIDE = 4
"""Networks predict classes for every fourth row and column."""


@runtime_checkable
class HasColorClasses(Protocol):
    """Network that predicts color classes, from which or in addition to which it predicts color."""

    def with_classes(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor]:
        """Predict ab B2HW in Lab units and class logits (B, 529 or 313, ceil(H/4), ceil(W/4))."""
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


def class_centers(num_classes: int = NUM_CLASSES, device: torch.device | str = "cpu") -> Tensor:
    """Return the ab at the center of each class, (num_classes, 2) float32 in Lab units.

    Args:
        num_classes: 529 for the whole grid, or 313 for `gamut_bins`.
        device: Device of the result.
    """
    if num_classes == NUM_GAMUT_BINS:
        return gamut_bins(device)
    axis = torch.arange(GRID_SIZE, dtype=torch.float32, device=device) * BIN_SIZE - AB_LIMIT
    return torch.cartesian_prod(axis, axis)
