"""Protocol of Zhang et al. (SIGGRAPH 2017): 6x6 patches around the center."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from chromahint.evaluation.protocols.base import (
    MIN_CHROMA,
    ExtraMetrics,
    LabImages,
    SquareProtocol,
    check_size,
)
from chromahint.hints.eval_positions import patch_positions
from chromahint.hints.hints import Hints
from chromahint.hints.patches import paint_patches
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments

_PATCH = 6


@validate_arguments("protocol")
@dataclass(frozen=True)
class Patches2017(SquareProtocol):
    """Patches of 6x6 pixels around the center, each filled with its mean color (Zhang et al. 2017).

    Positions are normally distributed around the center, with a standard deviation of a quarter of the possible range,
    and clamped to the image. Where patches overlap, the later one wins. PSNR of 8-bit RGB, capped at 100 dB; SSIM of
    8-bit RGB as defined by scikit-image.

    Source: Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization with Learned Deep Priors
    (SIGGRAPH 2017), evaluated on 1,000 ImageNet validation photos squashed to 256x256.

    Args:
        hint_counts: Numbers of patches, distinct and ascending, in 0..size * size.
        size: Height and width of images in pixels.
        seed: Seed of the positions, together with the image's id.
        extra_metrics: Further metrics: flip, lpips.
    """

    name = "patches_2017"
    min_chroma = MIN_CHROMA
    keeps_colorless = True
    reports_auc = False

    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 2, 5, 10, 20, 50, 100, 200, 501])
    size: ImageSize = 256
    seed: Seed = 0
    extra_metrics: ExtraMetrics = field(default_factory=list)

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Paint the first `count` patches of each image (see `HintProtocol.hints`)."""
        check_size(self, truth)
        assert len(ids) == len(truth.ab)
        positions = np.stack([patch_positions(name, self.seed, self.size, self.size, _PATCH, count) for name in ids])
        corner_BK = torch.from_numpy(positions @ [self.size, 1]).to(truth.ab.device)
        step = torch.arange(_PATCH, device=truth.ab.device)
        pixel_BKP = corner_BK[..., None] + (step[:, None] * self.size + step).flatten()
        all_pixels = torch.ones_like(pixel_BKP, dtype=torch.bool)
        return paint_patches(truth.ab, pixel_BKP, all_pixels, all_pixels[..., 0])
