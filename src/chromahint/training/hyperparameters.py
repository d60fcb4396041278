"""Describe the parts of a `ColorizationModule` as plain dicts, as stored in checkpoints, and rebuild them.

A description has the form of a config node: `_target_` names a class or function, `_partial_` marks a function that
awaits further arguments, and all other keys are arguments.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from chromahint.ranges import constructor_arguments

Description = dict[str, Any]
"""`_target_` and arguments, as plain values that `torch.load(weights_only=True)` reads."""

_CLASSES = (
    "chromahint.models.",
    "chromahint.hints.",
    "chromahint.evaluation.protocols.",
    "chromahint.training.augmentation.",
    "chromahint.training.old_photos.",
    "chromahint.training.self_play.",
    "chromahint.training.losses.",
    "chromahint.training.lr_schedules.",
)
_ALLOWED = (*_CLASSES, "chromahint.training.optimizers.")


def describe_part(part: Any) -> Description:
    """Describe an object by its class and its constructor arguments.

    The arguments are known for dataclasses, partial functions and classes decorated with `validate_arguments`.

    >>> from chromahint.training.losses import Huber
    >>> describe_part(Huber(delta=0.1))
    {'_target_': 'chromahint.training.losses.Huber', 'delta': 0.1}
    """
    if isinstance(part, functools.partial):
        return {**_target(part.func), "_partial_": True, **{key: _plain(value) for key, value in part.keywords.items()}}
    if inspect.isfunction(part):
        return _target(part)
    return {**_target(type(part)), **{name: _plain(value) for name, value in constructor_arguments(part).items()}}


def build(part: Any) -> Any:
    """Build the object of a description. Anything but a mapping is returned as it is.

    Descriptions come from files, so only classes and optimizers of Chromahint are built.

    Raises:
        ValueError: The description names something else, or its arguments are wrong.
    """
    if not isinstance(part, Mapping):
        return part
    target = str(part.get("_target_"))
    module, _, name = target.rpartition(".")
    found: Any = getattr(importlib.import_module(module), name, None) if target.startswith(_ALLOWED) else None
    is_allowed = inspect.isclass(found) if target.startswith(_CLASSES) else inspect.isfunction(found)
    if not is_allowed or found.__module__ != module or name.startswith("_"):
        raise ValueError(
            f"{target}: not part of Chromahint, so it is not built from a checkpoint. "
            "Pass the object itself: ColorizationModule.load_from_checkpoint(path, network=MyNetwork())."
        )
    arguments = {key: _build_nested(value) for key, value in part.items() if key not in ("_target_", "_partial_")}
    try:
        return functools.partial(found, **arguments) if part.get("_partial_") else found(**arguments)
    except TypeError as error:
        raise ValueError(f"{target}: {error}. Pass the object itself to load_from_checkpoint.") from None


def _target(named: Any) -> Description:
    return {"_target_": f"{named.__module__}.{named.__qualname__}"}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return describe_part(value)


def _build_nested(value: Any) -> Any:
    return [_build_nested(each) for each in value] if isinstance(value, list) else build(value)
