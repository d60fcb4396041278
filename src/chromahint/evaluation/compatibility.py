"""Checks that results are comparable: same protocol, image size, hint counts and images."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Metrics = dict[str, Any]
"""Content of metrics.json."""


def require_comparable(results: Mapping[str, Metrics]) -> None:
    """Raise an error if results have different protocols, image sizes or hint counts.

    Args:
        results: Metrics of each method, by name.

    Raises:
        ValueError: The results are not comparable.
    """
    first, *others = results
    expected = evaluation_setup(results[first])
    for name in others:
        if (setup := evaluation_setup(results[name])) != expected:
            raise ValueError(
                f"{first}, {name}: not comparable: {first} was evaluated with {expected}, {name} with {setup}. "
                "Evaluate both with the same protocol=NAME and the same protocol options."
            )


def require_same_images(folders: Mapping[str, Path]) -> None:
    """Raise an error if evaluations are of different images, for example because photos changed in between.

    Args:
        folders: Evaluation folder of each method (it contains images.csv), by name.

    Raises:
        ValueError: Two evaluations are of different images.
    """
    ids = {name: image_ids(folder) for name, folder in folders.items()}
    first, *others = ids
    for name in others:
        if ids[name] != ids[first]:
            raise ValueError(
                f"{folders[first]}, {folders[name]}: {first} and {name} were evaluated on different images. "
                "Move these folders away and evaluate both again, with `chromahint evaluate run=RUN` for runs."
            )


def evaluation_setup(metrics: Metrics) -> str:
    """Describe an evaluation, apart from the network and the images.

    >>> evaluation_setup({"protocol": "cells_2023", "size": [224, 224], "by_hints": {"0": {}, "10": {}}})
    'cells_2023 at 224x224 with 0, 10 hints'
    """
    return f"{protocol_and_size(metrics)} with {', '.join(metrics['by_hints'])} hints"


def protocol_and_size(metrics: Metrics) -> str:
    """Describe an evaluation, apart from the network, the images, and the hint counts.

    >>> protocol_and_size({"protocol": "cells_2023", "size": [224, 224], "by_hints": {"0": {}, "10": {}}})
    'cells_2023 at 224x224'
    """
    height, width = metrics["size"]
    return f"{metrics['protocol']} at {height}x{width}"


def methods_without_hints(results: Mapping[str, Metrics]) -> list[str]:
    """Return the names of the methods that take no hints: their scores are the same for every number of hints.

    >>> methods_without_hints({"a": {"by_hints": {"0": {"psnr": 20.0}, "10": {"psnr": 20.0}}}})
    ['a']
    """
    by_count = {name: list(result["by_hints"].values()) for name, result in results.items()}
    return [name for name, scores in by_count.items() if len(scores) > 1 and all(each == scores[0] for each in scores)]


def image_ids(folder: Path) -> set[str]:
    """Return the ids of the images in a folder's images.csv."""
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"] for row in csv.DictReader(file)}
