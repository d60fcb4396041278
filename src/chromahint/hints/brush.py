"""Drawing of marks into a map of owners: which mark is on top at each pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

_ROUNDING = 1e-4
"""Maximum error of computed distances in pixels."""
SEGMENTS_AT_ONCE = 16
"""Segments of a stroke that are drawn together, so that their bounding box stays small for a long stroke."""


class Box(NamedTuple):
    """Bounding box of a mark, that is, a point or part of a stroke."""

    number: int
    rows: slice
    columns: slice


def draw_stroke(owner: NDArray[np.int32], path: Sequence[tuple[int, int]], radius: float, number: int) -> list[Box]:
    """Draw a stroke like `draw_brush`, in parts."""
    return [
        draw_brush(owner, path[first : first + SEGMENTS_AT_ONCE + 1], radius, number)
        for first in range(0, max(1, len(path) - 1), SEGMENTS_AT_ONCE)
    ]


def draw_brush(owner: NDArray[np.int32], path: Sequence[tuple[int, int]], radius: float, number: int) -> Box:
    """Set `owner` to the number of a mark at the pixels that its brush covers along a path of (column, row)."""
    height, width = owner.shape
    margin = min(math.ceil(radius), height + width)
    columns, rows = zip(*path, strict=True)
    left, top = max(0, min(columns) - margin), max(0, min(rows) - margin)
    box = Box(number, slice(top, max(rows) + margin + 1), slice(left, max(columns) + margin + 1))
    part = owner[box.rows, box.columns]
    # include pixel centers up to half a pixel outside the circle, which makes the brush look rounder
    reach = math.sqrt(radius**2 + radius) + _ROUNDING
    points = np.array([(column - left, row - top) for column, row in path], np.int32)
    if len(points) == 1:
        squares = [
            np.square(np.arange(length) - center) for length, center in zip(part.shape, points[0, ::-1], strict=True)
        ]
        part[np.add.outer(*squares) <= reach**2] = number
        return box
    line = np.full(part.shape, 255, np.uint8)
    line[points[:, 1], points[:, 0]] = 0  # polylines draws nothing for segments without length
    cv2.polylines(line, [points], isClosed=False, color=0)
    if margin == 0:
        part[line == 0] = number
    else:
        part[cv2.distanceTransform(line, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= reach] = number
    return box


def collect_pixels(owner: NDArray[np.int32], boxes: Sequence[Box]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the flat indices of all hinted pixels in ascending order, and the mark of each. Clears `owner`."""
    if sum(owner[rows, columns].size for _, rows, columns in boxes) > owner.size:
        index = np.flatnonzero(owner)
        mark = owner.ravel()[index].astype(np.int64) - 1
        owner.fill(0)
        return torch.from_numpy(index), torch.from_numpy(mark)
    found = [np.zeros((0, 2), np.int64)]
    for number, rows, columns in boxes:
        part = owner[rows, columns]
        row, column = np.nonzero(part == number)
        part[row, column] = 0  # boxes may overlap
        index = (row + rows.start) * owner.shape[1] + column + columns.start
        found.append(np.stack([index, np.full_like(index, number - 1)], axis=1))
    pixels = np.concatenate(found)
    sorted_pixels = torch.from_numpy(pixels[np.argsort(pixels[:, 0], kind="stable")])
    return sorted_pixels[:, 0].contiguous(), sorted_pixels[:, 1]
