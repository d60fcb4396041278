"""Hint files: points and strokes on a photo, and its palette, as JSON, in the format `chromahint-hints/3`.

Older formats, which have fewer fields, are read as well, and so are the session files of the studio.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from chromahint.atomic_write import atomic_write
from chromahint.hints.annotations import Annotations, Mark, PaletteColor, Point, Polyline, Stroke, check_number
from chromahint.hints.colors import Color, check_color, hex_color
from chromahint.hints.formats import HINT_FILE_FORMAT, HINT_FILE_FORMATS, SESSION_FORMAT
from chromahint.hints.global_hints import palette_hints

_REACH_FIELDS = {"strength", "enabled", "area"}
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

    >>> parse_hints('{"format": "chromahint-hints/1", "points": [{"x": 3, "y": 4, "color": "#f00000"}]}').points[0].x
    3.0
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
            f"format={fields['format']!r:.60}: unknown format; this version reads {', '.join(HINT_FILE_FORMATS)}."
        )
    version = HINT_FILE_FORMATS.index(fields["format"]) + 1
    if "palette" in fields:
        _check_version(version, 2, "palette")
    units = fields.get("units", "px")
    if units not in _UNITS:
        raise ValueError(f"units={units!r:.60}: must be px or relative.")
    if "photo" in fields:
        _check_photo(fields["photo"])
    points, strokes = _list(fields.get("points", []), "points"), _list(fields.get("strokes", []), "strokes")
    points = [_point(point, f"points[{n}]", version) for n, point in enumerate(points)]
    strokes = [_stroke(stroke, f"strokes[{n}]", version) for n, stroke in enumerate(strokes)]
    return Annotations(tuple(points), tuple(strokes), units, _palette(fields.get("palette", [])))


def write_hints(path: Path | str, annotations: Annotations) -> None:
    """Write a hint file atomically."""
    with atomic_write(Path(path)) as file:
        file.write((json.dumps(format_hints(annotations), indent=1) + "\n").encode())


def format_hints(annotations: Annotations) -> dict[str, Any]:
    """Return the content of a hint file."""
    points = [
        {"x": p.x, "y": p.y, **_format_color(p.color, "keep_grey"), "radius": p.radius, **_format_reach(p)}
        for p in annotations.points
    ]
    strokes = [
        {"points": [list(p) for p in s.points], **_format_color(s.color, "erase"), "radius": s.radius}
        | _format_reach(s)
        for s in annotations.strokes
    ]
    content: dict[str, Any] = {"format": HINT_FILE_FORMAT, "units": annotations.units}
    content |= {"points": points, "strokes": strokes}
    if annotations.palette:
        content["palette"] = [{"color": hex_color(each.color), "weight": each.weight} for each in annotations.palette]
    return content


def _format_color(color: Color | None, instead: str) -> dict[str, Any]:
    return {instead: True} if color is None else {"color": hex_color(color)}


def _format_reach(mark: Mark) -> dict[str, Any]:
    """Return what limits the effect of a mark."""
    fields: dict[str, Any] = {}
    if mark.strength < 1:
        fields["strength"] = mark.strength
    if not mark.enabled:
        fields["enabled"] = False
    if mark.area is not None:
        fields["area"] = [list(position) for position in mark.area]
    return fields


def _point(value: Any, where: str, version: int) -> Point:
    fields = _fields(value, where, {"x", "y"}, {"color", "radius", "keep_grey", *_REACH_FIELDS})
    x, y = (check_number(fields[name], f"{where}.{name}") for name in "xy")
    return Point(x, y, _color(fields, where, "keep_grey"), _radius(fields, where), *_reach(fields, where, version))


def _check_photo(value: Any) -> None:
    """Check the optional field that identifies the photo of the hints."""
    fields = _fields(value, "photo", set(), {"name", "blake2b"})
    if not isinstance(fields.get("name", ""), str):
        raise ValueError("photo.name: must be the name of a file.")
    digest = fields.get("blake2b", "")
    if not isinstance(digest, str) or not re.fullmatch("([0-9a-f]{2}){0,64}", digest):
        raise ValueError(f"photo.blake2b={digest!r:.40}: must be the BLAKE2b hash of the photo's file, in hexadecimal.")


def _stroke(value: Any, where: str, version: int) -> Stroke:
    fields = _fields(value, where, {"points"}, {"color", "radius", "erase", *_REACH_FIELDS})
    if "erase" in fields:
        _check_version(version, 3, f"{where}.erase")
    path = _path(fields["points"], f"{where}.points")
    if not path:
        raise ValueError(f"{where}.points: must not be empty. A stroke has one or more points.")
    color = _color(fields, where, "erase")
    if color is None and "area" in fields:
        raise ValueError(f"{where}.area: a stroke that erases has none. Remove this field.")
    return Stroke(path, color, _radius(fields, where), *_reach(fields, where, version))


def _color(fields: Mapping[str, Any], where: str, instead: str) -> Color | None:
    """Return the color of a mark, or None if a field says that it has none."""
    has_none = _flag(fields, where, instead, default=False)
    if not has_none and "color" not in fields:
        raise ValueError(f"{where}.color: missing. Add a color, or set {instead} to true.")
    color = check_color(fields["color"], f"{where}.color") if "color" in fields else None
    return None if has_none else color


def _reach(fields: Mapping[str, Any], where: str, version: int) -> tuple[float, bool, Polyline | None]:
    """Return the strength of a mark, whether it is enabled, and its area."""
    for name in _REACH_FIELDS & fields.keys():
        _check_version(version, 3, f"{where}.{name}")
    strength = check_number(fields.get("strength", 1), f"{where}.strength", minimum=0, maximum=1)
    area = _path(fields["area"], f"{where}.area") if "area" in fields else None
    if area is not None and len(area) < 3:
        raise ValueError(f"{where}.area: must have three positions or more.")
    return strength, _flag(fields, where, "enabled", default=True), area


def _flag(fields: Mapping[str, Any], where: str, name: str, default: bool) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{where}.{name}={value!r:.40}: must be true or false.")
    return value


def _path(value: Any, where: str) -> Polyline:
    path = []
    for number, position in enumerate(_list(value, where)):
        field = f"{where}[{number}]"
        if not isinstance(position, list) or len(position) != 2:
            raise ValueError(f"{field}: must be [x, y].")
        path.append((check_number(position[0], f"{field}.x"), check_number(position[1], f"{field}.y")))
    return tuple(path)


def _check_version(version: int, needed: int, field: str) -> None:
    if version < needed:
        raise ValueError(f"{field}: needs the format {HINT_FILE_FORMATS[needed - 1]}. Change the field format.")


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
