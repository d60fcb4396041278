"""What the list of networks says about each: every network's file states it beside the class, as `CARD`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """Where a network comes from.

    Attributes:
        year: of its publication; None for what has no date.
        input: what its first layer reads, in its own scaling.
        source: the paper or project.
    """

    year: int | None
    input: str
    source: str
