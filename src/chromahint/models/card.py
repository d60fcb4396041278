"""What the list of networks says about each: every network's file states it beside the class, as `CARD`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """One form of a network that has been described somewhere.

    Attributes:
        options: what it is built with, where that differs from the defaults of its class.
        parameters: how many its publication gives it; None where that is not said.
        gmac: thousand million multiply-adds a picture, as published.
        side: of the picture that `gmac` is for, in pixels.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    gmac: float | None = None
    side: int = 256


@dataclass(frozen=True)
class Card:
    """Where a network comes from.

    Attributes:
        year: of its publication; None for what has no date.
        input: what its first layer reads, in its own scaling.
        source: the paper or project.
        recipe: what is typed after `chromahint` to train it, as it was published where it was.
        variants: its published forms.
    """

    year: int | None
    input: str
    source: str
    recipe: str | None = None
    variants: tuple[Variant, ...] = (Variant(),)


def card_of(target: str) -> Card:
    """The card beside a class such as `chromahint.models.unet.UNet`; an empty one where its file has none."""
    card: Card = getattr(importlib.import_module(target.rpartition(".")[0]), "CARD", _UNKNOWN)
    return card


_UNKNOWN = Card(year=None, input="", source="")
