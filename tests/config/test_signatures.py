"""Types read from source text, held against what Python itself says of the same annotations."""

import ast
import inspect

import pytest

from chromahint.config.errors import ConfigError
from chromahint.config.signatures import accepts, describe, signature

VALUES = [
    None,
    True,
    False,
    0,
    3,
    -1,
    2.5,
    "a",
    "3",
    "",
    [],
    [1],
    [1, 2.5],
    ["a"],
    [1, "a"],
    [None],
    {},
    {"a": 1},
    [[1]],
]
FITTING = {
    "int": [0, 3, -1],
    "float": [0, 3, -1, 2.5],
    "bool": [True, False],
    "str": ["a", "3", ""],
    "None": [None],
    "int | None": [None, 0, 3, -1],
    "float | Literal['a']": [0, 3, -1, 2.5, "a"],
    "Literal['a', 'b']": ["a"],
    "Literal['3']": ["3"],
    "list[int]": [[], [1]],
    "list[float]": [[], [1], [1, 2.5]],
    "list[str] | None": [None, [], ["a"]],
    "list[list[int]]": [[], [[1]]],
    "dict[str, int]": [{}, {"a": 1}],
    "'int | None'": [None, 0, 3, -1],
}


def parse(annotation):
    return ast.parse(annotation, mode="eval").body


@pytest.mark.parametrize("annotation", FITTING)
def test_accepts_what_fits_and_nothing_else(annotation):
    accepted = [value for value in VALUES if accepts(parse(annotation), value)]
    assert [repr(value) for value in accepted] == [repr(v) for v in VALUES if repr(v) in map(repr, FITTING[annotation])]


@pytest.mark.parametrize("annotation", ["Path", "nn.Module", "Callable[[int], int]"])
def test_accepts_anything_where_it_cannot_tell(annotation):
    assert all(accepts(parse(annotation), value) for value in VALUES)
    assert all(accepts(None, value) for value in VALUES)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("int", "a whole number"),
        ("float | None", "a number or null"),
        ("bool", "true or false"),
        ("Literal['a', 'b']", "a or b"),
        ("int | Literal['auto']", "a whole number or auto"),
        ("list[float]", "a list [...] of which each is a number"),
        ("Path", "Path"),
    ],
)
def test_describes_in_words(annotation, words):
    assert describe(parse(annotation)) == words


def test_no_annotation_is_anything():
    assert describe(None) == "anything"


@pytest.mark.parametrize(
    "target",
    [
        "chromahint.models.unet.UNet",
        "chromahint.models.gray_baseline.GrayBaseline",
        "chromahint.evaluation.protocols.random_pixels.RandomPixels",
        "chromahint.training.trainer.make_trainer",
        "chromahint.data.sources.folder.folder_data",
        "chromahint.training.optimizers.sgd",
    ],
)
def test_reads_what_python_reads(target):
    import importlib

    module, _, name = target.rpartition(".")
    real = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    read = signature(target).parameters
    assert list(read) == list(real)
    assert {n: p.required for n, p in read.items()} == {
        n: p.default is inspect.Parameter.empty for n, p in real.items()
    }


def test_methods_are_known():
    assert "with_classes" in signature("chromahint.models.zhang2017.Zhang2017").methods
    assert "with_classes" not in signature("chromahint.models.unet.UNet").methods


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("chromahint.models.unet.Unknown", "defines no Unknown"),
        ("chromahint.models.unknown.UNet", "no Python module"),
        ("no.such.package.Thing", "no Python module"),
        ("Thing", "package.module.Name"),
        ("", "package.module.Name"),
        ("..", "package.module.Name"),
    ],
)
def test_what_is_not_there(target, part):
    with pytest.raises(ConfigError, match=part):
        signature(target)


def test_reading_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "explosive.py").write_text("raise RuntimeError('imported')\n\ndef light(fuse: int = 3): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(signature("explosive.light").parameters) == ["fuse"]


def test_a_file_that_is_no_python_is_named(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("def light(fuse: int = 3:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="halfway"):
        signature("halfway.light")
