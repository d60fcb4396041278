"""A hint is a pair of maps: the color a person chose, and where they chose it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Hints(NamedTuple):
    """Color hints for a batch of pictures.

    Attributes:
        ab: B2HW float32, the chosen color in Lab units; zero where nothing was said.
        mask: B1HW float32, 1 where the person spoke and 0 elsewhere.
    """

    ab: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> Hints:
        """Move both maps to a device."""
        return Hints(self.ab.to(device), self.mask.to(device))


def no_hints(lightness: Tensor) -> Hints:
    """Hints that say nothing, for lightness B1HW."""
    mask = torch.zeros_like(lightness, dtype=torch.float32)
    return Hints(mask.expand(-1, 2, -1, -1).clone(), mask)


def hints_from_mask(ab: Tensor, mask: Tensor) -> Hints:
    """Hints that say a picture's own color ab B2HW wherever mask B1HW is 1."""
    return Hints(ab.float() * mask, mask.float())
