"""Simulated clicks: a person who clicks where the result is worst, looks, and clicks again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le, MaxLen
from torch import Tensor

from chromahint.evaluation.protocols.base import (
    MIN_CHROMA,
    ExtraMetrics,
    LabImages,
    MinChroma,
    SquareProtocol,
    check_size,
)
from chromahint.evaluation.protocols.local_color import median_color
from chromahint.hints.hints import Hints, no_hints
from chromahint.ranges import HintCounts, ImageSize, validate_arguments


@validate_arguments("protocol")
@dataclass(frozen=True)
class Clicks(SquareProtocol):
    """Simulated clicks: each hint goes where the color difference between result and photo is largest.

    The difference is the Euclidean distance in ab, averaged over a square window with 1/15 of the image's side (17x17
    pixels at 256 px, borders reflected). The click is the pixel with the largest mean difference, the first one in row
    order among equals. Its hint is one pixel with the median a and the median b of the 5x5 pixels around it. The clicks
    depend only on the photo and on the network's own results. If a click leaves its surroundings the worst place, the
    next one hits the same pixel; it counts, but changes nothing.

    Every click from 0 to the largest count is evaluated. A photo that does not reach a target counts as one click more
    than the largest count.

    Args:
        hint_counts: Numbers of clicks that are reported, distinct and ascending, in 0..size * size.
        chooser: `error` clicks where the result is worst, which takes the photo; `model` clicks where the network
            expects one more hint to help most, as a person does who follows its proposals.
        targets: PSNR values in dB for which the number of clicks is reported, distinct and ascending.
        size: Height and width of images in pixels.
        min_chroma: Photos with less chroma, in Lab units, are colorless and left out of means.
        extra_metrics: Further metrics: flip, lpips.
    """

    name = "clicks"
    keeps_colorless = False
    reports_auc = True

    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 2, 3, 5, 10, 20, 50])
    chooser: Literal["error", "model"] = "error"
    targets: Annotated[list[Annotated[float, Gt(0), Le(100)]], MaxLen(100)] = field(
        default_factory=lambda: [26.0, 28.0, 30.0, 32.0]
    )
    size: ImageSize = 256
    min_chroma: MinChroma = MIN_CHROMA
    extra_metrics: ExtraMetrics = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = sorted(set(self.targets))
        if self.targets != valid:
            raise ValueError(
                f"protocol.targets={self.targets}: must be distinct numbers in ascending order. "
                f"Try 'protocol.targets={str(valid).replace(' ', '')}'."
            )

    @property
    def window(self) -> int:
        """Height and width of the window over which differences are averaged, an odd number of pixels."""
        return self.size // 15 // 2 * 2 + 1

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Return no hints for a count of 0, where every photo starts; other counts raise ValueError."""
        if count > 0:
            raise ValueError(
                "protocol=clicks: each click depends on the network's result, so there are no clicks without a "
                "network. Use protocol=regions for clicks that do not depend on the network."
            )
        return no_hints(truth.lightness)

    def next_hints(
        self, result: LabImages, truth: LabImages, hints: Hints, expected_gain: Callable[[Hints], Tensor]
    ) -> Hints:
        """Add one click to each image (see `InteractiveProtocol.next_hints`)."""
        check_size(self, truth)
        if self.chooser == "error":
            row_B, column_B = _first_largest(self.difference(result.ab, truth.ab))
        else:
            gain = expected_gain(hints)
            cell = self.size // gain.shape[-1]
            hinted = F.adaptive_max_pool2d(hints.mask, gain.shape[-2:])
            place = _first_largest(gain.masked_fill(hinted > 0, -torch.inf))
            row_B, column_B = (each * cell + cell // 2 for each in place)
        image = torch.arange(len(row_B), device=row_B.device)
        ab, mask = hints.ab.clone(), hints.mask.clone()
        ab[image, :, row_B, column_B] = median_color(truth.ab, row_B[:, None], column_B[:, None])[:, 0]
        mask[image, 0, row_B, column_B] = 1
        return Hints(ab, mask, hints.global_hints)

    def difference(self, ab: Tensor, truth_ab: Tensor) -> Tensor:
        """Return the smoothed color difference of each pixel, B1HW in Lab units."""
        distance = (ab.float() - truth_ab.float()).norm(dim=1, keepdim=True)
        margin = self.window // 2
        return F.avg_pool2d(F.pad(distance, (margin,) * 4, mode="reflect"), self.window, stride=1)


def _first_largest(values_B1HW: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row and column of the largest value of each image, the first one in row order among equals."""
    values_BN, width = values_B1HW.flatten(1), values_B1HW.shape[-1]
    index = torch.arange(values_BN.shape[1], device=values_BN.device)
    # argmax may return any of several equal maxima
    is_largest = values_BN == values_BN.amax(dim=1, keepdim=True)
    pixel_B = torch.where(is_largest, index, len(index)).amin(dim=1)
    return pixel_B // width, pixel_B % width
