"""Labels of runs on a page: as short as possible while still unique."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

_JOB_FOLDER = re.compile(r"(\d+)-(.+)")
_MAX_LENGTH = 28
"""Characters of a label that still fit next to a line of a chart."""


def short_labels(folders: Sequence[Path], parent: Path) -> list[str]:
    """Label runs by their paths relative to a parent folder.

    Jobs of a multirun or sweep have folders such as `003-seed-0_network-unet`. Their labels are the parts that differ,
    if those are short, or else their numbers.

    >>> short_labels([Path("m/0-seed-0_model-unet"), Path("m/1-seed-0_model-resunet")], Path("m"))
    ['unet', 'resunet']
    >>> short_labels([Path("runs/unet/2026"), Path("runs/resunet/2026")], Path("runs"))
    ['unet/2026', 'resunet/2026']
    """
    jobs = [_JOB_FOLDER.fullmatch(folder.name) for folder in folders]
    if len(folders) == 1 or len({folder.parent for folder in folders}) > 1 or not all(jobs):
        return [str(folder.relative_to(parent)) for folder in folders]
    numbers, names = zip(*(job.groups() for job in jobs if job), strict=True)
    prefix = "".join(chars[0] for chars in takewhile(lambda chars: len(set(chars)) == 1, zip(*names, strict=False)))
    start = max(prefix.rfind("-"), prefix.rfind("_")) + 1
    labels = [name[start:] for name in names]
    if len(set(labels)) == len(labels) and all(0 < len(label) <= _MAX_LENGTH for label in labels):
        return labels
    return [f"run {int(number)}" for number in numbers]
