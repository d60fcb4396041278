"""What a person puts on a photo to say its colors: points and brush strokes, and how they become hinted pixels.

Pixel centers are at integers, x runs to the right and y down, as in the photo as it is seen. Relative units count x and
y from 0 at the left and upper edge of the photo to 1 at the right and lower one, and radii in its longer side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from chromahint.color import rgb_to_lab
from chromahint.hints.sparse_hints import SparseHints

Color = str | tuple[int, int, int]
"""#rrggbb, or red, green and blue in 0..255; its hue and strength are the hint, its lightness is not."""

_MOST = 1e6
_ROUNDING = 1e-4
"""Pixels by which measured distances may be off."""
_PIECE = 16
"""Sides of a stroke that are drawn at once: the box around them is small also where the line is long."""


class _Box(NamedTuple):
    """Where pixels of a mark may be."""

    number: int
    rows: slice
    columns: slice


class Point(NamedTuple):
    """A dot of one color.

    Attributes:
        x: of its center.
        y: of its center.
        color: None says that the place is to stay gray.
        radius: 0 is a single pixel.
    """

    x: float
    y: float
    color: Color | None
    radius: float = 0.0


class Stroke(NamedTuple):
    """A line of one color.

    Attributes:
        points: what it goes through, as (x, y); one is a dot.
        color: of the line.
        radius: of the brush; 0 is a line of single pixels.
    """

    points: tuple[tuple[float, float], ...]
    color: Color
    radius: float = 0.0


