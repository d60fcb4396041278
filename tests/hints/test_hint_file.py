"""Hint files: what is read, what is written, and what is said of a broken one."""

import json
import random

import pytest

from chromahint.hints.annotations import Annotations, Point, Stroke
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
MARKS = Annotations(
    (Point(3, 4.5, "#ff8000", 2), Point(0, 1, None), Point(0, 1, "#ffffff")),
    (Stroke(((1, 2), (3, 4)), "#0000ff", 1.5),),
)


def test_reads_what_the_format_says():
    assert parse_hints(json.dumps(EXAMPLE)) == MARKS
    assert parse_hints(json.dumps(EXAMPLE | {"units": "relative"})).units == "relative"
    assert parse_hints('{"format": "chromahint-hints/1"}') == Annotations()


@pytest.mark.parametrize("marks", [MARKS, Annotations(), Annotations((Point(0.5, 1, (1, 2, 3)),), units="relative")])
def test_what_is_written_is_read_again(tmp_path, marks):
    write_hints(tmp_path / "new" / "h.json", marks)
    again = read_hints(tmp_path / "new" / "h.json")
    assert again.rasterize(20, 20).to_dense((20, 20)).mask.equal(marks.on(20, 20).at((20, 20)).mask)
    assert again.rasterize(20, 20).ab.equal(marks.on(20, 20).ab)
    assert json.loads((tmp_path / "new" / "h.json").read_text())["units"] == marks.units


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"format": "chromahint-hints/2"}, "format='chromahint-hints/2': this version reads chromahint-hints/1"),
        ({"format": 1}, "format=1"),
        ({"units": "cm"}, "units='cm': is px or relative"),
        ({"units": ["px"]}, "units=.'px'.: is px or relative"),
        ({"poinst": []}, "poinst: there is no such field; the fields are format, photo, points, strokes, units"),
        ({"points": {}}, r"points: is no list"),
        ({"points": [3]}, r"points\[0\]: is no JSON object"),
        ({"points": [{"x": 1, "color": "#000000"}]}, r"points\[0\]\.y: is missing"),
        ({"points": [{"x": 1, "y": 2}]}, r"points\[0\]\.color: is missing"),
        ({"points": [EXAMPLE["points"][0], {"x": "1", "y": 2, "color": "#000000"}]}, r"points\[1\]\.x='1'"),
        ({"points": [{"x": True, "y": 2, "color": "#000000"}]}, r"points\[0\]\.x=True"),
        ({"points": [{"x": 1e999, "y": 2, "color": "#000000"}]}, r"points\[0\]\.x=inf"),
        ({"points": [{"x": 1, "y": 2, "color": "#00000"}]}, r"points\[0\]\.color='#00000'"),
        ({"points": [{"x": 1, "y": 2, "color": "#000000", "radius": -1}]}, r"points\[0\]\.radius=-1"),
        ({"points": [{"x": 1, "y": 2, "keep_grey": "no"}]}, r"points\[0\]\.keep_grey='no'"),
        ({"points": [{"x": 1, "y": 2, "keep_grey": True, "color": 5}]}, r"points\[0\]\.color=5"),
        ({"points": [{"x": 1, "y": 2, "color": "#000000"}]}, r"points\[0\]\."),
        ({"strokes": [{"points": [], "color": "#000000"}]}, r"strokes\[0\]\.points: is empty"),
        ({"strokes": [{"points": [[1, 2, 3]], "color": "#000000"}]}, r"strokes\[0\]\.points\[0\]: is \[x, y\]"),
        ({"strokes": [{"points": [[1, None]], "color": "#000000"}]}, r"strokes\[0\]\.points\[0\]\.y=None"),
        ({"strokes": [{"points": [[1, 2]]}]}, r"strokes\[0\]\.color: is missing"),
        ({"photo": "a.jpg"}, "photo: is no JSON object"),
        ({"photo": {"name": 3}}, r"photo\.name: is the name of a file"),
        ({"photo": {"blake2b": "xyz"}}, r"photo\.blake2b='xyz': is the BLAKE2b"),
        ({"photo": {"path": "/a.jpg"}}, r"photo\.path: there is no such field; the fields are blake2b, name"),
    ],
)
def test_the_field_is_named(tmp_path, change, part):
    (tmp_path / "h.json").write_text(json.dumps(EXAMPLE | change))
    with pytest.raises(ValueError, match=rf"h\.json: {part}"):
        read_hints(tmp_path / "h.json")


def test_a_file_may_name_its_photo():
    photo = {"name": "a.jpg", "blake2b": "0123456789abcdef" * 2}
    assert parse_hints(json.dumps(EXAMPLE | {"photo": photo})) == parse_hints(json.dumps(EXAMPLE))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b'{"format": "chromahint-hints/1",\n "points": [,]}', "line 2, column 13: is no JSON"),
        (b"", "line 1, column 1: is no JSON"),
        (b"[]", "is no JSON object"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"format": ' + b"9" * 5000 + b"}", "is no JSON of a reasonable size"),
    ],
)
def test_the_line_is_named(tmp_path, content, part):
    (tmp_path / "h.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"h\.json: .*{part}"):
        read_hints(tmp_path / "h.json")


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ValueError, match="cannot be read"):
            read_hints(path)


def test_thousands_of_mutated_files_are_read_or_refused():
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

    def spoil(node):
        """Replace, drop or add something anywhere in a copy of the content."""
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

    refused = 0
    for number in range(4000):
        if number % 2:
            mutated = json.dumps(spoil(spoil(EXAMPLE) if number % 3 else EXAMPLE))
        else:
            at = rng.randrange(len(text))
            mutated = text[:at] + rng.choice([*pieces, ""]) + text[at + rng.randrange(6) :]
        try:
            parse_hints(mutated).rasterize(12, 9)
        except ValueError as error:
            assert str(error)  # noqa: PT017  # any other kind of exception fails the test
            refused += 1
    assert 1000 < refused < 4000
