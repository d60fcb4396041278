"""Signatures read from source text, compared with what Python itself says of the same classes and functions."""

import importlib
import inspect
import typing
from typing import Annotated, Any, ForwardRef, Literal

import pytest
from annotated_types import Ge, Interval, Le, Len, Lt, MinLen, MultipleOf

from chromahint.config.errors import ConfigError
from chromahint.config.paths import packaged_dir
from chromahint.config.signatures import signature
from chromahint.ranges import MISSING, Directory, HasTarget, Seed

TARGETS = sorted(
    {
        line.removeprefix("_target_: ")
        for file in packaged_dir("conf").glob("*/*.yaml")
        for line in map(str.strip, file.read_text(encoding="utf-8").splitlines())
        if line.startswith("_target_: ")
    }
)
MODULE = """
import typing
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Optional, Union

import annotated_types as at
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MinLen, MultipleOf, Predicate
from torch import nn

from chromahint.models.unet import UNet
from chromahint.ranges import Directory, Seed
from otherpackage import Size as ImageSide

LIMIT = 2**10
Positive = Annotated[int, Ge(1)]
Again = Positive
Pair = Annotated[list[Positive], Len(2, 2)]
MODES = ("a", "b")


def function({annotation}): ...


@dataclass
class Base:
    first: Positive
    kind: ClassVar[str] = "base"
    second: Seed = 3
    third: list[int] = field(default_factory=list)
    name = "plain"

    def method(self): ...


class Derived(Base):
    kind = "derived"

    def another(self): ...


@dataclass
class Extended(Base):
    second: Positive = 5
    fourth: bool = True


class Network(UNet): ...


class Module(nn.Module): ...


class Recursive(Recursive): ...


def options(source, *, size: int = 3, **source_options: Any): ...
"""
ANNOTATIONS = {
    "x": Any,
    "x: int": int,
    "x: 'int | None'": int | None,
    "x: Optional[float]": float | None,
    "x: Union[int, str]": int | str,
    "x: typing.Literal['a', 3]": Literal["a", 3],
    "x: list[list[int]]": list[list[int]],
    "x: typing.Sequence[float]": list[float],
    "x: dict[str, int]": dict[str, int],
    "x: Any": Any,
    "x: Any | None": Any | None,
    "x: Positive": Annotated[int, Ge(1)],
    "x: Again | None": Annotated[int, Ge(1)] | None,
    "x: Pair": Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)],
    "x: Seed": Seed,
    "x: Directory": Directory,
    "x: Annotated[int, Ge(-1), Le(LIMIT)]": Annotated[int, Ge(-1), Le(1024)],
    "x: Annotated[int, at.Ge(1), at.Lt(lt=5 * 2 - 1)]": Annotated[int, Ge(1), Lt(9)],
    "x: Annotated[float, Interval(gt=0, lt=1)]": Annotated[float, Interval(gt=0, lt=1)],
    "x: Annotated[int, MultipleOf(2), Predicate(str.isdigit), 'a comment']": Annotated[int, MultipleOf(2)],
    "x: Annotated[list[str], MinLen(1)]": Annotated[list[str], MinLen(1)],
    "x: Annotated[float, Gt(unknown())]": float,
    "x: nn.Module": ForwardRef("nn.Module"),
    "x: Unknown | None": typing.Union[ForwardRef("Unknown"), None],  # noqa: UP007
    "x: ImageSide": ForwardRef("ImageSide"),
    "x: Callable[[int], int]": ForwardRef("Callable[[int], int]"),
    "x: Literal[undefined]": ForwardRef("Literal[undefined]"),
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that is never imported, and return the name that signatures find it under."""
    numbers = iter(range(1000))
    monkeypatch.syspath_prepend(tmp_path)

    def write(annotation="x"):
        name = f"{tmp_path.name.replace('-', '_')}_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(MODULE.replace("{annotation}", annotation))
        importlib.invalidate_caches()
        return name

    return write


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_annotations_become_types(module, annotation):
    assert signature(f"{module(annotation)}.function").parameters["x"].annotation == ANNOTATIONS[annotation]


@pytest.mark.parametrize(
    ("parameter", "required", "default"),
    [
        ("x", True, MISSING),
        ("x=3", False, 3),
        ("x: float = -1e-3", False, -1e-3),
        ("x=LIMIT", False, 1024),
        ("x=[1, 2]", False, [1, 2]),
        ("x=None", False, None),
        ("x=unknown()", False, MISSING),
        ("*, x", True, MISSING),
        ("*, x='a'", False, "a"),
        ("y, /, x=5", False, 5),
    ],
)
def test_defaults_are_read(module, parameter, required, default):
    read = signature(f"{module(parameter)}.function").parameters["x"]
    assert (read.required, read.default) == (required, default)


def test_fields_of_a_dataclass(module):
    read = signature(f"{module()}.Base")
    assert {name: each.required for name, each in read.parameters.items()} == {
        "first": True, "second": False, "third": False,
    }  # fmt: skip
    assert read.parameters["second"].annotation == Seed
    assert read.constants == {"kind": "base", "name": "plain"}
    assert read.methods == {"method"}


def test_what_a_class_inherits_in_its_package(module):
    name = module()
    derived, extended = signature(f"{name}.Derived"), signature(f"{name}.Extended")
    assert list(derived.parameters) == ["first", "second", "third"]
    assert derived.constants == {"kind": "derived", "name": "plain"}
    assert derived.methods == {"method", "another"}
    assert list(extended.parameters) == ["first", "second", "third", "fourth"]
    assert extended.parameters["second"].annotation == Annotated[int, Ge(1)]
    assert list(signature(f"{name}.Network").parameters) == list(signature("chromahint.models.unet.UNet").parameters)


def test_bases_of_other_packages_are_not_read(module):
    name = module()
    assert signature(f"{name}.Module").parameters == {}
    assert signature(f"{name}.Recursive").parameters == {}


def test_a_catch_all_belongs_to_the_parameter_in_its_name(module):
    assert signature(f"{module()}.options").forwards_to == "source"
    assert signature("chromahint.data.datamodule.PhotoDataModule").forwards_to == "source"


@pytest.mark.parametrize("target", TARGETS)
def test_reads_the_signatures_that_python_reads(target):
    module, _, name = target.rpartition(".")
    real = getattr(importlib.import_module(module), name)
    parameters = {
        key: each for key, each in inspect.signature(real).parameters.items() if each.kind is not each.VAR_KEYWORD
    }
    hints = typing.get_type_hints(real.__init__ if inspect.isclass(real) else real, include_extras=True)
    read = signature(target).parameters
    assert list(read) == list(parameters)
    for key, each in read.items():
        assert each.required == (parameters[key].default is MISSING), key
        if each.default is not MISSING:
            assert each.default == parameters[key].default, key
        if "ForwardRef" not in repr(each.annotation):
            assert each.annotation == hints[key], key


def test_methods_and_constants_are_known():
    assert "with_classes" in signature("chromahint.models.zhang2017.Zhang2017").methods
    assert "with_classes" not in signature("chromahint.models.unet.UNet").methods
    assert signature("chromahint.training.losses.Zhang").constants["needs_classes"] is True
    assert signature("chromahint.training.losses.Huber").constants["needs_classes"] is False


def test_options_at_the_top_are_read_the_same_way():
    read = signature("chromahint.config.options.EvaluateOptions").parameters
    assert read["seed"].annotation == Seed
    assert HasTarget() in typing.get_args(read["model"].annotation)


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("chromahint.models.unet.Unknown", "defines no Unknown"),
        ("chromahint.models.unknown.UNet", "module chromahint.models.unknown not found"),
        ("no.such.package.Thing", "module no.such.package not found"),
        ("Thing", "package.module.Name"),
        ("", "package.module.Name"),
        ("..", "package.module.Name"),
    ],
)
def test_a_missing_target_is_reported(target, part):
    with pytest.raises(ConfigError, match=part):
        signature(target)


def test_reading_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "explosive.py").write_text("raise RuntimeError('imported')\n\ndef light(fuse: int = 3): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(signature("explosive.light").parameters) == ["fuse"]


def test_invalid_python_is_reported_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("def light(fuse: int = 3:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"halfway is not valid Python \(line 1\)"):
        signature("halfway.light")
