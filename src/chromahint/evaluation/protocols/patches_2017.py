"""The protocol of Zhang et al. (SIGGRAPH 2017): 6x6 patches around the center."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from chromahint.evaluation.protocols.base import (
    RGB_METRICS,
    ImageScores,
    LabImages,
    check_counts,
    check_size,
    measure_rgb,
)
from chromahint.hints.eval_positions import patch_positions
from chromahint.hints.hints import Hints
from chromahint.hints.patches import paint_patches
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments

_PATCH = 6


@validate_arguments("protocol")
@dataclass(frozen=True)
class Patches2017:
    """Patches of 6x6 pixels around the center, each holding its mean color (Zhang et al. 2017).

    Places are normal around the center with a standard deviation of a quarter of the free way, kept inside the image.
    Patches may overlap; then the later one counts. PSNR of 8-bit RGB, capped at 100 dB; SSIM of 8-bit RGB as
    scikit-image does it.

    Source: Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization with Learned Deep Priors
    (SIGGRAPH 2017), its sweep over 1,000 ImageNet validation photos squashed to 256x256.

    Args:
        counts: numbers of patches that are tried: distinct, ascending, 0..size * size.
        size: height and width of the images in pixels, 7 or more.
        seed: chooses the places, together with the image's id.
    """

    name = "patches_2017"
    metric_description = RGB_METRICS

    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 2, 5, 10, 20, 50, 100, 200, 501])
    size: ImageSize = 256
    seed: Seed = 0

    def __post_init__(self) -> None:
        check_counts(self.hint_counts, self.size, self.max_hints, "size * size")

    @property
    def max_hints(self) -> int:
        """Patches may overlap, so this only keeps their number sane."""
        return self.size**2

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Paint the first `count` patches of each image; see `HintProtocol.hints`."""
        check_size(self, ab)
        assert len(ids) == len(ab)
        places = np.stack([patch_positions(name, self.seed, self.size, self.size, _PATCH, count) for name in ids])
        corner_BK = torch.from_numpy(places @ [self.size, 1]).to(ab.device)
        step = torch.arange(_PATCH, device=ab.device)
        pixel_BKP = corner_BK[..., None] + (step[:, None] * self.size + step).flatten()
        everywhere = torch.ones_like(pixel_BKP, dtype=torch.bool)
        return paint_patches(ab, pixel_BKP, everywhere, everywhere[..., 0])

    def measure(self, prediction: LabImages, truth: LabImages) -> ImageScores:
        """PSNR and SSIM of 8-bit RGB."""
        return measure_rgb(prediction, truth)
