"""Predicted colors at the size of the photo: joint bilateral upsampling, and the exact colors of hints."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint.hints.sparse_hints import SparseHints

_LIGHTNESS_SCALE = 6.0
"""Difference of L at which the weight of a color is halved. Of the values from 3 to 30, it is best on photos upsampled
8 times, and no worse than bilinear interpolation on photos upsampled 4 times (benchmarks/README.md)."""
_MAX_HINT_ERROR = 8.0
"""Largest difference of ab, in Lab units, at which a single hinted pixel is set to its hint."""


def joint_bilateral_upsample(ab: Tensor, small: Tensor, lightness: Tensor, first: int, height: int) -> Tensor:
    """Upsample colors for some rows of a photo, guided by its lightness (joint bilateral upsampling).

    Each pixel is the mean of the four nearest small pixels. Weights are those of bilinear interpolation, multiplied by
    the similarity of lightness. Rows are independent, so a photo can be processed in chunks.

    Args:
        ab: 12hw in Lab units, predicted for `small`.
        small: Lightness 11hw in 0..100 of the downsampled photo.
        lightness: Lightness 11RW in 0..100 of R rows of the photo.
        first: Index of the first of these rows.
        height: Height of the photo.

    Returns:
        ab 12RW, float32.
    """
    rows, width = lightness.shape[-2:]
    if small.shape[-2:] == (height, width):
        return ab[..., first : first + rows, :]
    device = lightness.device
    row_taps = _linear_taps(torch.arange(first, first + rows, device=device), height, small.shape[-2])
    column_taps = _linear_taps(torch.arange(width, device=device), width, small.shape[-1])
    total, weights = torch.zeros(1, 2, rows, width, device=device), torch.zeros_like(lightness)
    for row, row_weight in row_taps:
        lightness_row, ab_row = small[..., row, :], ab[..., row, :]
        for column, column_weight in column_taps:
            distance = lightness_row[..., column].sub_(lightness).div_(_LIGHTNESS_SCALE).square_()
            weight = (row_weight[:, None] * column_weight).div(distance.add_(1))
            weights += weight
            total.addcmul_(ab_row[..., column], weight)
    return total.div_(weights)


def _linear_taps(position: Tensor, size: int, small: int) -> list[tuple[Tensor, Tensor]]:
    """Return the two small pixels between which each position lies: (indices, weights) of each."""
    center = ((position + 0.5) * (small / size) - 0.5).clamp(min=0, max=small - 1)
    floor = center.floor()
    fraction = center - floor
    lower = floor.long()
    return [(lower, 1 - fraction), ((lower + 1).clamp(max=small - 1), fraction)]


def restore_hint_pixels(ab: Tensor, pixels: SparseHints, first: int) -> None:
    """Set hinted pixels to the color of their hint, inside of hinted areas and where the colors are close anyway.

    A single pixel whose hint the network has not followed would look like a speck.

    Args:
        ab: 12RW of some rows of a photo, in Lab units; modified in place.
        pixels: Hinted pixels of the photo.
        first: Index of the first of the rows.
    """
    rows, width = ab.shape[-2:]
    # include one more row above and below, to know which pixels are inside of an area
    limits = torch.tensor([(first - 1) * width, (first + rows + 1) * width])
    start, end = torch.searchsorted(pixels.flat_index, limits).tolist()
    if start == end:
        return
    index = pixels.flat_index[start:end] - (first - 1) * width
    mask = torch.zeros((rows + 2) * width)
    mask[index] = 1
    mask = mask.view(1, 1, rows + 2, width)
    outside = [row for row, exists in ((0, first > 0), (rows + 1, first + rows < pixels.size[0])) if not exists]
    mask[:, :, outside] = 1  # the border of the image does not end an area
    at_edge = F.max_pool2d(F.pad(1 - mask, (1, 1, 0, 0)), 3, stride=1)[0, 0]
    in_rows = (index >= width) & (index < (rows + 1) * width)
    index, hint = index[in_rows] - width, pixels.ab[start:end][in_rows].T
    colors = ab[0].flatten(1)
    hint, index = hint.to(ab.device), index.to(ab.device)
    is_close = (hint - colors[:, index]).abs().amax(dim=0) <= _MAX_HINT_ERROR
    exact = (at_edge.flatten().to(ab.device)[index] == 0) | is_close
    colors[:, index[exact]] = hint[:, exact]
