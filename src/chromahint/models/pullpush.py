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
        # each level: ab times weight, and weight, which is 1 where the level knows its colour
        levels = [torch.cat([hints.ab, hints.mask], dim=1).float()]
        while max(levels[-1].shape[-2:]) > 1:
            levels.append(_pull(levels[-1]))
        known, weight = levels[-1][:, :2], levels[-1][:, 2:]
        ab = known / weight.clamp(min=1e-6)
        for level in reversed(levels[:-1]):
            ab = _push(ab, level)
        return ab


def _pull(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    total = 4 * F.avg_pool2d(F.pad(level, (0, width % 2, 0, height % 2)), 2)
    return total / total[:, 2:].clamp(min=1)


def _push(coarse: Tensor, level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    larger = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.addcmul(level[:, :2] + larger, larger, level[:, 2:], value=-1)
