"""Interface of networks that are also trained on more than their colors."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from chromahint.hints.hints import Hints


@runtime_checkable
class HasAuxiliaryLoss(Protocol):
    """Network with a training loss of its own, which is added to the color loss."""

    def with_auxiliary_loss(
        self, lightness: Tensor, hints: Hints, target: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Predict ab B2HW in Lab units, and compute the loss, a scalar.

        Args:
            lightness: B1HW in 0..100.
            hints: ab B2HW in Lab units and mask B1HW.
            target: ab B2HW of the photos in Lab units.
            generator: Random generator of the loss.
        """
        ...
