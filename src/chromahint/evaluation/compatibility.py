"""Which results may stand in one table: those of one protocol, size and list of counts, on the same photos."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Metrics = dict[str, Any]
"""The content of metrics.json."""


def require_comparable(results: Mapping[str, Metrics]) -> None:
    """Refuse results that were not measured alike; images of another protocol or size have other figures.

    Args:
        results: name -> metrics.

    Raises:
        ValueError: the results are of several protocols, sizes, or lists of numbers of hints.
    """
    first, *others = results
    wanted = evaluation_setup(results[first])
    for name in others:
        if (came := evaluation_setup(results[name])) != wanted:
            raise ValueError(
                f"{first} was measured by {wanted} and {name} by {came}: only figures of one protocol, size "
                "and list of counts are compared. Evaluate both again with the same protocol=NAME and options of it."
            )


def require_same_images(folders: Mapping[str, Path]) -> None:
    """Refuse evaluations of other photos, which may have changed since a run ended.

    Args:
        folders: name -> folder with an images.csv.

    Raises:
        ValueError: two of them are not of the same photos.
    """
    ids = {name: image_ids(folder) for name, folder in folders.items()}
    first, *others = ids
    for name in others:
        if ids[name] != ids[first]:
            raise ValueError(
                f"{first} and {name} were not measured on the same photos: {folders[first]}, {folders[name]}. "
                "Evaluate both again: move these folders away, and type `chromahint evaluate run=RUN` for runs"
            )


def evaluation_setup(metrics: Metrics) -> str:
    """Say in a few words what figures depend on beside network and photos.

    >>> evaluation_setup({"protocol": "cells_2023", "size": [224, 224], "by_hints": {"0": {}, "10": {}}})
    'cells_2023 at 224x224 with 0, 10 hints'
    """
    height, width = metrics["size"]
    return f"{metrics['protocol']} at {height}x{width} with {', '.join(metrics['by_hints'])} hints"


def image_ids(folder: Path) -> set[str]:
    """The ids of the images in a folder's images.csv."""
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"] for row in csv.DictReader(file)}
