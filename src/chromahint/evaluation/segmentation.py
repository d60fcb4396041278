"""Deterministic image segmentation, and where a person would click or scribble in each region.

The segmentation is the graph-based one of Felzenszwalb and Huttenlocher (2004) on 4-connected pixels. It is our own, so
that a library's new default never moves an evaluation hint; it uses integers and correctly rounded float64 operations
alone, so that all machines find the same regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int64]
"""HxW, the region of each pixel, numbered from 0 by size, the largest first."""

_BINOMIAL = np.array([1, 4, 6, 4, 1])


def segment(rgb: NDArray[np.uint8], scale: float = 200.0, min_size: float = 1 / 500) -> Labels:
    """Split an image into regions of similar color.

    Args:
        rgb: HxWx3 uint8.
        scale: larger values give larger regions.
        min_size: smaller regions are merged into a neighbor; a fraction of the image.
    """
    height, width = rgb.shape[:2]
    smooth = rgb.astype(np.int64)
    for axis in (0, 1):
        padded = np.pad(smooth, [(2, 2) if a == axis else (0, 0) for a in range(3)], mode="edge")
        length = smooth.shape[axis]
        smooth = sum(weight * padded.take(range(k, k + length), axis=axis) for k, weight in enumerate(_BINOMIAL))
    index = np.arange(height * width).reshape(height, width)
    first = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    second = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    flat = smooth.reshape(-1, 3)
    distance = np.sqrt(np.square(flat[first] - flat[second]).sum(axis=1).astype(np.float64)) / 256
    order = np.argsort(distance, kind="stable")
    roots = _merge(first[order], second[order], distance[order], height * width, scale, min_size * height * width)
    _, labels, sizes = np.unique(roots, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[labels].reshape(height, width)


def _merge(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    distance: NDArray[np.float64],
    pixels: int,
    scale: float,
    min_size: float,
) -> NDArray[np.int64]:
    """Merge along edges, the most similar pixels first; returns the root of each pixel's region."""
    parent, size, limit = list(range(pixels)), [1] * pixels, [scale] * pixels

    def root(pixel: int) -> int:
        while parent[pixel] != pixel:
            parent[pixel] = pixel = parent[parent[pixel]]
        return pixel

    edges = list(zip(first.tolist(), second.tolist(), distance.tolist(), strict=True))
    left = []
    for a, b, apart in edges:
        a, b = root(a), root(b)
        if a == b:
            continue
        if apart <= limit[a] and apart <= limit[b]:
            a, b = min(a, b), max(a, b)
            parent[b] = a
            size[a] += size[b]
            limit[a] = apart + scale / size[a]
        else:
            left.append((a, b))
    for a, b in left:
        a, b = root(a), root(b)
        if a != b and min(size[a], size[b]) < min_size:
            a, b = min(a, b), max(a, b)
            parent[b] = a
            size[a] += size[b]
    return np.array([root(pixel) for pixel in range(pixels)])


@dataclass(frozen=True)
class Region:
    """One region in its bounding box.

    Attributes:
        row: top row of the box.
        column: left column of the box.
        mask: True inside the region, with a border of one pixel outside.
    """

    row: int
    column: int
    mask: NDArray[np.bool_]


def regions(labels: Labels) -> list[Region]:
    """The regions of a segmentation, the largest first."""
    boxes = ndimage.find_objects(labels + 1)
    return [Region(box[0].start, box[1].start, np.pad(labels[box] == number, 1)) for number, box in enumerate(boxes)]


def click_positions(labels: Labels, count: int) -> NDArray[np.int64]:
    """Where a person would click, the largest regions first.

    The first click in a region is at its innermost pixel. Once each region has one, the region with most pixels per
    click gets the next, at the pixel that is farthest from the region's border and from its earlier clicks.

    Returns:
        count x 2, row and column. The positions of a smaller count are the first ones of a larger count.
    """
    every = regions(labels)
    areas = np.array([region.mask.sum() for region in every], dtype=np.float64)
    free = [region.mask.copy() for region in every]
    clicks = np.zeros(len(every), dtype=np.int64)
    positions: list[tuple[int, int]] = []
    while len(positions) < count:
        if clicks.min() == 0:
            number = int(np.argmin(clicks > 0))
        else:
            number = int(np.argmax(areas / (clicks + 1) * [mask.any() for mask in free]))
        inside = ndimage.distance_transform_edt(free[number])
        row, column = divmod(int(np.argmax(inside)), inside.shape[1])
        free[number][row, column] = False
        clicks[number] += 1
        positions.append((every[number].row + row - 1, every[number].column + column - 1))
    return np.array(positions, dtype=np.int64).reshape(-1, 2)


def scribble(region: Region) -> NDArray[np.int64]:
    """A stroke along the medial axis of a region: the longest path through its skeleton, N x 2 rows and columns."""
    skeleton = _thin(region.mask)
    pixels = np.argwhere(skeleton)
    graph: dict[tuple[int, int], list[tuple[int, int]]] = {}
    known = {(int(r), int(c)) for r, c in pixels}
    for r, c in sorted(known):
        graph[r, c] = [
            (r + dr, c + dc)
            for dr in (-1, 0, 1)
            for dc in (-1, 0, 1)
            if (dr, dc) != (0, 0) and (r + dr, c + dc) in known
        ]
    start = min(known)
    far = _farthest(graph, start)[-1]
    path = _farthest(graph, far)
    return np.array([(row + region.row - 1, column + region.column - 1) for row, column in path], dtype=np.int64)


def _farthest(graph: dict[tuple[int, int], list[tuple[int, int]]], start: tuple[int, int]) -> list[tuple[int, int]]:
    """The shortest path from `start` to the pixel that is farthest away."""
    before: dict[tuple[int, int], tuple[int, int] | None] = {start: None}
    queue = [start]
    for pixel in queue:
        for other in graph[pixel]:
            if other not in before:
                before[other] = pixel
                queue.append(other)
    path = [queue[-1]]
    while (previous := before[path[-1]]) is not None:
        path.append(previous)
    return path[::-1]


def _thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin a mask, with a border of False, to a skeleton (Zhang and Suen 1984).

    Their rules erase what has shrunk to 2x2 pixels; here, a mask keeps its last pixels.
    """
    image = mask.copy()
    while True:
        removed = False
        for step in (0, 1):
            p = [
                image[1 + r : image.shape[0] - 1 + r, 1 + c : image.shape[1] - 1 + c]
                for r, c in ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
            ]
            count = sum(x.astype(np.int64) for x in p)
            turns = sum((~p[k] & p[(k + 1) % 8]).astype(np.int64) for k in range(8))
            first, second = ((0, 2, 4), (2, 4, 6)) if step == 0 else ((0, 2, 6), (0, 4, 6))
            edge = ~(p[first[0]] & p[first[1]] & p[first[2]]) & ~(p[second[0]] & p[second[1]] & p[second[2]])
            drop = image[1:-1, 1:-1] & (count >= 2) & (count <= 6) & (turns == 1) & edge
            kept = image[1:-1, 1:-1] & ~drop
            if drop.any() and kept.any():
                image[1:-1, 1:-1] = kept
                removed = True
        if not removed:
            return image
