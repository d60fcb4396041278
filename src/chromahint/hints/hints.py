"""Color hints as a pair of maps: the hint color and the mask of hinted pixels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Hints(NamedTuple):
    """Color hints for a batch of images.

    Attributes:
        ab: B2HW float32, hint color in Lab units; 0 at pixels without a hint.
        mask: B1HW float32, 1 at hinted pixels and 0 elsewhere.
    """

    ab: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> Hints:
        """Move both maps to a device."""
        return Hints(self.ab.to(device), self.mask.to(device))


def no_hints(lightness: Tensor) -> Hints:
    """Return empty hints for lightness B1HW."""
    mask = torch.zeros_like(lightness, dtype=torch.float32)
    return Hints(mask.expand(-1, 2, -1, -1).clone(), mask)


def hints_from_mask(ab: Tensor, mask: Tensor) -> Hints:
    """Return hints with the image's own color ab B2HW wherever mask B1HW is 1."""
    return Hints(ab.float() * mask, mask.float())
