"""What is to be done with a scan before it is colored. The scan itself stays as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from chromahint.images.preparation.framing import MAX_ANGLE, WHOLE, Crop, Frame
from chromahint.images.preparation.scratches import BrushStroke

MAX_NOISE = 40.0
_MAX_COORDINATE = 1e6
_MAX_STROKES = 2000
_MAX_VERTICES = 50_000
_MIN_CROP = 0.02


@dataclass(frozen=True)
class Preparation:
    """Settings of a preparation, in the order in which they are applied.

    Attributes:
        angle: Degrees by which the scan is turned clockwise, -15 to 15.
        crop: Left, top, right, and bottom edge, in 0..1 of the turned scan.
        neutral: Remove a tint such as sepia, or the cast of a color photo.
        levels: Stretch the tones from black to white.
        noise: Standard deviation of the noise to reduce, in 8-bit gray levels.
        scratches: Find dust and scratches, and fill them.
        brush: Strokes over what is not found, in pixels of the scan.
        contrast: Local contrast, 0 to 1.
    """

    angle: float = 0.0
    crop: Crop = WHOLE
    neutral: bool = False
    levels: bool = False
    noise: float = 0.0
    scratches: bool = False
    brush: tuple[BrushStroke, ...] = ()
    contrast: float = 0.0

    @property
    def frame(self) -> Frame:
        """How the photo lies in its scan."""
        return Frame(self.angle, self.crop)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        brush = [{"points": [list(point) for point in stroke.points], "radius": stroke.radius} for stroke in self.brush]
        return asdict(self) | {"brush": brush, "crop": list(self.crop)}


def for_thumbnail(preparation: Preparation) -> Preparation:
    """Return settings for a small version of the scan, which shows neither grain nor scratches."""
    return replace(preparation, noise=0.0, scratches=False, brush=())


def parse_preparation(value: Any) -> Preparation:
    """Parse the settings of a preparation; those that are missing do nothing.

    Args:
        value: JSON, as `Preparation.to_json` returns it.

    Raises:
        ValueError: A setting is unknown or out of range. The message names it.
    """
    if not isinstance(value, Mapping):
        raise ValueError("preparation: must be a JSON object {...}.")
    names = Preparation.__dataclass_fields__
    for name in value:
        if name not in names:
            raise ValueError(f"preparation.{name:.40}: unknown setting; the settings are {', '.join(names)}.")
    switches = {name: _switch(value[name], name) for name in ("scratches", "neutral", "levels") if name in value}
    return Preparation(
        **switches,
        brush=_brush(value.get("brush", [])),
        noise=_number(value.get("noise", 0), "noise", 0, MAX_NOISE),
        contrast=_number(value.get("contrast", 0), "contrast", 0, 1),
        angle=_number(value.get("angle", 0), "angle", -MAX_ANGLE, MAX_ANGLE),
        crop=_crop(value.get("crop", list(WHOLE))),
    )


def _switch(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"preparation.{name}={value!r:.40}: must be true or false.")
    return value


def _number(value: Any, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"preparation.{name}={value!r:.40}: must be a number from {low:g} to {high:g}.")
    return float(value)


def _crop(value: Any) -> Crop:
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise ValueError("preparation.crop: must be [left, top, right, bottom].")
    left, top, right, bottom = (_number(edge, "crop", 0, 1) for edge in value)
    if right - left < _MIN_CROP or bottom - top < _MIN_CROP:
        raise ValueError(f"preparation.crop: must leave at least {_MIN_CROP:.0%} of the width and of the height.")
    return left, top, right, bottom


def _brush(value: Any) -> tuple[BrushStroke, ...]:
    if not isinstance(value, list) or len(value) > _MAX_STROKES:
        raise ValueError(f"preparation.brush: must be a list of at most {_MAX_STROKES:,} strokes.")
    strokes = []
    for number, stroke in enumerate(value):
        name = f"brush[{number}]"
        if not isinstance(stroke, Mapping) or set(stroke) != {"points", "radius"}:
            raise ValueError(f'preparation.{name}: must be {{"points": [[x, y], ...], "radius": pixels}}.')
        points = stroke["points"]
        if not isinstance(points, list) or not points or not all(_is_position(point) for point in points):
            raise ValueError(f"preparation.{name}.points: must be a list of one or more [x, y].")
        path = tuple((float(x), float(y)) for x, y in points)
        strokes.append(BrushStroke(path, _number(stroke["radius"], f"{name}.radius", 0.5, 1000)))
    if sum(len(stroke.points) for stroke in strokes) > _MAX_VERTICES:
        raise ValueError(f"preparation.brush: must have at most {_MAX_VERTICES:,} positions in total.")
    return tuple(strokes)


def _is_position(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
        and all(math.isfinite(each) and abs(each) <= _MAX_COORDINATE for each in value)
    )
