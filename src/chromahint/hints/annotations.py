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

import numpy as np
import torch
from torch import Tensor

from chromahint.hints.brush import collect_pixels, draw_brush, draw_stroke
from chromahint.hints.colors import Color, check_color, to_ab
from chromahint.hints.global_hints import GlobalHints, palette_hints
from chromahint.hints.sparse_hints import SparseHints

_MAX_VALUE = 1e6
Polyline = tuple[tuple[float, float], ...]
"""Positions (x, y)."""


class Point(NamedTuple):
    """Disc of one color.

    Attributes:
        x: Horizontal position of the center.
        y: Vertical position of the center.
        color: Color, or None to keep the area gray.
        radius: Radius; 0 is a single pixel.
        strength: How much the color counts, 0 to 1; with 0, the place keeps the color that it has without hints.
        enabled: Whether the point counts at all.
        area: Outline of the part of the photo in which the point counts; None is the whole photo.
    """

    x: float
    y: float
    color: Color | None
    radius: float = 0.0
    strength: float = 1.0
    enabled: bool = True
    area: Polyline | None = None


class Stroke(NamedTuple):
    """Polyline of one color, or one that erases: inside of it, only the marks that lie there count.

    Attributes:
        points: Vertices (x, y), one or more.
        color: Color, or None to erase.
        radius: Radius of the brush; 0 is a line of single pixels.
        strength: As for points; of one that erases, how much it erases.
        enabled: As for points.
        area: As for points; one that erases has none.
    """

    points: Polyline
    color: Color | None
    radius: float = 0.0
    strength: float = 1.0
    enabled: bool = True
    area: Polyline | None = None


Mark = Point | Stroke


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
        """Convert to the hinted pixels of a photo, wherever they count. See `hint_layers` for areas and erased parts.

        Args:
            height: Height of the photo in pixels.
            width: Width of the photo in pixels.

        Raises:
            ValueError: A mark is outside the photo. The message names it.
        """
        return self.pixels_of_marks(height, width)[0]

    def pixels_of_marks(self, height: int, width: int) -> tuple[SparseHints, list[Mark], Tensor]:
        """Return the hinted pixels of a photo, the marks that have them, and the index of the mark of each pixel."""
        owner = np.zeros((height, width), np.int32)
        marks: list[Mark] = []
        boxes = []
        for number, stroke in enumerate(self.strokes):
            where = f"strokes[{number}].points"
            path = [self._to_pixel(x, y, height, width, f"{where}[{n}]") for n, (x, y) in enumerate(stroke.points)]
            if stroke.enabled and stroke.color is not None:
                marks.append(stroke)
                boxes += draw_stroke(owner, path, self._radius_in_pixels(stroke.radius, height, width), len(marks))
        for number, point in enumerate(self.points):
            center = self._to_pixel(point.x, point.y, height, width, f"points[{number}]")
            if point.enabled:
                marks.append(point)
                radius = self._radius_in_pixels(point.radius, height, width)
                boxes.append(draw_brush(owner, [center], radius, len(marks)))
        index, mark = collect_pixels(owner, boxes)
        colors = to_ab([each.color for each in marks])[mark]
        strength = None
        if any(each.strength < 1 for each in marks):
            strength = torch.tensor([each.strength for each in marks])[mark]
        return SparseHints(index, colors, (height, width), self.to_global_hints(), strength), marks, mark

    def resized(self, size: tuple[int, int], new_size: tuple[int, int]) -> Annotations:
        """Convert to pixels of another size of the photo, or of another photo.

        Args:
            size: Height and width of the photo that the annotations were made for.
            new_size: Height and width of the other one; what would lie outside is moved to its border.
        """
        old = new_size if self.units == "relative" else size
        vertical, horizontal = (new / each for new, each in zip(new_size, old, strict=True))
        ratio = max(new_size) / (1 if self.units == "relative" else max(size))

        def move(path: Polyline) -> Polyline:
            in_pixels = self.in_pixels(path, old)
            return tuple(((x + 0.5) * horizontal - 0.5, (y + 0.5) * vertical - 0.5) for x, y in in_pixels)

        def move_inside(path: Polyline) -> Polyline:
            right, bottom = new_size[1] - 1.0, new_size[0] - 1.0
            return tuple((min(right, max(0.0, x)), min(bottom, max(0.0, y))) for x, y in move(path))

        def move_area(area: Polyline | None) -> Polyline | None:
            return None if area is None else move(area)

        points, strokes = [], []
        for p in self.points:
            [(x, y)] = move_inside(((p.x, p.y),))
            points.append(p._replace(x=x, y=y, radius=p.radius * ratio, area=move_area(p.area)))
        for s in self.strokes:
            strokes.append(s._replace(points=move_inside(s.points), radius=s.radius * ratio, area=move_area(s.area)))
        return Annotations(tuple(points), tuple(strokes), "px", self.palette)

    def in_pixels(self, path: Polyline, size: tuple[int, int]) -> Polyline:
        """Convert a path, in the units of the annotations, to pixels of the photo of this height and width."""
        if self.units == "px":
            return path
        height, width = size
        return tuple((x * width - 0.5, y * height - 0.5) for x, y in path)

    def to_global_hints(self) -> GlobalHints | None:
        """Return the palette as global hints, or None without one."""
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


def check_number(value: Any, where: str, minimum: float = -_MAX_VALUE, maximum: float = _MAX_VALUE) -> float:
    """Return a coordinate, radius, or strength as a float.

    Args:
        value: Value to check.
        where: Name of the value for the error message.
        minimum: Minimum value.
        maximum: Maximum value.

    Raises:
        ValueError: The value is not a number in the allowed range.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise ValueError(f"{where}={value!r:.40}: must be a number from {minimum:,.0f} to {maximum:,.0f}.")
    return float(value)
