"""Clicks or scribbles in the regions of a photo, independent of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
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
from chromahint.evaluation.segmentation import Labels, click_positions, regions, scribble, segment
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import HintCounts, ImageSize, validate_arguments

_MAX_CACHED = 4096
"""Images whose marks are kept."""


@validate_arguments("protocol")
@dataclass(frozen=True)
class Regions(SquareProtocol):
    """One hint per region of similar color, the largest regions first.

    A photo is segmented by color (see `chromahint.evaluation.segmentation`). A click is a single pixel, the innermost
    one of its region, with the median color of the 5x5 pixels around it. Once every region has a click, the region with
    the most pixels per click gets the next. A scribble is a line of single pixels along the medial axis of its region,
    with the photo's color at each pixel. A photo with fewer regions than hints gets a scribble in each of them.

    Args:
        kind: click or scribble.
        hint_counts: Numbers of clicks or scribbles, distinct and ascending, in 0..size * size.
        size: Height and width of images in pixels.
        min_chroma: Photos with less chroma, in Lab units, are colorless and left out of means.
        extra_metrics: Further metrics: flip, lpips.
    """

    name = "regions"
    keeps_colorless = False
    reports_auc = True

    kind: Literal["click", "scribble"] = "click"
    hint_counts: HintCounts = field(default_factory=lambda: [1, 2, 3, 5, 10, 20, 50])
    size: ImageSize = 256
    min_chroma: MinChroma = MIN_CHROMA
    extra_metrics: ExtraMetrics = field(default_factory=list)
    _marks: dict[str, list[NDArray[np.int64]]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Mark the first `count` regions of each image (see `HintProtocol.hints`)."""
        check_size(self, truth)
        assert len(ids) == len(truth.ab)
        if count == 0:
            return hints_from_mask(truth.ab, torch.zeros_like(truth.lightness))
        marks = [self._first_marks(id_, rgb, count) for id_, rgb in zip(ids, truth.rgb, strict=True)]
        if self.kind == "click":
            place_BN2 = torch.from_numpy(np.stack([np.concatenate(each) for each in marks])).to(truth.ab.device)
            return _click_hints(truth.ab, *place_BN2.unbind(dim=2))
        mask = torch.zeros(truth.lightness.shape)
        for image, strokes in enumerate(marks):
            row, column = torch.from_numpy(np.concatenate(strokes)).unbind(dim=1)
            mask[image, 0, row, column] = 1
        return hints_from_mask(truth.ab, mask.to(truth.ab.device))

    def _first_marks(self, image_id: str, rgb: Tensor, count: int) -> list[NDArray[np.int64]]:
        """Return the pixels of each mark, N x 2 rows and columns. Segmentation is slow, so marks are kept by id."""
        key = f"{image_id}/{'' if count <= self.hint_counts[-1] else count}"
        if key not in self._marks:
            while len(self._marks) >= _MAX_CACHED:
                del self._marks[next(iter(self._marks))]
            labels = segment(np.ascontiguousarray(rgb.permute(1, 2, 0).cpu().numpy()))
            self._marks[key] = self._draw(labels, max(count, self.hint_counts[-1]))
        return self._marks[key][:count]

    def _draw(self, labels: Labels, count: int) -> list[NDArray[np.int64]]:
        if self.kind == "click":
            return list(click_positions(labels, count)[:, None])
        return [scribble(region) for region in regions(labels)[:count]]


def _click_hints(ab: Tensor, row_BN: Tensor, column_BN: Tensor) -> Hints:
    """Return hints of single pixels with the median color around them."""
    image = torch.arange(len(ab), device=ab.device)[:, None].expand_as(row_BN)
    hint_ab, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    hint_ab[image, :, row_BN, column_BN] = median_color(ab, row_BN, column_BN)
    mask[image, 0, row_BN, column_BN] = 1
    return Hints(hint_ab, mask)
