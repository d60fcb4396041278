"""The 529 color classes of Zhang et al. 2017: a 23x23 grid over ab, ten Lab units apart."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from chromahint.hints.hints import Hints

SIDE = 23
CLASSES = SIDE * SIDE
STEP = 10.0
LIMIT = 110.0
STRIDE = 4
"""Classes are predicted for every fourth pixel."""


@runtime_checkable
class HasColorClasses(Protocol):
    """A network that predicts color classes beside color."""

    def with_classes(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor]:
        """Predict ab B2HW and logits (B, 529, ceil(H/4), ceil(W/4))."""
        ...

    def freeze_classes(self) -> None:
        """Leave the class head out of training, where no loss reads its classes."""
        ...


def ab_classes(ab: Tensor) -> Tensor:
    """Name the class of every fourth pixel.

    Args:
        ab: B2HW in Lab units; beyond -110..110 the nearest class counts.

    Returns:
        int64 (B, ceil(H/4), ceil(W/4)) in 0..528: 23 * a_bin + b_bin.

    >>> int(ab_classes(torch.tensor([-110.0, 20.0]).view(1, 2, 1, 1)))
    13
    """
    bins = ((ab[..., ::STRIDE, ::STRIDE].float() + LIMIT) / STEP).round().clamp(0, SIDE - 1).long()
    return SIDE * bins[:, 0] + bins[:, 1]


def class_ab(device: torch.device | str = "cpu") -> Tensor:
    """List the ab of each class: (529, 2) float32 in Lab units."""
    axis = torch.arange(SIDE, dtype=torch.float32, device=device) * STEP - LIMIT
    return torch.cartesian_prod(axis, axis)
