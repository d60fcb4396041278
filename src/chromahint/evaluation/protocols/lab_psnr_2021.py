"""Protocol of a 2021 course project: PSNR of 8-bit Lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from chromahint.evaluation.metrics import psnr_8bit_lab
from chromahint.evaluation.protocols.base import (
    MIN_CHROMA,
    ExtraMetrics,
    LabImages,
    SquareProtocol,
    check_size,
)
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments


@validate_arguments("protocol")
@dataclass(frozen=True)
class LabPSNR2021(SquareProtocol):
    """Single pixels, and PSNR of the 8-bit Lab tensor, as for the hint-based networks (RES-UNET and others) of 2021.

    Images are 128x128, hints are 1, 3 and 5 % of the pixels. Lightness, which is always correct, is one of the three
    channels, so PSNR is higher than for RGB. The original pools the error of a batch; here each image has its own
    PSNR, capped at 100 dB, and predictions are rounded to 8 bits like the photos. SSIM is that of 8-bit RGB as defined
    by scikit-image.

    Source: a course project on hint-based colorization, 2021, which compares a model based on Zhang et al. 2017 with
    RES-UNET and with networks of several branches.

    Args:
        hint_counts: Numbers of hints, distinct and ascending, in 0..size * size.
        size: Height and width of images in pixels.
        seed: Seed of the positions, together with the image's id. Positions are those of `random_pixels`.
        extra_metrics: Further metrics: flip, lpips.
    """

    name = "lab_psnr_2021"
    metric_description = "PSNR in dB of 8-bit Lab over SSIM of 8-bit RGB"
    min_chroma = MIN_CHROMA
    keeps_colorless = True
    reports_auc = False

    hint_counts: HintCounts = field(default_factory=lambda: [164, 492, 819])
    size: ImageSize = 128
    seed: Seed = 0
    extra_metrics: ExtraMetrics = field(default_factory=list)

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Reveal `count` pixels of each image (see `HintProtocol.hints`)."""
        check_size(self, truth)
        mask = first_k_mask(truth.ab, ids, self.seed, self.size, count, max(self.hint_counts))
        return hints_from_mask(truth.ab, mask)

    def psnr(self, prediction: LabImages, truth: LabImages) -> Tensor:
        """Return the PSNR of the 8-bit Lab tensor."""
        return psnr_8bit_lab((prediction.lightness, prediction.ab), (truth.lightness, truth.ab))
