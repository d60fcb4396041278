"""What can be chosen on the page, said without torch: it is there before the networks are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
_KNOWN = {"box": "SpreadNet", "levin": "Levin", "pullpush": "Pull-push"}


class Choice(TypedDict):
    """A network to choose.

    Attributes:
        key: what the page calls it; no path.
        title: what people read.
        guesses: whether it is asked for colours before anyone has said one; those that only spread what was said are
            not, and the photo stays grey.
    """

    key: str
    title: str
    guesses: bool


def choices(models: Sequence[str]) -> list[Choice]:
    """List what can be chosen.

    >>> [choice["title"] for choice in choices(["runs/hscaunet/2026-11-20_10-00-00", "box"])]
    ['hscaunet/2026-11-20_10-00-00', 'SpreadNet']
    """
    return [Choice(key=str(n), title=_title(model), guesses=model not in _KNOWN) for n, model in enumerate(models)]


def _title(model: str) -> str:
    path = Path(model)
    return _KNOWN.get(model) or (path.name if path.suffix else "/".join(path.parts[-2:]))
