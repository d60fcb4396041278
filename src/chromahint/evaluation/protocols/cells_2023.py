"""Protocol of iColoriT (WACV 2023): 2x2 cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from chromahint.color import lab_to_rgb
from chromahint.evaluation.metrics import psnr_float
from chromahint.evaluation.protocols.base import (
    MIN_CHROMA,
    ExtraMetrics,
    LabImages,
    SquareProtocol,
    check_size,
)
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import Hints
from chromahint.hints.patches import fill_cells
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments

_CELL = 2


@validate_arguments("protocol")
@dataclass(frozen=True)
class Cells2023(SquareProtocol):
    """Distinct 2x2 cells of a grid, uniformly distributed, each filled with its mean color (iColoriT, 2023).

    PSNR of RGB without rounding to 8 bits, capped at 50 dB per image; SSIM of 8-bit RGB as defined by scikit-image.
    If `size` is odd, the last row and column have no hints.

    Source: Yun, Lee, Park, Choo: iColoriT, Towards Propagating Local Hint to the Right Region in Interactive
    Colorization by Leveraging Vision Transformer (WACV 2023), its evaluation on images squashed to 224x224.

    Args:
        hint_counts: Numbers of cells, distinct and ascending, in 0..(size // 2) ** 2.
        size: Height and width of images in pixels.
        seed: Seed of the positions, together with the image's id.
        extra_metrics: Further metrics: flip, lpips.
    """

    name = "cells_2023"
    metric_description = "PSNR in dB of unrounded RGB, at most 50 per image, over SSIM of 8-bit RGB"
    max_hints_formula = "(size // 2) ** 2"
    min_chroma = MIN_CHROMA
    keeps_colorless = True
    reports_auc = False

    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 2, 5, 10, 20, 50, 100, 200])
    size: ImageSize = 224
    seed: Seed = 0
    extra_metrics: ExtraMetrics = field(default_factory=list)

    @property
    def max_hints(self) -> int:
        """The number of cells."""
        return (self.size // _CELL) ** 2

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Fill `count` cells of each image (see `HintProtocol.hints`)."""
        check_size(self, truth)
        cells = first_k_mask(truth.ab, ids, self.seed, self.size // _CELL, count, max(self.hint_counts))
        return fill_cells(truth.ab, cells, _CELL)

    def psnr(self, prediction: LabImages, truth: LabImages) -> Tensor:
        """Return the PSNR of unrounded RGB, at most 50 dB."""
        rgb = lab_to_rgb(prediction.lightness, prediction.ab)
        return psnr_float(rgb, truth.rgb.float() / 255, max_psnr=50.0)
