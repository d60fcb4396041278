"""Palettes of images, by k-means of their colors.

Shape suffixes: B batch, C the two color channels, H height, W width, Q bins, N pixels, P slots of a palette.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.color import rgb_to_lab
from chromahint.hints.gamut_bins import NUM_GAMUT_BINS, gamut_bins
from chromahint.hints.global_hints import MAX_PALETTE

_ITERATIONS = 10
_SAMPLES_PER_SIDE = 64
"""A palette is that of at most this many rows and columns, evenly spread."""

_IMAGE_SIDE = 512
"""Longer side in pixels to which an image is shrunk."""


def image_palette(image: NDArray[np.uint8], num_colors: int) -> tuple[Tensor, Tensor]:
    """Return the main colors of an RGB image HxWx3 of any size: palette 1P2 in Lab units, and weights 1P."""
    scale = min(1.0, _IMAGE_SIDE / max(image.shape[:2]))
    height, width = (max(1, round(length * scale)) for length in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    _, ab = rgb_to_lab(torch.from_numpy(small).permute(2, 0, 1)[None])
    return extract_palette(ab, num_colors)


def extract_palette(ab: Tensor, num_colors: Tensor | int) -> tuple[Tensor, Tensor]:
    """Return the main colors of each image, the most frequent first.

    Colors of the same bin of `gamut_bins` are averaged, and the averages are clustered. The first center is the most
    frequent color; each following one has the largest product of frequency and squared distance to those before.

    Args:
        ab: B2HW in Lab units.
        num_colors: B int64, or one number for all images: colors of the palette, 1 to 7. An image with fewer different
            colors has a smaller palette.

    Returns:
        Palette BP2 in Lab units and weights BP with the sum 1; 0 in empty slots.
    """
    points_BQ2, weights_BQ = _bin_means(ab)
    batch, device = len(ab), ab.device
    counts_B = torch.as_tensor(num_colors, device=device).expand(batch)
    first_B = weights_BQ.argmax(dim=1)
    centers = _pick(points_BQ2, first_B)[:, None].repeat(1, MAX_PALETTE, 1)
    active = torch.zeros(batch, MAX_PALETTE, dtype=torch.bool, device=device)
    active[:, 0] = True
    for slot in range(1, MAX_PALETTE):
        gain_BQ = weights_BQ * _squared_distances(points_BQ2, centers, active).amin(dim=2)
        best_B, index_B = gain_BQ.max(dim=1)
        active[:, slot] = (counts_B > slot) & (best_B > 0)
        centers[:, slot] = _pick(points_BQ2, index_B)
    totals_BP = weights_BQ.new_zeros(batch, MAX_PALETTE)
    for _ in range(_ITERATIONS):
        nearest_BQ = _squared_distances(points_BQ2, centers, active).argmin(dim=2)
        share_BQP = torch.nn.functional.one_hot(nearest_BQ, MAX_PALETTE) * weights_BQ[..., None]
        totals_BP = share_BQP.sum(dim=1)
        means = share_BQP.transpose(1, 2) @ points_BQ2 / totals_BP.clamp(min=1e-12)[..., None]
        centers = torch.where((totals_BP > 0)[..., None], means, centers)
    weights, order = totals_BP.sort(dim=1, descending=True, stable=True)
    palette = centers.gather(1, order[..., None].expand(-1, -1, 2))
    return palette * (weights > 0)[..., None], weights


def _bin_means(ab_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean color BQ2 of the pixels in each bin, and the share BQ of the pixels."""
    steps = [-(-size // _SAMPLES_PER_SIDE) for size in ab_BCHW.shape[-2:]]
    colors_BN2 = ab_BCHW[..., :: steps[0], :: steps[1]].float().flatten(2).transpose(1, 2)
    bins_BN = torch.cdist(colors_BN2, gamut_bins(ab_BCHW.device).expand(len(ab_BCHW), -1, -1)).argmin(dim=2)
    ones = torch.ones_like(colors_BN2[..., :1])
    sums = colors_BN2.new_zeros(len(ab_BCHW), NUM_GAMUT_BINS, 3)
    sums = sums.scatter_add_(1, bins_BN[..., None].expand(-1, -1, 3), torch.cat([colors_BN2, ones], dim=2))
    counts_BQ = sums[..., 2]
    return sums[..., :2] / counts_BQ.clamp(min=1)[..., None], counts_BQ / colors_BN2.shape[1]


def _squared_distances(points_BQ2: Tensor, centers_BP2: Tensor, active_BP: Tensor) -> Tensor:
    """Return the squared distance BQP between points and centers; infinite for inactive ones."""
    squares = (points_BQ2[:, :, None] - centers_BP2[:, None]).square().sum(dim=3)
    return squares.masked_fill(~active_BP[:, None], torch.inf)


def _pick(points_BQ2: Tensor, index_B: Tensor) -> Tensor:
    return points_BQ2.gather(1, index_B[:, None, None].expand(-1, 1, 2))[:, 0]
