"""The 313 color bins of Zhang et al. 2016: a grid of ab, 10 Lab units apart, around the sRGB gamut.

A bin belongs to them if it, or one of its eight neighbors on the grid, lies in the convex hull of all sRGB colors in
the ab plane. This gives exactly the bins that the authors published.

Shape suffixes: B batch, H height, W width, N colors, Q bins, K nearest bins.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.color import AB_LIMIT

NUM_GAMUT_BINS = 313
BIN_SIZE = 10.0
NUM_NEIGHBORS = 5
"""Bins that share a color in `soft_encode`."""
SIGMA = 5.0
"""Standard deviation, in Lab units, of the weights in `soft_encode`."""

_CUBE_SAMPLES = 9
_HISTOGRAM_STRIDE = 4


class SoftEncoding(NamedTuple):
    """Colors as weights of their nearest bins.

    Attributes:
        bins: NK int64, the nearest bin first.
        weights: NK float32; those of a color sum to 1.
    """

    bins: Tensor
    weights: Tensor


def gamut_bins(device: torch.device | str = "cpu") -> Tensor:
    """Return the ab of each bin, (313, 2) float32 in Lab units, sorted by a, then by b.

    >>> gamut_bins()[0].tolist(), len(gamut_bins())
    ([-90.0, 50.0], 313)
    """
    return torch.tensor(_gamut_bins(), device=device)


@functools.cache
def _gamut_bins() -> NDArray[np.float32]:
    # NumPy, because networks are also built on fake tensors, which have no values
    from scipy.ndimage import binary_dilation
    from scipy.spatial import ConvexHull
    from skimage.color import rgb2lab

    levels = np.linspace(0, 1, _CUBE_SAMPLES)
    cube_ab = rgb2lab(np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3))[:, 1:]
    edges = ConvexHull(cube_ab).equations
    axis = np.arange(-AB_LIMIT, AB_LIMIT + 1, BIN_SIZE)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    inside = (grid @ edges[:, :2].T + edges[:, 2] <= 0).all(axis=-1)
    kept: NDArray[np.float32] = grid[binary_dilation(inside, np.ones((3, 3)))].astype(np.float32)
    return kept


def soft_encode(ab: Tensor) -> SoftEncoding:
    """Spread each color over its five nearest bins, with Gaussian weights.

    Args:
        ab: N2 in Lab units.
    """
    # written out, as torch.cdist without a matrix product has no ONNX translation
    squares = (ab.float()[:, None] - gamut_bins(ab.device)).square().sum(dim=2)
    nearest, bins = squares.topk(NUM_NEIGHBORS, dim=1, largest=False)
    # a color far outside of the gamut would underflow without the difference
    weights = torch.exp((nearest[:, :1] - nearest) / (2 * SIGMA**2))
    return SoftEncoding(bins, weights / weights.sum(dim=1, keepdim=True))


def ab_histogram(ab: Tensor) -> Tensor:
    """Return the distribution of an image's colors over the bins, softly encoded at every fourth pixel.

    Args:
        ab: B2HW in Lab units.

    Returns:
        (B, 313) float32; each row sums to 1.
    """
    samples_BN2 = ab[..., ::_HISTOGRAM_STRIDE, ::_HISTOGRAM_STRIDE].flatten(2).transpose(1, 2)
    batch, count, _ = samples_BN2.shape
    bins, weights = soft_encode(samples_BN2.reshape(-1, 2))
    histogram = ab.new_zeros(batch, NUM_GAMUT_BINS, dtype=torch.float32)
    return histogram.scatter_add_(1, bins.view(batch, -1), weights.view(batch, -1) / count)
