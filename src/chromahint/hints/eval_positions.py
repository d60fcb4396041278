"""Where evaluation hints lie: a fixed random order of a picture's pixels, the same on every machine for years.

The order depends on a seed, the picture's id and its size, and on nothing else, and is nested: the first 10 of 100
positions are the 10 positions. It is defined as follows.

1. The key is the BLAKE2b hash, 16 bytes long, of the UTF-8 text `<seed>/<picture id>`, read as two little-endian
   64-bit words.
2. Philox-4x64-10 with that key and counter 0, as in `numpy.random.Philox(key=...)`, gives one raw 64-bit number for
   each pixel, row by row.
3. The order is that of a stable sort of these numbers; the first k pixels are the hints.

Patches around the center take the same numbers two at a time, row before column, each as a share u of 2^64 kept to 53
bits. Of the n places that a patch's first pixel can have along an axis, it takes floor(x), kept to 0..n-1, where x is
the u-quantile of a normal distribution with mean n/2 and standard deviation n/4.
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


def positions(picture_id: str, seed: int, height: int, width: int, count: int) -> NDArray[np.int64]:
    """List the first `count` pixels of a picture's fixed random order.

    Args:
        picture_id: what identifies the picture, such as the hash of its file.
        seed: of the protocol; another seed gives another order.
        height: in pixels.
        width: in pixels.
        count: 0..height * width.

    Returns:
        Flat indices (row * width + column), distinct, read-only, of length `count`.

    >>> positions("a", 0, 256, 256, 3).tolist() == positions("a", 0, 256, 256, 100)[:3].tolist()
    True
    """
    pixels = height * width
    if not 0 <= count <= pixels:
        raise ValueError(
            f"{count} hints for a picture of {height}x{width} pixels: between 0 and {pixels} are allowed. "
            "Ask for fewer hints or a larger picture."
        )
    # the kept length is a power of two, so that neighboring counts share one entry
    kept = min(pixels, 1 << max(8, (count - 1).bit_length()))
    return _first(picture_id, seed, pixels, kept)[:count]


def first_k_mask(like: Tensor, ids: Sequence[str], seed: int, side: int, count: int, often: int = 0) -> Tensor:
    """Mark the first `count` places of each picture's fixed random order.

    Args:
        like: a tensor of B pictures on the wanted device.
        ids: B picture ids.
        seed: of the protocol; another seed gives another order.
        side: places in a row, and rows.
        count: places that are marked.
        often: the largest count that will be asked for, so that each order is worked out once.

    Returns:
        (B, 1, side, side) float32, 1 where it is marked.
    """
    assert len(ids) == len(like)
    places = np.stack([positions(name, seed, side, side, max(count, often))[:count] for name in ids])
    mask = torch.zeros(len(ids), side * side, device=like.device)
    mask.scatter_(1, torch.from_numpy(places).to(like.device), 1.0)
    return mask.view(-1, 1, side, side)


def patch_places(picture_id: str, seed: int, height: int, width: int, side: int, count: int) -> NDArray[np.int64]:
    """List the first `count` square patches of a picture, at normal places around its center; they may overlap.

    Args:
        picture_id: what identifies the picture, such as the hash of its file.
        seed: of the protocol; another seed gives other places.
        height: of the picture in pixels.
        width: of the picture in pixels.
        side: of a patch in pixels, 1..min(height, width).
        count: 0 or more.

    Returns:
        Row and column of each patch's first pixel, of shape (count, 2).

    >>> patch_places("a", 0, 256, 256, 6, 3).tolist() == patch_places("a", 0, 256, 256, 6, 100)[:3].tolist()
    True
    """
    shares = (_numbers(picture_id, seed, 2 * count) >> np.uint64(11)).reshape(count, 2) / 2**53
    ways = (height - side + 1, width - side + 1)
    return np.stack(
        [np.searchsorted(_normal_steps(n), u, side="right") for n, u in zip(ways, shares.T, strict=True)], 1
    )


@functools.lru_cache(maxsize=8)
def _normal_steps(places: int) -> NDArray[np.float64]:
    """The share of a normal distribution that lies below each of the places 1, 2, ..., places - 1."""
    normal = NormalDist(places / 2, places / 4)
    return np.array([normal.cdf(place) for place in range(1, places)])


def _numbers(picture_id: str, seed: int, count: int) -> NDArray[np.uint64]:
    digest = hashlib.blake2b(f"{seed}/{picture_id}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
    return np.random.Philox(key=key).random_raw(count)


@functools.lru_cache(maxsize=128)
def _first(picture_id: str, seed: int, pixels: int, count: int) -> NDArray[np.int64]:
    numbers = _numbers(picture_id, seed, pixels)
    # the same as the first of a stable argsort, several times faster: only numbers up to the last one are sorted
    last = np.partition(numbers, count - 1)[count - 1]
    candidates = np.flatnonzero(numbers <= last)
    order = candidates[np.argsort(numbers[candidates], kind="stable")][:count].astype(np.int64)
    order.setflags(write=False)
    return order
