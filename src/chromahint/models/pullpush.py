"""Pull-push interpolation: colour spreads from the hints through a pyramid, untrained and without looking at L."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.maps import Hints
from chromahint.models.card import Card

CARD = Card(
    year=1996,
    input="hint ab, mask",
    source="Gortler, Grzeszczuk, Szeliski, Cohen: The Lumigraph, section 4.4 (SIGGRAPH 1996)",
)


class PullPush(nn.Module):
    """Averages the hints down a pyramid (pull), then fills the holes from the coarser level (push).

    A hinted pixel keeps its colour, a single hint colours the whole picture, and no hint leaves it grey.
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Spread the hints.

        Args:
            lightness: B1HW; only its size counts.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        return pull_push(torch.cat([hints.ab, hints.mask], dim=1).float())


def pull_push(level: Tensor) -> Tensor:
    """Fill the holes of a picture.

    Args:
        level: BCHW; the last channel is 1 where the others are known, and 0, as they are, elsewhere.

    Returns:
        The other channels; 0 where nothing is known in the whole picture.
    """
    levels = [level]
    while max(levels[-1].shape[-2:]) > 1:
        levels.append(pull(levels[-1]))
    known, weight = levels[-1][:, :-1], levels[-1][:, -1:]
    filled = known / weight.clamp(min=1e-6)
    for finer in reversed(levels[:-1]):
        filled = _push(filled, finer)
    return filled


def pull(level: Tensor) -> Tensor:
    """Halve a picture for `pull_push`: each pixel is the mean of the known ones among four."""
    height, width = level.shape[-2:]
    total = 4 * F.avg_pool2d(F.pad(level, (0, width % 2, 0, height % 2)), 2)
    return total / total[:, -1:].clamp(min=1)


def _push(coarse: Tensor, level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    larger = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.addcmul(level[:, :-1] + larger, larger, level[:, -1:], value=-1)
