"""images.csv, format 2: the scores of each image for each number of hints.

What a clock measured is in timings.csv next to it, so two evaluations of the same network have the same images.csv.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chromahint.atomic_write import append
from chromahint.runs.files import write_text

_TIMINGS_HEADER = ("image", "k", "seconds")


class ImageResult(NamedTuple):
    """Scores of one image for one number of hints: a row of images.csv.

    Attributes:
        image: Name of the image.
        id: Id of the image.
        k: Number of hints.
        colorless: Whether the photo has no color to predict.
        scores: Score by name of the metric.
        seconds: Network time, NaN if it is not known.
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
    times = {(row["image"], row["k"]): row["seconds"] for row in _complete_lines(_timings(table))}
    rows: dict[tuple[str, int], ImageResult] = {}
    for cells in _complete_lines(table):
        try:
            row = _parse({"seconds": times.get((cells["image"], cells["k"]), "nan")} | cells)
        except (KeyError, ValueError):
            continue
        rows[row.image, row.k] = row
    return list(rows.values())


def write_rows(table: Path, rows: Sequence[ImageResult]) -> None:
    """Write images.csv and timings.csv anew. Without rows, existing files are removed."""
    if rows:
        write_text(_timings(table), _to_csv([_TIMINGS_HEADER, *map(_timing_cells, rows)]))
        write_text(table, _to_csv([_header(rows[0]), *map(_cells, rows)]))
    else:
        table.unlink(missing_ok=True)
        _timings(table).unlink(missing_ok=True)


def append_rows(table: Path, rows: Sequence[ImageResult]) -> None:
    """Append rows with the same metrics as those in the file, which is created if it doesn't exist."""
    if not table.exists():
        write_rows(table, rows)
    elif rows:
        with append(_timings(table)) as file:
            file.write(_to_csv(map(_timing_cells, rows)))
        with append(table) as file:
            file.write(_to_csv(map(_cells, rows)))
            file.flush()
            os.fsync(file.fileno())


def _timings(table: Path) -> Path:
    return table.with_name("timings.csv")


def _complete_lines(table: Path) -> Iterator[dict[str, str]]:
    """Yield the lines of a table as dictionaries, without damaged ones. A killed process may leave a partial line."""
    text = table.read_text(encoding="utf-8", errors="replace") if table.is_file() else ""
    lines = csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))
    header = next(lines, [])
    for cells in lines:
        if len(cells) == len(header):
            yield dict(zip(header, cells, strict=True))


def _header(row: ImageResult) -> list[str]:
    return ["image", "id", "k", "colorless", *row.scores]


def _cells(row: ImageResult) -> list[Any]:
    return [row.image, row.id, row.k, int(row.colorless), *row.scores.values()]


def _timing_cells(row: ImageResult) -> list[Any]:
    return [row.image, row.k, row.seconds]


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
