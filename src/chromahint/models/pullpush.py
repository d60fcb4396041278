"""Pull-push interpolation: training-free propagation of hints through an image pyramid, without using lightness."""

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

MAX_EXPORT_SIZE = 512
"""Maximum height and width in an exported network. The depth of its pyramid cannot depend on the image size, so every
image is padded to this size."""


class PullPush(nn.Module):
    """Averages the hints down a pyramid (pull), then fills the holes of each level from the coarser one (push).

    Hinted pixels keep their color. A single hint colors the whole image, and an image without hints stays gray.
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Propagate the hints.

        Args:
            lightness: B1HW; only its size is used.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        return pull_push(torch.cat([hints.ab, hints.mask], dim=1).float())


def pull_push(level: Tensor) -> Tensor:
    """Fill the holes of an image.

    Args:
        level: BCHW; the last channel is the mask, 1 at known pixels and 0 elsewhere. The other channels are 0 where the
            mask is 0.

    Returns:
        The other channels without holes, (B, C - 1, H, W); all 0 if no pixel of the image is known.
    """
    sizes = level.shape[-2:]
    if torch.compiler.is_exporting():
        level = F.pad(level, [amount for size in reversed(sizes) for amount in (0, MAX_EXPORT_SIZE - size)])
    levels = [level]
    while max(levels[-1].shape[-2:]) > 1:
        levels.append(pull(levels[-1]))
    known, weight = levels[-1][:, :-1], levels[-1][:, -1:]
    filled = known / weight.clamp(min=1e-6)
    for depth in reversed(range(len(levels) - 1)):
        if torch.compiler.is_exporting():
            filled = _replicate_border(filled, [(size - 1) // 2 ** (depth + 1) for size in sizes])
        filled = _push(filled, levels[depth])
    return filled[..., : sizes[0], : sizes[1]]


def pull(level: Tensor) -> Tensor:
    """Halve an image BCHW whose last channel is its mask; each pixel is the mean of the known ones of four."""
    height, width = level.shape[-2:]
    padded = F.pad(level, (0, width % 2, 0, height % 2))
    rows = padded[..., ::2, :] + padded[..., 1::2, :]
    total = rows[..., ::2] + rows[..., 1::2]
    return total / total[:, -1:].clamp(min=1)


def _replicate_border(x: Tensor, last: list[int]) -> Tensor:
    """Replace all rows and columns after the last valid ones by copies of it."""
    for dim, index in zip((2, 3), last, strict=True):
        x = x.index_select(dim, torch.arange(x.shape[dim], device=x.device).clamp(max=index))
    return x


def _push(coarse: Tensor, level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    upsampled = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.addcmul(level[:, :-1] + upsampled, upsampled, level[:, -1:], value=-1)
