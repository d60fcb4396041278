"""Default protocol: single pixels at random positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chromahint.evaluation.protocols.base import (
    MIN_CHROMA,
    ExtraMetrics,
    LabImages,
    MinChroma,
    SquareProtocol,
    check_size,
)
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments


@validate_arguments("protocol")
@dataclass(frozen=True)
class RandomPixels(SquareProtocol):
    """Single pixels at random positions; 328 and 1,966 hints are 0.5 % and 3 % of an image of 256x256.

    PSNR of 8-bit RGB, capped at 100 dB; SSIM of 8-bit RGB as defined by scikit-image.

    Args:
        hint_counts: Numbers of hints, distinct and ascending, in 0..size * size.
        size: Height and width of images in pixels.
        seed: Seed of the positions, together with the image's id.
        min_chroma: Photos with less chroma, in Lab units, are colorless and left out of means.
        extra_metrics: Further metrics: flip, lpips.
    """

    name = "random_pixels"
    keeps_colorless = False
    reports_auc = False

    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 10, 100, 328, 1966])
    size: ImageSize = 256
    seed: Seed = 0
    min_chroma: MinChroma = MIN_CHROMA
    extra_metrics: ExtraMetrics = field(default_factory=list)

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Reveal `count` pixels of each image (see `HintProtocol.hints`)."""
        check_size(self, truth)
        mask = first_k_mask(truth.ab, ids, self.seed, self.size, count, max(self.hint_counts))
        return hints_from_mask(truth.ab, mask)