@dataclass(frozen=True)
class Annotations:
    """Points and strokes; where they overlap, points lie over strokes and later ones over earlier ones."""

    points: tuple[Point, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    units: Literal["px", "relative"] = "px"

    def rasterize(self, height: int, width: int) -> SparseHints:
        """List the pixels that are hinted on a photo.

        Raises:
            ValueError: a mark lies outside of it; the message names the mark.
        """
        owner = np.zeros((height, width), np.int32)
        colors: list[Color | None] = []
        boxes = []
        for number, stroke in enumerate(self.strokes):
            where = f"strokes[{number}].points"
            path = [self._inside(x, y, height, width, f"{where}[{n}]") for n, (x, y) in enumerate(stroke.points)]
            colors.append(stroke.color)
            radius = self._pixels(stroke.radius, height, width)
            for first in range(0, max(1, len(path) - 1), _PIECE):
                boxes.append(_draw(owner, path[first : first + _PIECE + 1], radius, len(colors)))
        for number, point in enumerate(self.points):
            center = self._inside(point.x, point.y, height, width, f"points[{number}]")
            colors.append(point.color)
            boxes.append(_draw(owner, [center], self._pixels(point.radius, height, width), len(colors)))
        place, mark = _owned(owner, boxes)
        return SparseHints(place, _ab(colors)[mark], (height, width))

    def _inside(self, x: float, y: float, height: int, width: int, where: str) -> tuple[int, int]:
        """Column and row of the pixel."""
        found = []
        for name, value, side, what in (("x", x, width, "wide"), ("y", y, height, "high")):
            if self.units == "relative":
                if not 0 <= value <= 1:
                    raise ValueError(f"{where}.{name}={value:g}: outside of the photo; relative units run from 0 to 1")
                found.append(min(side - 1, int(value * side)))
            else:
                pixel = math.floor(value + 0.5)
                if not 0 <= pixel < side:
                    raise ValueError(
                        f"{where}.{name}={value:g}: outside of the photo, which is {side} pixels {what}; "
                        f"0 to {side - 1} are allowed"
                    )
                found.append(pixel)
        return found[0], found[1]

    def _pixels(self, radius: float, height: int, width: int) -> float:
        return radius * max(height, width) if self.units == "relative" else radius


def parse_annotations(hints: Sequence[Any]) -> Annotations:
    """Take points as tuples (x, y, color) or (x, y, color, radius), in pixels.

    Raises:
        ValueError: one of them is something else; the message says which.
    """
    points = []
    for number, hint in enumerate(hints):
        where = f"hints[{number}]"
        if not isinstance(hint, Sequence) or isinstance(hint, str) or not 3 <= len(hint) <= 4:
            raise ValueError(f"{where}: is {hint!r:.60}; a hint is (x, y, color) or (x, y, color, radius)")
        color = None if hint[2] is None else check_color(hint[2], f"{where}: color")
        x, y = (check_number(hint[n], f"{where}: {name}") for n, name in enumerate("xy"))
        radius = check_number(hint[3], f"{where}: radius", least=0) if len(hint) > 3 else 0.0
        points.append(Point(x, y, color, radius))
    return Annotations(tuple(points))


def check_number(value: Any, where: str, least: float = -_MOST) -> float:
    """Take a number that can be a coordinate or a radius; the ValueError names `where`."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _MOST:
        allowed = "a number from 0" if least == 0 else "a number"
        raise ValueError(f"{where}={value!r:.40}: is {allowed}, at most {_MOST:,.0f}")
    return float(value)


def check_color(value: Any, where: str) -> Color:
    """Take a color; the ValueError names `where`."""
    if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
        return value.lower()
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) and len(value) == 3:
        parts = [part.item() if isinstance(part, np.generic) else part for part in value]
        if all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in parts):
            return parts[0], parts[1], parts[2]
    raise ValueError(f'{where}={value!r:.40}: is "#rrggbb", or red, green and blue as whole numbers from 0 to 255')


def rgb_of(color: Color) -> tuple[int, int, int]:
    """Red, green and blue in 0..255.

    >>> rgb_of("#ff8000")
    (255, 128, 0)
    """
    if isinstance(color, str):
        return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    return color


def _ab(colors: Sequence[Color | None]) -> torch.Tensor:
    """Their ab, N2 in Lab units; 0 for None."""
    rgb = np.array([(0, 0, 0) if color is None else rgb_of(color) for color in colors], np.uint8).reshape(-1, 3)
    ab = rgb_to_lab(torch.from_numpy(rgb).T[None, :, :, None])[1][0, :, :, 0].T
    # gray has no color, whatever rounding says
    return torch.where(torch.from_numpy((rgb == rgb[:, :1]).all(axis=1))[:, None], 0.0, ab)


def _draw(owner: NDArray[np.int32], path: Sequence[tuple[int, int]], radius: float, number: int) -> _Box:
    """Give the pixels within a brush that runs along a path of (column, row) to a mark; returns where they may be."""
    height, width = owner.shape
    room = min(math.ceil(radius), height + width)
    columns, rows = zip(*path, strict=True)
    left, top = max(0, min(columns) - room), max(0, min(rows) - room)
    box = _Box(number, slice(top, max(rows) + room + 1), slice(left, max(columns) + room + 1))
    part = owner[box.rows, box.columns]
    line = np.full(part.shape, 255, np.uint8)
    points = np.array([(column - left, row - top) for column, row in path], np.int32)
    line[points[:, 1], points[:, 0]] = 0  # a path of one point is no line
    cv2.polylines(line, [points], isClosed=False, color=0)
    if room == 0:
        part[line == 0] = number
    else:
        # pixels whose middle lies within half a pixel of the circle belong to the brush: rounder than the circle itself
        reach = math.sqrt(radius**2 + radius) + _ROUNDING
        part[cv2.distanceTransform(line, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= reach] = number
    return box


def _owned(owner: NDArray[np.int32], boxes: Sequence[_Box]) -> tuple[torch.Tensor, torch.Tensor]:
    """The flat indices of pixels that belong to a mark, ascending, and which mark; only where marks are is looked."""
    found = [np.zeros((0, 2), np.int64)]
    for number, rows, columns in boxes:
        part = owner[rows, columns]
        row, column = np.nonzero(part == number)
        part[row, column] = 0  # another box may hold the same pixel
        place = (row + rows.start) * owner.shape[1] + column + columns.start
        found.append(np.stack([place, np.full_like(place, number - 1)], axis=1))
    every = np.concatenate(found)
    place, mark = torch.from_numpy(every[np.argsort(every[:, 0], kind="stable")]).T
    return place.contiguous(), mark
