"""Hint files: reading, writing and error messages."""

import json
import random

import pytest
import torch

from chromahint.hints.annotations import Annotations, PaletteColor, Point, Stroke
from chromahint.hints.global_hints import palette_hints
from chromahint.hints.hint_file import parse_hints, read_hints, write_hints

EXAMPLE = {
    "format": "chromahint-hints/1",
    "units": "px",
    "points": [
        {"x": 3, "y": 4.5, "color": "#FF8000", "radius": 2},
        {"x": 0, "y": 1, "keep_grey": True},
        {"x": 0, "y": 1, "color": "#ffffff", "radius": 0, "keep_grey": False},
    ],
    "strokes": [{"points": [[1, 2], [3, 4]], "color": "#0000ff", "radius": 1.5}],
}
V3 = {"format": "chromahint-hints/3"}
POINT = {"x": 1, "y": 2, "color": "#000000"}
LIMITED = Annotations(
    (Point(3, 4.5, "#ff8000", 2, strength=0.25), Point(5, 6, None, area=((1, 1), (9, 1), (5.5, 9)))),
    (Stroke(((1, 2), (3, 4)), "#0000ff", 1.5, enabled=False), Stroke(((1, 2), (3, 4)), None, 2)),
)
ANNOTATIONS = Annotations(
    (Point(3, 4.5, "#ff8000", 2), Point(0, 1, None), Point(0, 1, "#ffffff")),
    (Stroke(((1, 2), (3, 4)), "#0000ff", 1.5),),
)


def test_reads_every_field():
    assert parse_hints(json.dumps(EXAMPLE)) == ANNOTATIONS
    assert parse_hints(json.dumps(EXAMPLE | {"units": "relative"})).units == "relative"
    assert parse_hints('{"format": "chromahint-hints/1"}') == Annotations()


