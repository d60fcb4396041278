"""Chromahint's own networks with weights to learn, by the names of `model=`: the only ones that a file can ask for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

CLASSES = {
    "attention_unet": "AttentionUNet",
    "hscaunet": "HSCAUNet",
    "icolorit": "IColoriT",
    "multibranch": "MultiBranch",
    "resunet": "ResUNet",
    "spreadnet": "SpreadNet",
    "unet": "UNet",
    "zhang2017": "Zhang2017",
}
LEARN_NOTHING = ("grey", "levin", "pullpush")
"""Methods by the names of `model=` that have no weights."""


def build_known(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Build one of Chromahint's networks.

    Args:
        name: as `model=` takes it.
        options: of its constructor.

    Raises:
        ValueError: there is no such network, or it has no such option.
    """
    if name not in CLASSES:
        raise ValueError(f"{name!r:.80}: is none of Chromahint's networks, which are {', '.join(CLASSES)}")
    network_class = getattr(importlib.import_module(target_of(name).rpartition(".")[0]), CLASSES[name])
    known = list(inspect.signature(network_class).parameters)
    if strange := [f"{option!r:.80}" for option in options if option not in known]:
        raise ValueError(f"{name} has no option {', '.join(strange)}; it has {', '.join(known)}")
    network: nn.Module = network_class(**options)
    return network


def target_of(name: str) -> str:
    """The class of a network in full, such as `chromahint.models.unet.UNet`."""
    return f"{__package__}.{name}.{CLASSES[name]}"


def name_of(target: str) -> str | None:
    """The name of a class that was written in full; None for one that is not Chromahint's, or learns nothing.

    >>> name_of("chromahint.models.unet.UNet")
    'unet'
    """
    return next((name for name in CLASSES if target_of(name) == target), None)
