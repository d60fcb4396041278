"""Bring the colors that a network gave for a small image up to the photo's own size, along its edges."""

from __future__ import annotations

import torch
from torch import Tensor

_ALIKE = 6.0
"""Units of L: a color counts half for a pixel whose lightness is that far from where the color was given. Of 3 to 30
the best on photos at an eighth of their size, and no worse than plain bilinear at a quarter (benchmarks/README.md)."""


def joint_bilateral_upsample(ab: Tensor, small: Tensor, lightness: Tensor, first: int, height: int) -> Tensor:
    """Color some rows of a photo from a small colored one (joint bilateral upsampling).

    Each pixel takes the mean of the four nearest small pixels, weighted as in bilinear interpolation and by how near
    their lightness is to its own. Rows depend on no other rows, so a photo may be colored strip by strip.

    Args:
        ab: 12hw in Lab units.
        small: lightness 11hw in 0..100, which `ab` was given for.
        lightness: 11RW of R rows of the photo.
        first: which row of the photo the first of these is.
        height: of the photo.

    Returns:
        ab 12RW, float32.
    """
    rows, width = lightness.shape[-2:]
    if small.shape[-2:] == (height, width):
        return ab[..., first : first + rows, :]
    device = lightness.device
    downs = _taps(torch.arange(first, first + rows, device=device), height, small.shape[-2])
    acrosses = _taps(torch.arange(width, device=device), width, small.shape[-1])
    total, weights = torch.zeros(1, 2, rows, width, device=device), torch.zeros_like(lightness)
    for row, down in downs:
        lightness_row, ab_row = small[..., row, :], ab[..., row, :]
        for column, across in acrosses:
            apart = lightness_row[..., column].sub_(lightness).div_(_ALIKE).square_()
            weight = (down[:, None] * across).div(apart.add_(1))
            weights += weight
            total.addcmul_(ab_row[..., column], weight)
    return total.div_(weights)


def _taps(place: Tensor, size: int, small: int) -> list[tuple[Tensor, Tensor]]:
    """The two small pixels that each place lies between, as indices, and the share of each."""
    middle = ((place + 0.5) * (small / size) - 0.5).clamp(min=0, max=small - 1)
    before = middle.floor()
    share = middle - before
    lower = before.long()
    return [(lower, 1 - share), ((lower + 1).clamp(max=small - 1), share)]