@pytest.mark.parametrize(
    "annotations", [ANNOTATIONS, Annotations(), Annotations((Point(0.5, 1, (1, 2, 3)),), units="relative")]
)
def test_written_file_can_be_read(tmp_path, annotations):
    write_hints(tmp_path / "new" / "h.json", annotations)
    again = read_hints(tmp_path / "new" / "h.json")
    sparse, expected = again.rasterize(20, 20), annotations.rasterize(20, 20)
    assert sparse.flat_index.equal(expected.flat_index)
    assert sparse.ab.equal(expected.ab)
    assert json.loads((tmp_path / "new" / "h.json").read_text())["units"] == annotations.units


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"format": "chromahint-hints/4"},
            "format='chromahint-hints/4': unknown format; this version reads chromahint-hints/1, "
            "chromahint-hints/2, chromahint-hints/3",
        ),
        ({"palette": ["#aa3333"]}, "palette: needs the format chromahint-hints/2"),
        ({"format": "chromahint-hints/2", "palette": ["#aa3333"] * 8}, "palette: must have 1 to 7 colors, not 8"),
        ({"format": "chromahint-hints/2", "palette": ["red"]}, r"palette\[0\]='red': must be"),
        ({"format": "chromahint-hints/2", "palette": [{"weight": 1}]}, r"palette\[0\]\.color: missing"),
        ({"format": "chromahint-hints/2", "palette": [{"color": "#aa3333", "weight": -1}]}, r"palette\[0\]\.weight=-1"),
        (
            {"format": "chromahint-hints/2", "palette": [{"color": "#aa3333", "weight": 0}]},
            "palette: must have one weight > 0",
        ),
        ({"format": 1}, "format=1"),
        ({"units": "cm"}, "units='cm': must be px or relative"),
        ({"units": ["px"]}, "units=.'px'.: must be px or relative"),
        ({"poinst": []}, "poinst: unknown field; the fields are format, palette, photo, points, strokes, units"),
        ({"points": {}}, r"points: must be a list"),
        ({"points": [3]}, r"points\[0\]: must be a JSON object"),
        ({"points": [{"x": 1, "color": "#000000"}]}, r"points\[0\]\.y: missing"),
        ({"points": [{"x": 1, "y": 2}]}, r"points\[0\]\.color: missing"),
        ({"points": [EXAMPLE["points"][0], {"x": "1", "y": 2, "color": "#000000"}]}, r"points\[1\]\.x='1'"),
        ({"points": [{"x": True, "y": 2, "color": "#000000"}]}, r"points\[0\]\.x=True"),
        ({"points": [{"x": 1e999, "y": 2, "color": "#000000"}]}, r"points\[0\]\.x=inf"),
        ({"points": [{"x": 1, "y": 2, "color": "#00000"}]}, r"points\[0\]\.color='#00000'"),
        ({"points": [{"x": 1, "y": 2, "color": "#000000", "radius": -1}]}, r"points\[0\]\.radius=-1"),
        ({"points": [{"x": 1, "y": 2, "keep_grey": "no"}]}, r"points\[0\]\.keep_grey='no'"),
        ({"points": [{"x": 1, "y": 2, "keep_grey": True, "color": 5}]}, r"points\[0\]\.color=5"),
        ({"points": [{"x": 1, "y": 2, "hue": "#000000"}]}, r"points\[0\]\.hue: unknown field"),
        ({"strokes": [{"points": [], "color": "#000000"}]}, r"strokes\[0\]\.points: must not be empty"),
        ({"strokes": [{"points": [[1, 2, 3]], "color": "#000000"}]}, r"strokes\[0\]\.points\[0\]: must be \[x, y\]"),
        ({"strokes": [{"points": [[1, None]], "color": "#000000"}]}, r"strokes\[0\]\.points\[0\]\.y=None"),
        ({"strokes": [{"points": [[1, 2]]}]}, r"strokes\[0\]\.color: missing"),
        (
            {"points": [{"x": 1, "y": 2, "color": "#000000", "strength": 0.5}]},
            r"points\[0\]\.strength: needs the format chromahint-hints/3",
        ),
        (
            {"strokes": [{"points": [[1, 2]], "erase": True}]},
            r"strokes\[0\]\.erase: needs the format chromahint-hints/3",
        ),
        (V3 | {"points": [POINT | {"strength": 1.5}]}, r"points\[0\]\.strength=1\.5: must be a number from 0 to 1"),
        (V3 | {"points": [POINT | {"enabled": 1}]}, r"points\[0\]\.enabled=1: must be true or false"),
        (V3 | {"points": [POINT | {"area": [[0, 0], [1, 1]]}]}, r"points\[0\]\.area: must have three positions"),
        (V3 | {"points": [POINT | {"area": [[0, 0], [1], [2, 2]]}]}, r"points\[0\]\.area\[1\]: must be \[x, y\]"),
        (V3 | {"strokes": [{"points": [[1, 2]], "erase": "yes"}]}, r"strokes\[0\]\.erase='yes': must be true or false"),
        (
            V3 | {"strokes": [{"points": [[1, 2]], "erase": True, "area": [[0, 0], [1, 0], [1, 1]]}]},
            r"strokes\[0\]\.area: a stroke that erases has none",
        ),
        ({"photo": "a.jpg"}, "photo: must be a JSON object"),
        ({"photo": {"name": 3}}, r"photo\.name: must be the name of a file"),
        ({"photo": {"blake2b": "xyz"}}, r"photo\.blake2b='xyz': must be the BLAKE2b"),
        ({"photo": {"path": "/a.jpg"}}, r"photo\.path: unknown field; the fields are blake2b, name"),
    ],
)
def test_errors_name_the_field(tmp_path, change, message):
    (tmp_path / "h.json").write_text(json.dumps(EXAMPLE | change))
    with pytest.raises(ValueError, match=rf"h\.json: {message}"):
        read_hints(tmp_path / "h.json")


