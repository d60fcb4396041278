"""Joint bilateral upsampling of predicted colors to the size of the photo."""

from __future__ import annotations

import torch
from torch import Tensor

_LIGHTNESS_SCALE = 6.0
"""Difference of L at which the weight of a color is halved. Of the values from 3 to 30, it is best on photos upsampled
8 times, and no worse than bilinear interpolation on photos upsampled 4 times (benchmarks/README.md)."""


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
