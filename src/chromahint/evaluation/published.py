"""Protocols of published systems, each with its own hints, size and PSNR: figures of two of them don't compare.

Places are fixed by seed and picture, as in every protocol here; the systems themselves drew them anew, or from files.

Shape suffixes: B batch, K patches, P pixels of a patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from chromahint.color import lab_to_rgb
from chromahint.evaluation.metrics import psnr_8bit_lab, psnr_float, ssim
from chromahint.evaluation.protocols import (
    RGB_MEASURES,
    Figures,
    Pictures,
    RandomPixels,
    check_counts,
    check_size,
    measure_rgb,
)
from chromahint.hints.eval_positions import mark, patch_places
from chromahint.hints.hints import Hints
from chromahint.hints.patches import fill_cells, paint_patches

_PATCH = 6
_CELL = 2


@dataclass(frozen=True)
class LabPSNR2021(RandomPixels):
    """Single pixels, and PSNR of the 8-bit Lab tensor, as in the hint-based networks (RES-UNET and others) of 2021.

    Their pictures are 128x128, their hints 1, 3 and 5 % of the pixels. Lightness, which is always right, counts among
    the three channels, so the figures lie above those of RGB. They pooled the error of a batch; here each picture has
    its own PSNR, capped at 100 dB, and the network's colours are rounded to 8 bits as the photo's are. SSIM is that of
    8-bit RGB as scikit-image does it.

    Source: a course project on hint-based colorization, 2021, which compares a base model after Zhang et al. 2017 with
    RES-UNET and with networks of several branches.

    Args:
        counts: numbers of hints that are tried: distinct, ascending, 0..size * size.
        size: height and width of the pictures in pixels, 7 or more.
        seed: chooses the places, together with the picture's id; they are those of `random_pixels`.
    """

    name = "lab_psnr_2021"
    measures = "PSNR in dB of 8-bit Lab over SSIM of 8-bit RGB"

    counts: list[int] = field(default_factory=lambda: [164, 492, 819])
    size: int = 128
    seed: int = 0

    def measure(self, prediction: Pictures, truth: Pictures) -> Figures:
        """PSNR of the 8-bit Lab tensor; SSIM of 8-bit RGB."""
        lab = psnr_8bit_lab((prediction.lightness, prediction.ab), (truth.lightness, truth.ab))
        return Figures(lab, ssim(prediction.rgb, truth.rgb))


@dataclass(frozen=True)
class Patches2017:
    """Patches of 6x6 pixels around the centre, each holding its mean colour (Zhang et al. 2017).

    Places are normal around the centre with a standard deviation of a quarter of the free way, kept inside the picture.
    Patches may overlap; then the later one counts. PSNR of 8-bit RGB, capped at 100 dB; SSIM of 8-bit RGB as
    scikit-image does it.

    Source: Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization with Learned Deep Priors
    (SIGGRAPH 2017), its sweep over 1,000 ImageNet validation photos squashed to 256x256.

    Args:
        counts: numbers of patches that are tried: distinct, ascending, 0..size * size.
        size: height and width of the pictures in pixels, 7 or more.
        seed: chooses the places, together with the picture's id.
    """

    name = "patches_2017"
    measures = RGB_MEASURES

    counts: list[int] = field(default_factory=lambda: [0, 1, 2, 5, 10, 20, 50, 100, 200, 501])
    size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(self.counts, self.size, self.most, "size * size")

    @property
    def most(self) -> int:
        """Patches may overlap, so this only keeps their number sane."""
        return self.size**2

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Paint the first `count` patches of each picture; see `HintProtocol.hints`."""
        check_size(self, ab)
        assert len(ids) == len(ab)
        places = np.stack([patch_places(name, self.seed, self.size, self.size, _PATCH, count) for name in ids])
        corner_BK = torch.from_numpy(places @ [self.size, 1]).to(ab.device)
        step = torch.arange(_PATCH, device=ab.device)
        pixel_BKP = corner_BK[..., None] + (step[:, None] * self.size + step).flatten()
        everywhere = torch.ones_like(pixel_BKP, dtype=torch.bool)
        return paint_patches(ab, pixel_BKP, everywhere, everywhere[..., 0])

    def measure(self, prediction: Pictures, truth: Pictures) -> Figures:
        """PSNR and SSIM of 8-bit RGB."""
        return measure_rgb(prediction, truth)


@dataclass(frozen=True)
class Cells2023:
    """Distinct 2x2 cells of a grid, uniform over the picture, each holding its mean colour (iColoriT, 2023).

    PSNR of RGB that is not rounded to 8 bits, each picture capped at 50 dB; SSIM of 8-bit RGB as scikit-image does it.
    Where `size` is odd, the last row and column are never marked.

    Source: Yun, Lee, Park, Choo: iColoriT, Towards Propagating Local Hint to the Right Region in Interactive
    Colorization by Leveraging Vision Transformer (WACV 2023), its evaluation on pictures squashed to 224x224.

    Args:
        counts: numbers of cells that are tried: distinct, ascending, 0..(size // 2) ** 2.
        size: height and width of the pictures in pixels, 7 or more.
        seed: chooses the places, together with the picture's id.
    """

    name = "cells_2023"
    measures = "PSNR in dB of unrounded RGB, at most 50 a picture, over SSIM of 8-bit RGB"

    counts: list[int] = field(default_factory=lambda: [0, 1, 2, 5, 10, 20, 50, 100, 200])
    size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(self.counts, self.size, self.most, "(size // 2) ** 2")

    @property
    def most(self) -> int:
        """All cells of the grid."""
        return (self.size // _CELL) ** 2

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Fill `count` cells of each picture; see `HintProtocol.hints`."""
        check_size(self, ab)
        return fill_cells(ab, mark(ab, ids, self.seed, self.size // _CELL, count, max(self.counts)), _CELL)

    def measure(self, prediction: Pictures, truth: Pictures) -> Figures:
        """PSNR of unrounded RGB, at most 50 dB; SSIM of 8-bit RGB."""
        rgb = lab_to_rgb(prediction.lightness, prediction.ab)
        return Figures(psnr_float(rgb, truth.rgb.float() / 255, most=50.0), ssim(prediction.rgb, truth.rgb))
