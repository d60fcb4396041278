"""Pull-push interpolation: color spreads from the hints through a pyramid, untrained and without looking at L."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.registry import ModelInfo

MODEL_INFO = ModelInfo(
    year=1996,
    input="hint ab, mask",
    source="Gortler, Grzeszczuk, Szeliski, Cohen: The Lumigraph, section 4.4 (SIGGRAPH 1996)",
)

EXPORTED_SIDE = 512
"""Up to this side an exported pyramid fills holes: how deep it is can't depend on the picture, so all are as large."""


class PullPush(nn.Module):
    """Averages the hints down a pyramid (pull), then fills the holes from the coarser level (push).

    A hinted pixel keeps its color, a single hint colors the whole picture, and no hint leaves it gray.
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
    sides = level.shape[-2:]
    if torch.compiler.is_exporting():
        level = F.pad(level, [room for side in reversed(sides) for room in (0, EXPORTED_SIDE - side)])
    levels = [level]
    while max(levels[-1].shape[-2:]) > 1:
        levels.append(pull(levels[-1]))
    known, weight = levels[-1][:, :-1], levels[-1][:, -1:]
    filled = known / weight.clamp(min=1e-6)
    for depth in reversed(range(len(levels) - 1)):
        if torch.compiler.is_exporting():
            filled = _continue(filled, [(side - 1) // 2 ** (depth + 1) for side in sides])
        filled = _push(filled, levels[depth])
    return filled[..., : sides[0], : sides[1]]


def pull(level: Tensor) -> Tensor:
    """Halve a picture for `pull_push`: each pixel is the mean of the known ones among four."""
    height, width = level.shape[-2:]
    total = 4 * F.avg_pool2d(F.pad(level, (0, width % 2, 0, height % 2)), 2)
    return total / total[:, -1:].clamp(min=1)


def _continue(x: Tensor, last: list[int]) -> Tensor:
    """Let all rows and columns behind a last one be as it is."""
    for dim, at in zip((2, 3), last, strict=True):
        x = x.index_select(dim, torch.arange(x.shape[dim], device=x.device).clamp(max=at))
    return x


def _push(coarse: Tensor, level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    larger = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.addcmul(level[:, :-1] + larger, larger, level[:, -1:], value=-1)
