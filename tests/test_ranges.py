"""Ranges in annotations: which values they allow, and how a value outside of them is reported."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ForwardRef, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf

from chromahint.ranges import (
    BatchSize,
    Count,
    Directory,
    Fraction,
    HasTarget,
    HintCounts,
    ImageSize,
    NonNegative,
    NumWorkers,
    Positive,
    Probability,
    Seed,
    Width,
    accepts,
    describe_annotation,
    shown,
    validate_arguments,
    violation,
)

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
ACCEPTED = [
    (int, [0, 3, -1]),
    (float, [0, 3, -1, 2.5]),
    (bool, [True, False]),
    (str, ["a", "3", ""]),
    (None, [None]),
    (int | None, [None, 0, 3, -1]),
    (float | Literal["a"], [0, 3, -1, 2.5, "a"]),
    (Literal["a", "b"], ["a"]),
    (Literal["3"], ["3"]),
    (Literal[3], [3]),
    (list[int], [[], [1]]),
    (list[float], [[], [1], [1, 2.5]]),
    (list[str] | None, [None, [], ["a"]]),
    (list[list[int]], [[], [[1]]]),
    (dict[str, int], [{}, {"a": 1}]),
    (dict[str, str], [{}]),
    (Annotated[int, Ge(0), Lt(3)], [0]),
    (Annotated[int, Interval(ge=0, le=3)], [0, 3]),
    (Annotated[float, Gt(0)] | None, [None, 3, 2.5]),
    (Annotated[list[int], MinLen(1)], [[1]]),
    (Annotated[list[int], MaxLen(0)], [[]]),
    (Annotated[list[float], Len(2, 2)], [[1, 2.5]]),
    (Annotated[int, "a comment"], [0, 3, -1]),
]


@pytest.mark.parametrize(("annotation", "accepted"), ACCEPTED, ids=lambda each: str(each)[:50])
def test_accepts_matching_values_only(annotation, accepted):
    assert [repr(value) for value in VALUES if accepts(annotation, value)] == [
        repr(value) for value in VALUES if repr(value) in map(repr, accepted)
    ]


@pytest.mark.parametrize("annotation", [Any, Path, ForwardRef("nn.Module")])
def test_other_types_accept_anything(annotation):
    assert all(accepts(annotation, value) for value in VALUES)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, np.float32("nan")])
@pytest.mark.parametrize("annotation", [float, Positive, NonNegative, Probability, Fraction, float | None, list[float]])
def test_numbers_must_be_finite(annotation, value):
    assert not accepts(annotation, [value] if annotation == list[float] else value)


@pytest.mark.parametrize(
    ("annotation", "smallest", "largest"),
    [
        (Seed, 0, 2**32 - 1),
        (Count, 1, 10**9),
        (BatchSize, 1, 65_536),
        (NumWorkers, 0, 1024),
        (ImageSize, 16, 8192),
        (Width, 4, 4096),
        (Probability, 0, 1),
    ],
)
def test_shared_ranges_have_two_ends(annotation, smallest, largest):
    assert accepts(annotation, smallest)
    assert accepts(annotation, largest)
    assert not accepts(annotation, smallest - 1)
    assert not accepts(annotation, largest + 1)
    assert not accepts(annotation, 10**19)


def test_ends_of_fractions_and_lists():
    assert [accepts(Fraction, value) for value in (0, 0.5, 1)] == [True, True, False]
    assert [accepts(Positive, value) for value in (0, 1e-300)] == [False, True]
    assert [accepts(Width, value) for value in (6, 7)] == [True, False]
    assert [accepts(HintCounts, value) for value in ([], [0], [-1], [10**19], [0] * 1001)] == [
        False, True, False, False, False,
    ]  # fmt: skip


def test_numpy_numbers_and_tuples_are_accepted():
    assert accepts(BatchSize, np.int64(4))
    assert accepts(Positive, np.float32(4))
    assert not accepts(BatchSize, np.int64(0))
    assert accepts(Annotated[list[Fraction], Len(2, 2)], (0.9, 0.99))


def test_paths_are_text(tmp_path):
    assert accepts(str, tmp_path)
    assert accepts(Directory, tmp_path)
    assert accepts(Directory, str(tmp_path))
    assert not accepts(Directory, tmp_path / "nowhere")
    assert not accepts(Directory, 5)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    assert accepts(Directory, "~/photos")


def test_a_component_names_its_target():
    component = Annotated[dict[str, Any], HasTarget()]
    assert accepts(component, {"_target_": "a.B"})
    assert not any(accepts(component, value) for value in ({}, {"_target_": 3}, None, "a.B"))


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "an integer"),
        (float | None, "a number or null"),
        (bool, "true or false"),
        (str | None, "text or null"),
        (Literal["a", "b"], "a or b"),
        (Literal["a", "b", "c"], "a, b, or c"),
        (int | Literal["auto"], "an integer or auto"),
        (list[float], "a list [...], each item a number"),
        (Annotated[int, Ge(1), Le(65_536)], "an integer >= 1 and <= 65,536"),
        (Annotated[int, Ge(1), Le(9)] | None, "an integer >= 1 and <= 9, or null"),
        (Annotated[float, Gt(0), Lt(1)], "a number > 0 and < 1"),
        (Annotated[int, Ge(4), MultipleOf(2)], "an integer >= 4 and a multiple of 2"),
        (Annotated[list[Fraction], Len(2, 2)], "a list [...] of 2, each item a number >= 0 and < 1"),
        (Annotated[list[int], MinLen(1)], "a list [...] of 1 or more, each item an integer"),
        (Directory | None, "an existing folder or null"),
        (dict[str, int], "a mapping {...}"),
        (Path, "Path"),
        (ForwardRef("nn.Module"), "nn.Module"),
        (Any, "anything"),
    ],
)
def test_describes_what_is_allowed(annotation, text):
    assert describe_annotation(annotation) == text


@pytest.mark.parametrize(
    ("annotation", "value", "default", "message"),
    [
        (BatchSize, 0, 16, "data.x=0: must be an integer >= 1 and <= 65,536. Try data.x=16."),
        (Positive | None, -1, None, "data.x=-1: must be a number > 0 or null. Try data.x=null."),
        (Positive, math.inf, 0.1, "data.x=inf: must be a finite number > 0. Try data.x=0.1."),
        (bool, 1, False, "data.x=1: must be true or false. Try data.x=false."),
        (int, None, object(), "data.x=null: must be an integer."),
        (int, 2.5, "no integer", "data.x=2.5: must be an integer."),
        (Directory, "/no/where", "/", "data.x=/no/where: folder not found. Pass data.x=PATH of an existing folder."),
        (int, 3, 4, None),
    ],
)
def test_a_message_says_what_is_wrong_and_what_to_type(annotation, value, default, message):
    assert violation("data.x", annotation, value, default) == message


def test_long_values_are_shortened():
    assert len(shown(list(range(1000)))) == 80
    assert shown([1, None]) == "[1, None]"


@validate_arguments("data")
def load(
    root: Directory, size: ImageSize | None = 64, mode: Literal["a", "b"] = "a", note: str = "", *, seed: Seed = 0
):
    return size, mode, note, seed


@validate_arguments("hints")
@dataclass(frozen=True)
class Sampler:
    counts: HintCounts = field(default_factory=lambda: [1])
    rate: Probability = 0.5


class Base:
    @validate_arguments("model")
    def __init__(self, width: Width = 16) -> None:
        self.width = width


class Derived(Base):
    def __init__(self, width: int) -> None:
        super().__init__(2 * width)


def test_valid_arguments_are_passed_on(tmp_path):
    assert load(tmp_path, None, seed=3) == (None, "a", "", 3)
    assert Sampler([2], rate=1) == Sampler(rate=1, counts=[2])
    assert Derived(4).width == 8


def test_types_without_a_range_are_not_checked(tmp_path):
    assert load(tmp_path, note=5) == (64, "a", 5, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load("/no/where"), "data.root=/no/where: folder not found"),
        (lambda: load("/", 3), "data.size=3: must be an integer >= 16 and <= 8192, or null. Try data.size=64."),
        (lambda: load("/", mode="c"), "data.mode=c: must be a or b. Try data.mode=a."),
        (lambda: load("/", seed=-1), "data.seed=-1: must be"),
        (lambda: Sampler([]), "hints.counts=[]: must be a list"),
        (lambda: Sampler(rate=math.nan), "hints.rate=nan: must be a finite number >= 0 and <= 1. Try hints.rate=0.5."),
        (lambda: Base(7), "model.width=7: must be an integer >= 4"),
        (lambda: Derived(1), "model.width=2: must be an integer >= 4"),
    ],
)
def test_arguments_out_of_range_are_reported_under_the_options_full_name(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "call", [lambda: load(), lambda: load("/", width=1), lambda: Sampler(1, 2, 3), lambda: Base(a=1)]
)
def test_wrong_calls_raise_type_error_as_usual(call):
    with pytest.raises(TypeError, match="argument"):
        call()


def test_the_signature_stays_visible():
    import inspect

    assert list(inspect.signature(load).parameters) == ["root", "size", "mode", "note", "seed"]
    assert list(inspect.signature(Base).parameters) == ["width"]
    assert Base.__init__.__qualname__ == "Base.__init__"
