"""images.csv, format 2: the scores of each image for each number of hints."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chromahint.atomic_write import append
from chromahint.runs.files import write_text


class ImageResult(NamedTuple):
    """Scores of one image for one number of hints: a row of images.csv.

    Attributes:
        image: Name of the image.
        id: Id of the image.
        k: Number of hints.
        colorless: Whether the photo has no color to predict.
        scores: Score by name of the metric.
        seconds: Network time.
    """

    image: str
    id: str
    k: int
    colorless: bool
    scores: dict[str, float]
    seconds: float


def read_rows(table: Path) -> list[ImageResult]:
    """Read images.csv, skipping damaged lines. Format 1 has PSNR and SSIM only, and no colorless images.

    If an image has several rows for one number of hints, as after two evaluations at a time, the last one is returned.
    """
    if not table.is_file():
        return []
    text = table.read_text(encoding="utf-8", errors="replace")
    complete = text[: text.rfind("\n") + 1]  # a killed process may leave a partial line
    lines = csv.reader(io.StringIO(complete))
    header = next(lines, [])
    rows: dict[tuple[str, int], ImageResult] = {}
    for cells in lines:
        try:
            row = _parse(dict(zip(header, cells, strict=True)))
        except (KeyError, ValueError):
            continue
        rows[row.image, row.k] = row
    return list(rows.values())


def write_rows(table: Path, rows: Sequence[ImageResult]) -> None:
    """Write images.csv anew. Without rows, an existing file is removed."""
    table.unlink(missing_ok=True) if not rows else write_text(table, _to_csv([_header(rows[0]), *map(_cells, rows)]))


def append_rows(table: Path, rows: Sequence[ImageResult]) -> None:
    """Append rows with the same metrics as those in the file, which is created if it doesn't exist."""
    if not table.exists():
        write_rows(table, rows)
    elif rows:
        with append(table) as file:
            file.write(_to_csv(map(_cells, rows)))
            file.flush()
            os.fsync(file.fileno())


def _header(row: ImageResult) -> list[str]:
    return ["image", "id", "k", "colorless", *row.scores, "seconds"]


def _cells(row: ImageResult) -> list[Any]:
    return [row.image, row.id, row.k, int(row.colorless), *row.scores.values(), row.seconds]


def _parse(cells: dict[str, str]) -> ImageResult:
    image, image_id, count, seconds = (cells.pop(name) for name in ("image", "id", "k", "seconds"))
    colorless = {"0": False, "1": True}[cells.pop("colorless", "0")]
    scores = {name: float(value) for name, value in cells.items()}
    return ImageResult(image, image_id, int(count), colorless, scores, float(seconds))


def _to_csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows
    )
    return text.getvalue()
