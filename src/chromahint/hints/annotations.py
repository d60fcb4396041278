"""Annotations: points and brush strokes that a user puts on a photo, and their conversion to hinted pixels.

Coordinates refer to the upright photo. Pixel centers are at integers, x points right and y down. In relative units, x
and y range from 0 at the left and top edge to 1 at the right and bottom edge, and radii are fractions of the longer
side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from chromahint.hints.colors import Color, check_color, to_ab
from chromahint.hints.global_hints import GlobalHints, palette_hints
from chromahint.hints.sparse_hints import SparseHints

_MAX_VALUE = 1e6
_ROUNDING = 1e-4
"""Maximum error of computed distances in pixels."""
SEGMENTS_AT_ONCE = 16
"""Segments of a stroke that are drawn together, so that their bounding box stays small for a long stroke."""


class _Box(NamedTuple):
    """Bounding box of a mark, that is, a point or part of a stroke."""

    number: int
    rows: slice
    columns: slice


class Point(NamedTuple):
    """Disc of one color.

    Attributes:
        x: Horizontal position of the center.
        y: Vertical position of the center.
        color: Color, or None to keep the area gray.
        radius: Radius; 0 is a single pixel.
    """

    x: float
    y: float
    color: Color | None
    radius: float = 0.0


class Stroke(NamedTuple):
    """Polyline of one color.

    Attributes:
        points: Vertices (x, y), one or more.
        color: Color.
        radius: Radius of the brush; 0 is a line of single pixels.
    """

    points: tuple[tuple[float, float], ...]
    color: Color
    radius: float = 0.0


class PaletteColor(NamedTuple):
    """Color of a palette, which holds for the photo as a whole.

    Attributes:
        color: Color.
        weight: Share of the photo, in any unit.
    """

    color: Color
    weight: float = 1.0


@dataclass(frozen=True)
class Annotations:
    """Points and strokes on a photo, and its palette. Points cover strokes, and later marks cover earlier ones."""

    points: tuple[Point, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    units: Literal["px", "relative"] = "px"
    palette: tuple[PaletteColor, ...] = ()

    def rasterize(self, height: int, width: int) -> SparseHints:
        """Convert to the hinted pixels of a photo.

        Args:
            height: Height of the photo in pixels.
            width: Width of the photo in pixels.

        Raises:
            ValueError: A mark is outside the photo. The message names it.
        """
        owner = np.zeros((height, width), np.int32)
        colors: list[Color | None] = []
        boxes = []
        for number, stroke in enumerate(self.strokes):
            where = f"strokes[{number}].points"
            path = [self._to_pixel(x, y, height, width, f"{where}[{n}]") for n, (x, y) in enumerate(stroke.points)]
            colors.append(stroke.color)
            radius = self._radius_in_pixels(stroke.radius, height, width)
            for first in range(0, max(1, len(path) - 1), SEGMENTS_AT_ONCE):
                boxes.append(_draw(owner, path[first : first + SEGMENTS_AT_ONCE + 1], radius, len(colors)))
        for number, point in enumerate(self.points):
            center = self._to_pixel(point.x, point.y, height, width, f"points[{number}]")
            colors.append(point.color)
            boxes.append(_draw(owner, [center], self._radius_in_pixels(point.radius, height, width), len(colors)))
        index, mark = _collect_pixels(owner, boxes)
        return SparseHints(index, to_ab(colors)[mark], (height, width), self._global_hints())

    def resized(self, size: tuple[int, int], new_size: tuple[int, int]) -> Annotations:
        """Convert to pixels of another size of the photo, or of another photo.

        Args:
            size: Height and width of the photo that the annotations were made for.
            new_size: Height and width of the other one; what would lie outside is moved to its border.
        """
        height, width = (1, 1) if self.units == "relative" else size
        offset = 0.0 if self.units == "relative" else 0.5
        ratio = max(new_size) / max(height, width)

        def move(x: float, y: float) -> tuple[float, float]:
            x, y = (x + offset) * new_size[1] / width - 0.5, (y + offset) * new_size[0] / height - 0.5
            return min(new_size[1] - 1.0, max(0.0, x)), min(new_size[0] - 1.0, max(0.0, y))

        points = [Point(*move(p.x, p.y), p.color, p.radius * ratio) for p in self.points]
        strokes = [Stroke(tuple(move(*xy) for xy in s.points), s.color, s.radius * ratio) for s in self.strokes]
        return Annotations(tuple(points), tuple(strokes), "px", self.palette)

    def _global_hints(self) -> GlobalHints | None:
        if not self.palette:
            return None
        return palette_hints([each.color for each in self.palette], [each.weight for each in self.palette])

    def _to_pixel(self, x: float, y: float, height: int, width: int, where: str) -> tuple[int, int]:
        """Return the column and row of the pixel that contains a point."""
        pixel = []
        for name, value, size, dimension in (("x", x, width, "wide"), ("y", y, height, "high")):
            if self.units == "relative":
                if not 0 <= value <= 1:
                    raise ValueError(f"{where}.{name}={value:g}: outside the photo. Relative units range from 0 to 1.")
                pixel.append(min(size - 1, int(value * size)))
            else:
                rounded = math.floor(value + 0.5)
                if not 0 <= rounded < size:
                    raise ValueError(
                        f"{where}.{name}={value:g}: outside the photo, which is {size} pixels {dimension}. "
                        f"Use 0 to {size - 1}."
                    )
                pixel.append(rounded)
        return pixel[0], pixel[1]

    def _radius_in_pixels(self, radius: float, height: int, width: int) -> float:
        return radius * max(height, width) if self.units == "relative" else radius


def parse_annotations(hints: Sequence[Any]) -> Annotations:
    """Convert tuples (x, y, color) or (x, y, color, radius), in pixels, to points.

    Raises:
        ValueError: One of them is not such a tuple. The message says which.
    """
    points = []
    for number, hint in enumerate(hints):
        where = f"hints[{number}]"
        if not isinstance(hint, Sequence) or isinstance(hint, str) or not 3 <= len(hint) <= 4:
            raise ValueError(f"{where}={hint!r:.60}: must be (x, y, color) or (x, y, color, radius).")
        color = None if hint[2] is None else check_color(hint[2], f"{where}: color")
        x, y = (check_number(hint[n], f"{where}: {name}") for n, name in enumerate("xy"))
        radius = check_number(hint[3], f"{where}: radius", minimum=0) if len(hint) > 3 else 0.0
        points.append(Point(x, y, color, radius))
    return Annotations(tuple(points))


def check_number(value: Any, where: str, minimum: float = -_MAX_VALUE) -> float:
    """Return a coordinate or radius as a float.

    Args:
        value: Value to check.
        where: Name of the value for the error message.
        minimum: Minimum value.

    Raises:
        ValueError: The value is not a number in the allowed range.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= _MAX_VALUE:
        raise ValueError(f"{where}={value!r:.40}: must be a number from {minimum:,.0f} to {_MAX_VALUE:,.0f}.")
    return float(value)


