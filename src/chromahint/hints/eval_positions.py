"""Positions of evaluation hints: a fixed random order of an image's pixels, identical on every machine and version.

The order only depends on a seed and on the id and size of the image. It is nested: the first 10 of 100 positions are
the 10 positions. It is defined as follows.

1. The key is the 16-byte BLAKE2b hash of the UTF-8 text `<seed>/<image id>`, read as two little-endian 64-bit words.
2. Philox-4x64-10 with that key and counter 0, as in `numpy.random.Philox(key=...)`, generates one raw 64-bit number
   per pixel, row by row.
3. A stable sort of these numbers defines the order. The first k pixels are the hints.

Patches around the center use two numbers each, for the row and the column, converted to u in [0, 1) with 53 bits. The
top-left pixel of a patch has n possible positions along an axis. Its position is floor(x), clamped to 0..n-1, where x
is the u-quantile of a normal distribution with mean n/2 and standard deviation n/4.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def positions(image_id: str, seed: int, height: int, width: int, count: int) -> NDArray[np.int64]:
    """Return the first `count` pixels of an image's fixed random order.

    Args:
        image_id: Id of the image, such as the hash of its file.
        seed: Seed of the protocol.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        count: Number of positions, 0..height * width.

    Returns:
        Distinct flat indices (row * width + column) of length `count`, read-only.

    >>> positions("a", 0, 256, 256, 3).tolist() == positions("a", 0, 256, 256, 100)[:3].tolist()
    True
    """
    pixels = height * width
    if not 0 <= count <= pixels:
        raise ValueError(
            f"{count} hints: images of {height}x{width} pixels allow 0 to {pixels}. Use fewer hints or larger images."
        )
    # round up to a power of two, so that similar counts share one cache entry
    cached = min(pixels, 1 << max(8, (count - 1).bit_length()))
    return _first_positions(image_id, seed, pixels, cached)[:count]


def first_k_mask(like: Tensor, ids: Sequence[str], seed: int, size: int, count: int, max_count: int = 0) -> Tensor:
    """Return a mask of the first `count` positions of each image's fixed random order.

    Args:
        like: Tensor with a batch of B images, on the device of the mask.
        ids: Ids of the B images.
        seed: Seed of the protocol.
        size: Height and width of the mask.
        count: Number of positions.
        max_count: Largest count that later calls will use, so that each order is computed only once.

    Returns:
        (B, 1, size, size) float32, 1 at the first `count` positions.
    """
    assert len(ids) == len(like)
    indices = np.stack([positions(image_id, seed, size, size, max(count, max_count))[:count] for image_id in ids])
    mask = torch.zeros(len(ids), size * size, device=like.device)
    mask.scatter_(1, torch.from_numpy(indices).to(like.device), 1.0)
    return mask.view(-1, 1, size, size)


def patch_positions(
    image_id: str, seed: int, height: int, width: int, patch_size: int, count: int
) -> NDArray[np.int64]:
    """Return the first `count` square patches of an image, normally distributed around its center; they may overlap.

    Args:
        image_id: Id of the image, such as the hash of its file.
        seed: Seed of the protocol.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        patch_size: Height and width of a patch in pixels, 1..min(height, width).
        count: Number of patches.

    Returns:
        Row and column of the top-left pixel of each patch, (count, 2).

    >>> patch_positions("a", 0, 256, 256, 6, 3).tolist() == patch_positions("a", 0, 256, 256, 6, 100)[:3].tolist()
    True
    """
    uniform = (_random_numbers(image_id, seed, 2 * count) >> np.uint64(11)).reshape(count, 2) / 2**53
    ranges = (height - patch_size + 1, width - patch_size + 1)
    return np.stack(
        [np.searchsorted(_normal_cdf(n), u, side="right") for n, u in zip(ranges, uniform.T, strict=True)], 1
    )


@functools.lru_cache(maxsize=8)
def _normal_cdf(n: int) -> NDArray[np.float64]:
    """Return the CDF of a normal distribution with mean n/2 and standard deviation n/4 at 1, 2, ..., n - 1."""
    normal = NormalDist(n / 2, n / 4)
    return np.array([normal.cdf(x) for x in range(1, n)])


def _random_numbers(image_id: str, seed: int, count: int) -> NDArray[np.uint64]:
    digest = hashlib.blake2b(f"{seed}/{image_id}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
    return np.random.Philox(key=key).random_raw(count)


@functools.lru_cache(maxsize=128)
def _first_positions(image_id: str, seed: int, pixels: int, count: int) -> NDArray[np.int64]:
    numbers = _random_numbers(image_id, seed, pixels)
    # same as the first entries of a stable argsort, but several times faster: sort only the `count` smallest numbers
    last = np.partition(numbers, count - 1)[count - 1]
    candidates = np.flatnonzero(numbers <= last)
    order = candidates[np.argsort(numbers[candidates], kind="stable")][:count].astype(np.int64)
    order.setflags(write=False)
    return order
