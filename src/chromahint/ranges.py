"""Allowed values of options: a range stands at the parameter that it bounds, as `Annotated` metadata.

The config check reads the same metadata from the source text (`chromahint.config.signatures`), and `validate_arguments`
enforces it for Python callers. Both report a bad value with the same message.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf


@dataclass(frozen=True)
class IsDirectory:
    """Marks a path that must be an existing folder."""


@dataclass(frozen=True)
class HasTarget:
    """Marks a config node that names a class or function in `_target_`."""


Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
"""Seed of a random generator; NumPy takes no larger one."""
Count = Annotated[int, Ge(1), Le(10**9)]
BatchSize = Annotated[int, Ge(1), Le(65_536)]
NumWorkers = Annotated[int, Ge(0), Le(1024)]
ImageSize = Annotated[int, Ge(16), Le(8192)]
"""Height and width of a square image in pixels."""
HintCounts = Annotated[list[Annotated[int, Ge(0), Le(8192**2)]], MinLen(1), MaxLen(1000)]
"""Numbers of hints of an evaluation protocol; no image has more pixels than the largest."""
Width = Annotated[int, Ge(4), Le(4096), MultipleOf(2)]
"""Channels of a network's first level; most published networks have 64."""
Probability = Annotated[float, Ge(0), Le(1)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Directory = Annotated[str, IsDirectory()]

MISSING: Any = inspect.Parameter.empty
"""Stands for a default that a parameter doesn't have."""

_TYPES: dict[Any, tuple[str, tuple[type, ...]]] = {
    int: ("an integer", (numbers.Integral,)),
    float: ("a number", (numbers.Real,)),
    bool: ("true or false", (bool,)),
    str: ("text", (str, os.PathLike)),
}
_Callable = TypeVar("_Callable", bound=Callable[..., Any])


def validate_arguments(group: str) -> Callable[[_Callable], _Callable]:
    """Decorate a function or class: arguments outside the range of their annotation raise ValueError.

    Only parameters with `Annotated` or `Literal` in their annotation are checked. Objects remember what they were built
    with; see `constructor_arguments`.

    Args:
        group: config node that holds the options, for the message, such as `data` or `callbacks.ema`.

    >>> @validate_arguments("data")
    ... def load(batch_size: BatchSize = 16) -> None: ...
    >>> load(0)
    Traceback (most recent call last):
    ValueError: data.batch_size=0: must be an integer >= 1 and <= 65,536. Try data.batch_size=16.
    """

    def decorate(target: Any) -> Any:
        if inspect.isclass(target):
            type.__setattr__(target, "__init__", decorate(target.__init__))
            return target
        signature = inspect.signature(target)

        @functools.cache
        def limited() -> dict[str, Any]:
            hints = get_type_hints(target, include_extras=True)
            return {name: hints[name] for name in signature.parameters if name in hints and _is_limited(hints[name])}

        @functools.wraps(target)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return target(*args, **kwargs)  # raises a TypeError that names the function
            for name, annotation in limited().items():
                default, given = signature.parameters[name].default, bound.arguments
                if name in given and (wrong := violation(f"{group}.{name}", annotation, given[name], default)):
                    raise ValueError(wrong)
            result = target(*args, **kwargs)
            if target.__name__ == "__init__":
                bound.apply_defaults()
                vars(args[0])[_ARGUMENTS] = dict(list(bound.arguments.items())[1:])
            return result

        return checked

    return decorate


_ARGUMENTS = "_constructor_arguments"


def constructor_arguments(instance: object) -> dict[str, Any]:
    """Return the constructor arguments, including defaults, of an object whose class `validate_arguments` decorates.

    >>> @validate_arguments("data")
    ... class Loader:
    ...     def __init__(self, batch_size: BatchSize = 16) -> None: ...
    >>> constructor_arguments(Loader())
    {'batch_size': 16}
    """
    if is_dataclass(instance):
        return {each.name: getattr(instance, each.name) for each in fields(instance) if each.init}
    return dict(vars(instance).get(_ARGUMENTS, {}))


def violation(name: str, annotation: Any, value: Any, default: Any = MISSING) -> str | None:
    """Return what is wrong with a value and what to type instead, or None if its annotation allows it.

    >>> violation("seed", Seed, -1, 0)
    'seed=-1: must be an integer >= 0 and <= 4,294,967,295. Try seed=0.'
    """
    if accepts(annotation, value):
        return None
    if IsDirectory() in _metadata(annotation) and isinstance(value, str | os.PathLike):
        return f"{name}={value}: folder not found. Pass {name}=PATH of an existing folder."
    example = f" Try {name}={shown(default)}." if _is_plain(default) and accepts(annotation, default) else ""
    allowed = describe_annotation(annotation)
    if isinstance(value, float) and not math.isfinite(value):
        allowed = allowed.replace("a number", "a finite number")
    return f"{name}={shown(value)}: must be {allowed}.{example}"


def accepts(annotation: Any, value: Any) -> bool:
    """Tell whether a value fits an annotation. Numbers must be finite; a type other than a plain one takes anything.

    >>> accepts(int | None, 3), accepts(int | None, "three"), accepts(int, True), accepts(float, math.inf)
    (True, False, False, False)
    >>> accepts(Seed, -1), accepts(list[Seed], [0, 1])
    (False, True)
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return accepts(inner[0], value) and all(_satisfies(rule, value) for rule in _rules(inner[1:]))
    if origin in (Union, types.UnionType):
        return any(accepts(each, value) for each in inner)
    if origin is Literal:
        return any(value == each and type(value) is type(each) for each in inner)
    if origin is list:
        return _is_list(value) and all(accepts(inner[0], each) for each in value)
    if origin is dict or annotation is dict:
        return isinstance(value, Mapping) and all(accepts(inner[1], each) for each in value.values() if inner)
    if annotation in (None, types.NoneType):
        return value is None
    if annotation in _TYPES:
        if isinstance(value, bool) and annotation is not bool:
            return False
        return isinstance(value, _TYPES[annotation][1]) and (annotation is not float or _is_finite(value))
    return True


def describe_annotation(annotation: Any) -> str:
    """Say what an annotation allows.

    >>> describe_annotation(Literal["cbam", "spatial"] | None)
    'cbam, spatial, or null'
    >>> describe_annotation(Annotated[int, Ge(4), MultipleOf(2)])
    'an integer >= 4 and a multiple of 2'
    """
    alternatives = list(dict.fromkeys(_alternatives(annotation)))
    if len(alternatives) == 2 and not any(sign in alternatives[0] for sign in (" and ", ",")):
        return " or ".join(alternatives)
    return ", ".join([*alternatives[:-1], f"or {alternatives[-1]}"]) if len(alternatives) > 1 else alternatives[0]


def shown(value: Any) -> str:
    """Write a value as it is typed, shortened if it is long.

    >>> shown(None), shown(True), shown([1, 2])
    ('null', 'true', '[1, 2]')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _alternatives(annotation: Any) -> list[str]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        rules = _rules(inner[1:])
        if HasTarget() in rules:
            return ["a node with a _target_"]
        if IsDirectory() in rules:
            return ["an existing folder"]
        if get_origin(inner[0]) is list:
            return [f"a list [...]{_length(rules)}, each item {describe_annotation(get_args(inner[0])[0])}"]
        bounds = " and ".join(text for rule in rules if (text := _bound(rule)))
        return [f"{describe_annotation(inner[0])} {bounds}".rstrip()]
    if origin in (Union, types.UnionType):
        return [text for each in inner for text in _alternatives(each)]
    if origin is Literal:
        return [shown(each) for each in inner]
    if origin is list:
        return [f"a list [...], each item {describe_annotation(inner[0])}"]
    if origin is dict or annotation is dict:
        return ["a mapping {...}"]
    if annotation in (None, types.NoneType):
        return ["null"]
    if annotation in _TYPES:
        return [_TYPES[annotation][0]]
    if isinstance(annotation, ForwardRef):
        return [annotation.__forward_arg__]
    return ["anything" if annotation is Any else getattr(annotation, "__name__", str(annotation))]


def _rules(metadata: Sequence[Any]) -> list[Any]:
    return [rule for each in metadata for rule in (each if isinstance(each, GroupedMetadata) else (each,))]


def _metadata(annotation: Any) -> list[Any]:
    """The metadata of an annotation and of its alternatives."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _rules(inner[1:])
    return [rule for each in inner for rule in _metadata(each)] if origin in (Union, types.UnionType) else []


def _satisfies(rule: Any, value: Any) -> bool:
    match rule:
        case Ge(ge=least):
            return bool(value >= least)
        case Gt(gt=least):
            return bool(value > least)
        case Le(le=most):
            return bool(value <= most)
        case Lt(lt=most):
            return bool(value < most)
        case MultipleOf(multiple_of=step):
            return bool(value % step == 0)
        case MinLen(min_length=least):
            return len(value) >= least
        case MaxLen(max_length=most):
            return len(value) <= most
        case IsDirectory():
            return Path(value).expanduser().is_dir()
        case HasTarget():
            return isinstance(value.get("_target_"), str)
    return True


def _bound(rule: Any) -> str:
    match rule:
        case Ge(ge=number):
            return f">= {_number(number)}"
        case Gt(gt=number):
            return f"> {_number(number)}"
        case Le(le=number):
            return f"<= {_number(number)}"
        case Lt(lt=number):
            return f"< {_number(number)}"
        case MultipleOf(multiple_of=step):
            return f"a multiple of {step}"
    return ""


def _number(number: Any) -> str:
    return f"{number:,}" if isinstance(number, int) and number >= 10_000 else str(number)


def _length(rules: Sequence[Any]) -> str:
    least = next((rule.min_length for rule in rules if isinstance(rule, MinLen)), 0)
    most = next((rule.max_length for rule in rules if isinstance(rule, MaxLen)), None)
    if most is None:
        return f" of {least} or more" if least else ""
    return f" of {least}" if least == most else f" of {least} to {most}"


def _is_limited(annotation: Any) -> bool:
    return get_origin(annotation) in (Annotated, Literal) or any(map(_is_limited, get_args(annotation)))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False
