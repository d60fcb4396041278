"""Scores in images.csv as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chromahint.evaluation.images_csv import read_rows
from chromahint.report.statistics import Array


@dataclass(frozen=True)
class ImageTable:
    """Content of images.csv; P images in the order of their ids, K numbers of hints in ascending order.

    Attributes:
        names: P names.
        ids: P ids.
        hint_counts: K numbers of hints.
        scores: name of each metric -> KxP.
        colorless: ids of photos without color; empty in format 1, which does not record them.
        seconds: median time per image, NaN if it is not known.
    """

    names: list[str]
    ids: tuple[str, ...]
    hint_counts: list[int]
    scores: dict[str, Array]
    colorless: frozenset[str]
    seconds: float


def read_image_table(file: Path) -> ImageTable:
    """Read images.csv of format 1 or 2, skipping damaged lines.

    Raises:
        ValueError: there are no images, or they don't have the same numbers of hints.
    """
    rows = {(row.k, row.id, row.image): row for row in read_rows(file)}
    images = sorted({(image_id, image) for _, image_id, image in rows})
    hint_counts = sorted({count for count, _, _ in rows})
    if not rows or len(rows) != len(images) * len(hint_counts):
        raise ValueError(f"{file}: the images don't have the same numbers of hints. Evaluate again.")
    grid = [[rows[count, *image] for image in images] for count in hint_counts]
    return ImageTable(
        names=[image for _, image in images],
        ids=tuple(image_id for image_id, _ in images),
        hint_counts=hint_counts,
        scores={name: np.array([[row.scores[name] for row in line] for line in grid]) for name in grid[0][0].scores},
        colorless=frozenset(row.id for row in grid[0] if row.colorless),
        seconds=float(np.median([row.seconds for row in rows.values()])),
    )