def test_limits_of_marks_are_read_and_written(tmp_path):
    content = {
        "points": [
            {"x": 3, "y": 4.5, "color": "#FF8000", "radius": 2, "strength": 0.25, "enabled": True},
            {"x": 5, "y": 6, "keep_grey": True, "area": [[1, 1], [9, 1], [5.5, 9]]},
        ],
        "strokes": [
            {"points": [[1, 2], [3, 4]], "color": "#0000ff", "radius": 1.5, "enabled": False},
            {"points": [[1, 2], [3, 4]], "erase": True, "radius": 2},
        ],
    }
    assert parse_hints(json.dumps(V3 | content)) == LIMITED
    write_hints(tmp_path / "h.json", LIMITED)
    assert read_hints(tmp_path / "h.json") == LIMITED


def test_photo_field_is_optional():
    photo = {"name": "a.jpg", "blake2b": "0123456789abcdef" * 2}
    assert parse_hints(json.dumps(EXAMPLE | {"photo": photo})) == parse_hints(json.dumps(EXAMPLE))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"format": "chromahint-hints/1",\n "points": [,]}', "line 2, column 13: not valid JSON"),
        (b"", "line 1, column 1: not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"format": ' + b"9" * 5000 + b"}", "not valid JSON: a number is too long"),
    ],
)
def test_errors_name_the_line(tmp_path, content, message):
    (tmp_path / "h.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"h\.json: .*{message}"):
        read_hints(tmp_path / "h.json")


def test_missing_file_raises_value_error(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ValueError, match="cannot be read"):
            read_hints(path)


def test_mutated_files_are_read_or_raise_value_error():
    rng = random.Random(0)
    text = json.dumps(EXAMPLE)
    pieces = [
        "1e9",
        "-1",
        "null",
        "true",
        '"',
        "{",
        "[]",
        "NaN",
        "Infinity",
        "1e999",
        '"x"',
        ":",
        ",",
        "\\u0000",
        "é",
        "0.1",
    ]
    values = [None, True, -1, 0, 1e300, 10**30, float("nan"), "", "#12345g", [], {}, [[1, 2]], "relative"]

    def mutate(node):
        """Return a copy of the content with one value replaced, dropped or added."""
        node = json.loads(json.dumps(node))
        place = node
        while isinstance(place, dict | list) and place:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.3:
                action = rng.random()
                if action < 0.7:
                    place[key] = rng.choice(values)
                elif isinstance(place, dict) and action < 0.85:
                    del place[key]
                elif isinstance(place, dict):
                    place[rng.choice(["x", "radius", "z"])] = rng.choice(values)
                else:
                    place.append(rng.choice(values))
                break
            place = place[key]
        return node

    rejected = 0
    for number in range(4000):
        if number % 2:
            mutated = json.dumps(mutate(mutate(EXAMPLE) if number % 3 else EXAMPLE))
        else:
            at = rng.randrange(len(text))
            mutated = text[:at] + rng.choice([*pieces, ""]) + text[at + rng.randrange(6) :]
        try:
            parse_hints(mutated).rasterize(12, 9)
        except ValueError as error:
            assert str(error)  # noqa: PT017  # any other kind of exception fails the test
            rejected += 1
    assert 1000 < rejected < 4000


def test_palette_is_read_with_and_without_weights(tmp_path):
    content = {"format": "chromahint-hints/2", "palette": ["#aa3333", {"color": [10, 20, 30], "weight": 3}]}
    annotations = parse_hints(json.dumps(content))
    assert annotations.palette == (PaletteColor("#aa3333"), PaletteColor((10, 20, 30), 3.0))
    known = annotations.rasterize(4, 6).to_dense((2, 3)).global_hints
    assert known.palette_weights[0].tolist() == [0.25, 0.75, 0, 0, 0, 0, 0]
    assert torch.equal(known.palette, palette_hints(["#aa3333", (10, 20, 30)]).palette)

    write_hints(tmp_path / "h.json", annotations)
    again = read_hints(tmp_path / "h.json")
    assert torch.equal(again.rasterize(4, 6).global_hints.palette_weights, known.palette_weights)


def test_palette_stays_with_resized_hints():
    hints = Annotations((Point(1, 1, "#ffffff"),), palette=(PaletteColor("#aa3333"),)).rasterize(20, 20)
    for size in ((10, 10), (40, 30)):
        assert hints.resized(size).global_hints is not None
    assert Annotations().rasterize(4, 4).global_hints is None
