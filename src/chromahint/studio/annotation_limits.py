"""Limits on annotations, so that the work for one request depends on the photo, not on what is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from chromahint.hints.annotations import Annotations
from chromahint.hints.brush import SEGMENTS_AT_ONCE

_MAX_MARKS = 5000
_MAX_VERTICES = 100_000
_MAX_AREAS = 40
"""Each area takes one more run of the network."""
_MAX_COVERAGE = 16
"""Largest total of the areas that are searched for the pixels of each mark, in areas of the photo."""


def check_limits(annotations: Annotations, height: int, width: int) -> None:
    """Check that annotations can be drawn on a photo in seconds.

    Args:
        annotations: Points and strokes.
        height: Height of the photo in pixels.
        width: Width of the photo in pixels.

    Raises:
        ValueError: There are too many marks or vertices, or they are too large. The message names which.
    """
    count = len(annotations.points) + len(annotations.strokes)
    if count > _MAX_MARKS:
        raise ValueError(
            f"{count:,} points and strokes: at most {_MAX_MARKS:,} are allowed here. Use `chromahint colorize` instead."
        )
    areas = {mark.area for mark in annotations.points + annotations.strokes if mark.area is not None}
    if len(areas) > _MAX_AREAS:
        raise ValueError(
            f"points that are limited to {len(areas)} different areas: at most {_MAX_AREAS} are allowed here. "
            "Use `chromahint colorize` instead."
        )
    vertices = sum(len(stroke.points) for stroke in annotations.strokes) + sum(map(len, areas))
    if vertices > _MAX_VERTICES:
        raise ValueError(
            f"strokes and areas with {vertices:,} points in total: at most {_MAX_VERTICES:,} are allowed here. "
            "Use `chromahint colorize` instead."
        )
    max_radius = 1 if annotations.units == "relative" else max(height, width)
    radii = [(f"points[{number}]", point.radius) for number, point in enumerate(annotations.points)]
    radii += [(f"strokes[{number}]", stroke.radius) for number, stroke in enumerate(annotations.strokes)]
    for name, radius in radii:
        if radius > max_radius:
            raise ValueError(f"{name}.radius={radius:g}: larger than the photo. Use 0 to {max_radius}.")
    coverage = sum(_box_areas(annotations, height, width)) / (height * width)
    if coverage > _MAX_COVERAGE:
        raise ValueError(
            f"points and strokes that span {coverage:,.0f} times the area of the photo: at most {_MAX_COVERAGE} times "
            "are allowed here. Use fewer or smaller ones, or `chromahint colorize`."
        )


def _box_areas(annotations: Annotations, height: int, width: int) -> Iterator[float]:
    """Yield the area of the bounding box of each mark in pixels, or of each part of a long stroke."""
    scale_x, scale_y, scale_radius = (
        (width, height, max(height, width)) if annotations.units == "relative" else (1, 1, 1)
    )

    def area(path: Sequence[tuple[float, float]], radius: float) -> float:
        x, y = zip(*path, strict=True)
        brush = 2 * math.ceil(radius * scale_radius) + 1
        columns, rows = (max(x) - min(x)) * scale_x + brush, (max(y) - min(y)) * scale_y + brush
        box: float = min(height, rows) * min(width, columns)
        return box

    for point in annotations.points:
        yield area([(point.x, point.y)], point.radius)
    for stroke in annotations.strokes:
        for first in range(0, max(1, len(stroke.points) - 1), SEGMENTS_AT_ONCE):
            yield area(stroke.points[first : first + SEGMENTS_AT_ONCE + 1], stroke.radius)
