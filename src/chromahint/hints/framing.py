"""Annotations on a scan, in pixels of the photo that was turned upright and cut out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray

from chromahint.hints.annotations import Annotations, Polyline
from chromahint.hints.sparse_hints import SparseHints


def frame_annotations(
    annotations: Annotations, scan_size: tuple[int, int], matrix: NDArray[Any], size: tuple[int, int]
) -> Annotations:
    """Map annotations from a scan to the photo in it. What lies outside of the photo is left out.

    Args:
        annotations: Points and strokes on the scan.
        scan_size: Height and width of the scan.
        matrix: 2x3, maps pixels (x, y, 1) of the scan to pixels of the photo; turns and shifts only.
        size: Height and width of the photo.
    """
    on_scan = annotations.resized(scan_size, scan_size)
    height, width = size

    def move(x: float, y: float) -> tuple[float, float]:
        moved_x, moved_y = (matrix @ (x, y, 1)).tolist()
        return moved_x, moved_y

    def is_inside(x: float, y: float) -> bool:
        return -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5

    def inside_parts(path: Polyline) -> Iterator[Polyline]:
        part: list[tuple[float, float]] = []
        for position in path:
            if is_inside(*position):
                part.append(position)
            elif part:
                yield tuple(part)
                part = []
        if part:
            yield tuple(part)

    def move_area(area: Polyline | None) -> Polyline | None:
        return None if area is None else tuple(move(x, y) for x, y in area)

    points = [
        point._replace(x=x, y=y, area=move_area(point.area))
        for point in on_scan.points
        for x, y in [move(point.x, point.y)]
        if is_inside(x, y)
    ]
    strokes = [
        stroke._replace(points=part, area=move_area(stroke.area))
        for stroke in on_scan.strokes
        for part in inside_parts(tuple(move(x, y) for x, y in stroke.points))
    ]
    return replace(on_scan, points=tuple(points), strokes=tuple(strokes))


def frame_sparse_hints(hints: SparseHints, matrix: NDArray[Any], size: tuple[int, int]) -> SparseHints:
    """Map hinted pixels of a scan to the photo in it, like `frame_annotations`; of those on one pixel, one remains."""
    row, column = hints.flat_index // hints.size[1], hints.flat_index % hints.size[1]
    ones = torch.ones_like(row)
    x, y = (torch.from_numpy(matrix) @ torch.stack([column, row, ones]).double()).round().long()
    inside = ((x >= 0) & (y >= 0) & (x < size[1]) & (y < size[0])).nonzero()[:, 0]
    index = (y * size[1] + x)[inside]
    order = index.argsort(stable=True)
    index, inside = index[order], inside[order]
    is_first = torch.ones_like(index, dtype=torch.bool)
    is_first[1:] = index[1:] != index[:-1]
    return hints.select(inside[is_first])._replace(flat_index=index[is_first], size=size)
