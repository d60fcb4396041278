"""Hint files: points and strokes on a photo, and its palette, as JSON, in the format `chromahint-hints/2`.

The format 1, which has no palette, is read as well, and so are the session files of the studio.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from chromahint.atomic_write import atomic_write
from chromahint.hints.annotations import Annotations, PaletteColor, Point, Stroke, check_number
from chromahint.hints.colors import check_color, hex_color
from chromahint.hints.formats import HINT_FILE_FORMAT, HINT_FILE_FORMATS, SESSION_FORMAT
from chromahint.hints.global_hints import palette_hints

_UNITS: tuple[Literal["px", "relative"], ...] = ("px", "relative")
_MAX_BYTES = 64 * 2**20


def read_hints(path: Path | str) -> Annotations:
    """Read a hint file.

    Raises:
        ValueError: The file cannot be read or is not valid. The message names the file, and the line or the field, such
            as `points[3].x`.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{path}: larger than {_MAX_BYTES // 2**20} MB, the limit for hint files.")
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}). Pass the path of a hint file.") from None
    try:
        return parse_hints(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_hints(text: str | bytes) -> Annotations:
    """Parse the text of a hint file; a ValueError names the line or the field.

    >>> parse_hints('{"format": "chromahint-hints/1", "points": [{"x": 3, "y": 4, "color": "#ff0000"}]}').points
    (Point(x=3.0, y=4.0, color='#ff0000', radius=0.0),)
    """
    try:
        content = json.loads(text if isinstance(text, str) else text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text. A hint file is JSON.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}).") from None
    except (ValueError, RecursionError):  # a number with thousands of digits, or thousands of nested brackets
        raise ValueError("not valid JSON: a number is too long or the nesting is too deep.") from None
    if isinstance(content, dict) and content.get("format") == SESSION_FORMAT:
        content = content.get("hints")
    fields = _fields(content, "", {"format"}, {"units", "points", "strokes", "photo", "palette"})
    if fields["format"] not in HINT_FILE_FORMATS:
        raise ValueError(
            f"format={fields['format']!r:.60}: unknown format; this version reads {' and '.join(HINT_FILE_FORMATS)}."
        )
    if "palette" in fields and fields["format"] != HINT_FILE_FORMAT:
        raise ValueError(f"palette: needs the format {HINT_FILE_FORMAT}. Change the field format.")
    units = fields.get("units", "px")
    if units not in _UNITS:
        raise ValueError(f"units={units!r:.60}: must be px or relative.")
    if "photo" in fields:
        _check_photo(fields["photo"])
    points = [_point(point, f"points[{n}]") for n, point in enumerate(_list(fields.get("points", []), "points"))]
    strokes = [_stroke(stroke, f"strokes[{n}]") for n, stroke in enumerate(_list(fields.get("strokes", []), "strokes"))]
    return Annotations(tuple(points), tuple(strokes), units, _palette(fields.get("palette", [])))


def write_hints(path: Path | str, annotations: Annotations) -> None:
    """Write a hint file atomically."""
    with atomic_write(Path(path)) as file:
        file.write((json.dumps(format_hints(annotations), indent=1) + "\n").encode())


def format_hints(annotations: Annotations) -> dict[str, Any]:
    """Return the content of a hint file."""
    points = [
        {"x": p.x, "y": p.y, **({} if p.color is None else {"color": hex_color(p.color)}), "radius": p.radius}
        | {"keep_grey": p.color is None}
        for p in annotations.points
    ]
    strokes = [
        {"points": [list(p) for p in s.points], "color": hex_color(s.color), "radius": s.radius}
        for s in annotations.strokes
    ]
    content: dict[str, Any] = {"format": HINT_FILE_FORMAT, "units": annotations.units}
    content |= {"points": points, "strokes": strokes}
    if annotations.palette:
        content["palette"] = [{"color": hex_color(each.color), "weight": each.weight} for each in annotations.palette]
    return content


def _point(value: Any, where: str) -> Point:
    fields = _fields(value, where, {"x", "y"}, {"color", "radius", "keep_grey"})
    keep_grey = fields.get("keep_grey", False)
    if not isinstance(keep_grey, bool):
        raise ValueError(f"{where}.keep_grey={keep_grey!r:.40}: must be true or false.")
    if not keep_grey and "color" not in fields:
        raise ValueError(f"{where}.color: missing. Add a color, or set keep_grey to true.")
    color = check_color(fields["color"], f"{where}.color") if "color" in fields else None
    x, y = (check_number(fields[name], f"{where}.{name}") for name in "xy")
    return Point(x, y, None if keep_grey else color, _radius(fields, where))


def _check_photo(value: Any) -> None:
    """Check the optional field that identifies the photo of the hints."""
    fields = _fields(value, "photo", set(), {"name", "blake2b"})
    if not isinstance(fields.get("name", ""), str):
        raise ValueError("photo.name: must be the name of a file.")
    digest = fields.get("blake2b", "")
    if not isinstance(digest, str) or not re.fullmatch("([0-9a-f]{2}){0,64}", digest):
        raise ValueError(f"photo.blake2b={digest!r:.40}: must be the BLAKE2b hash of the photo's file, in hexadecimal.")


def _stroke(value: Any, where: str) -> Stroke:
    fields = _fields(value, where, {"points", "color"}, {"radius"})
    points = []
    for number, point in enumerate(_list(fields["points"], f"{where}.points")):
        field = f"{where}.points[{number}]"
        if not isinstance(point, list) or len(point) != 2:
            raise ValueError(f"{field}: must be [x, y].")
        points.append((check_number(point[0], f"{field}.x"), check_number(point[1], f"{field}.y")))
    if not points:
        raise ValueError(f"{where}.points: must not be empty. A stroke has one or more points.")
    return Stroke(tuple(points), check_color(fields["color"], f"{where}.color"), _radius(fields, where))


def _palette(value: Any) -> tuple[PaletteColor, ...]:
    """Parse colors, or objects with a color and a weight."""
    colors = []
    for number, each in enumerate(_list(value, "palette")):
        where = f"palette[{number}]"
        if not isinstance(each, dict):
            colors.append(PaletteColor(check_color(each, where)))
            continue
        fields = _fields(each, where, {"color"}, {"weight"})
        weight = check_number(fields.get("weight", 1.0), f"{where}.weight", minimum=0)
        colors.append(PaletteColor(check_color(fields["color"], f"{where}.color"), weight))
    if colors:  # raises an error if there are too many, or a weight is 0
        palette_hints([each.color for each in colors], [each.weight for each in colors])
    return tuple(colors)


def _radius(fields: Mapping[str, Any], where: str) -> float:
    return check_number(fields.get("radius", 0), f"{where}.radius", minimum=0)


def _fields(value: Any, where: str, required: set[str], optional: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'the file'}: must be a JSON object {{...}}.")
    prefix = f"{where}." if where else ""
    for name in sorted(required - set(value)):
        raise ValueError(f"{prefix}{name}: missing. Add this field.")
    for name in value:
        if name not in required | optional:
            known = ", ".join(sorted(required | optional))
            raise ValueError(f"{prefix}{name:.40}: unknown field; the fields are {known}.")
    return value


def _list(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: must be a list [...].")
    return value