def _draw(owner: NDArray[np.int32], path: Sequence[tuple[int, int]], radius: float, number: int) -> _Box:
    """Set `owner` to the number of a mark at the pixels that its brush covers along a path of (column, row)."""
    height, width = owner.shape
    margin = min(math.ceil(radius), height + width)
    columns, rows = zip(*path, strict=True)
    left, top = max(0, min(columns) - margin), max(0, min(rows) - margin)
    box = _Box(number, slice(top, max(rows) + margin + 1), slice(left, max(columns) + margin + 1))
    part = owner[box.rows, box.columns]
    line = np.full(part.shape, 255, np.uint8)
    points = np.array([(column - left, row - top) for column, row in path], np.int32)
    line[points[:, 1], points[:, 0]] = 0  # polylines draws nothing for a single point
    cv2.polylines(line, [points], isClosed=False, color=0)
    if margin == 0:
        part[line == 0] = number
    else:
        # include pixel centers up to half a pixel outside the circle, which makes the brush look rounder
        reach = math.sqrt(radius**2 + radius) + _ROUNDING
        part[cv2.distanceTransform(line, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= reach] = number
    return box


def _collect_pixels(owner: NDArray[np.int32], boxes: Sequence[_Box]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the flat indices of all hinted pixels in ascending order, and the mark of each. Clears `owner`."""
    found = [np.zeros((0, 2), np.int64)]
    for number, rows, columns in boxes:
        part = owner[rows, columns]
        row, column = np.nonzero(part == number)
        part[row, column] = 0  # boxes may overlap
        index = (row + rows.start) * owner.shape[1] + column + columns.start
        found.append(np.stack([index, np.full_like(index, number - 1)], axis=1))
    pixels = np.concatenate(found)
    index, mark = torch.from_numpy(pixels[np.argsort(pixels[:, 0], kind="stable")]).T
    return index.contiguous(), mark
