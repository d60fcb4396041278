"""What runs are called on a page: as short as tells them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

_JOB = re.compile(r"(\d+)-(.+)")
_LONGEST = 28
"""Characters of a name that still fits beside a line."""


def short_names(folders: Sequence[Path], above: Path) -> list[str]:
    """Name runs by their folders below another.

    Jobs of one multirun or sweep lie in folders such as `003-seed-0_network-unet`: they are called by what differs,
    where that is short, and else by their number.

    >>> short_names([Path("m/0-seed-0_model-unet"), Path("m/1-seed-0_model-resunet")], Path("m"))
    ['unet', 'resunet']
    >>> short_names([Path("runs/unet/2026"), Path("runs/resunet/2026")], Path("runs"))
    ['unet/2026', 'resunet/2026']
    """
    jobs = [_JOB.fullmatch(folder.name) for folder in folders]
    if len(folders) == 1 or len({folder.parent for folder in folders}) > 1 or not all(jobs):
        return [str(folder.relative_to(above)) for folder in folders]
    numbers, words = zip(*(job.groups() for job in jobs if job), strict=True)
    same = "".join(letters[0] for letters in takewhile(lambda each: len(set(each)) == 1, zip(*words, strict=False)))
    start = max(same.rfind("-"), same.rfind("_")) + 1
    names = [each[start:] for each in words]
    if len(set(names)) == len(names) and all(0 < len(name) <= _LONGEST for name in names):
        return names
    return [f"run {int(number)}" for number in numbers]
