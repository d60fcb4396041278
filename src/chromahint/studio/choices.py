"""What can be chosen on the page, said without torch: it is there before the networks are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
_KNOWN = {"box": "SpreadNet", "levin": "Levin", "pullpush": "Pull-push"}


def titles(models: Sequence[str]) -> list[dict[str, str]]:
    """A key, which is no path, and a title for each model.

    >>> titles(["runs/hscaunet/2026-11-20_10-00-00", "box"])
    [{'key': '0', 'title': 'hscaunet/2026-11-20_10-00-00'}, {'key': '1', 'title': 'SpreadNet'}]
    """
    return [{"key": str(number), "title": _title(model)} for number, model in enumerate(models)]


def _title(model: str) -> str:
    path = Path(model)
    return _KNOWN.get(model) or (path.name if path.suffix else "/".join(path.parts[-2:]))
