"""Palettes: does the mood of a result follow the palette, alone and next to a few points?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

import torch
from torch import Tensor

from chromahint.color import rgb_to_lab
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.protocols.base import (
    MIN_CHROMA,
    ExtraMetrics,
    LabImages,
    MinChroma,
    Scores,
    SquareProtocol,
    check_size,
)
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.gamut_bins import ab_histogram
from chromahint.hints.global_hints import from_palette
from chromahint.hints.global_sampler import PaletteSize
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.hints.palettes import extract_palette
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments


@validate_arguments("protocol")
@dataclass(frozen=True)
class Palette(SquareProtocol):
    """A palette by k-means, and single pixels at the random positions of `random_pixels`.

    The palette is that of the photo itself, or that of another picture: one of eleven that come with scikit-image,
    which depends on the pixels of the photo. The histogram intersection is the share of colors, by the 313 bins, that a
    result has in common with the photo or with the other picture: 1 for the same distribution of colors.

    Args:
        palette: Palette that the network gets: none, own, or other.
        histogram_of: Picture whose histogram the result is compared with: own or other. None is the one that the
            palette is from; own without a palette.
        num_colors: Colors of the palette, 1 to 7.
        hint_counts: Numbers of pixels next to the palette, distinct and ascending, in 0..size * size.
        size: Height and width of images in pixels.
        seed: Seed of the positions, together with the image's id.
        min_chroma: Photos with less chroma, in Lab units, are colorless and left out of means.
        extra_metrics: Further metrics: flip, lpips.
    """

    keeps_colorless = False
    reports_auc = False

    palette: Literal["none", "own", "other"] = "own"
    histogram_of: Literal["own", "other"] | None = None
    num_colors: PaletteSize = 5
    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 5, 10])
    size: ImageSize = 256
    seed: Seed = 0
    min_chroma: MinChroma = MIN_CHROMA
    extra_metrics: ExtraMetrics = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name with the palette, since results with different ones are not comparable."""
        other = "" if self._compares_with_other == (self.palette == "other") else f"_compared_with_{self.histogram_of}"
        return f"palette_{self.palette}{other}"

    @property
    def _compares_with_other(self) -> bool:
        return (self.histogram_of or self.palette) == "other"

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Reveal `count` pixels of each image, and its palette (see `HintProtocol.hints`)."""
        check_size(self, truth)
        mask = first_k_mask(truth.ab, ids, self.seed, self.size, count, max(self.hint_counts))
        hints = hints_from_mask(truth.ab, mask)
        if self.palette == "none":
            return hints
        source = other_pictures(truth.rgb) if self.palette == "other" else truth.ab
        return hints._replace(global_hints=from_palette(*extract_palette(source, self.num_colors)))

    def measure(self, prediction: LabImages, truth: LabImages) -> Scores:
        """Return all metrics, and the histogram intersection."""
        expected = other_pictures(truth.rgb) if self._compares_with_other else truth.ab
        overlap = torch.minimum(ab_histogram(rgb_to_lab(prediction.rgb)[1]), ab_histogram(expected)).sum(dim=1)
        return super().measure(prediction, truth) | {"histogram_intersection": overlap}


def other_pictures(rgb: Tensor) -> Tensor:
    """Return the ab B2HW, in Lab units, of another picture for each photo B3HW uint8; it depends on its pixels only."""
    tiles = NaturalTiles()
    chosen = []
    for photo in rgb.cpu().numpy():
        digest = blake2b(photo.tobytes(), digest_size=8).digest()
        tile = torch.from_numpy(tiles.read(int.from_bytes(digest, "little") % len(tiles)).copy())
        chosen.append(rgb_to_lab(tile.permute(2, 0, 1)[None])[1])
    return torch.cat(chosen).to(rgb.device)
