"""Look at every picture of a folder or a pack before a training depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from torch.utils.data import Dataset

from chromahint.data.colorfulness import NEAR_GRAY, ab_range
from chromahint.data.parallel import parallel_map
from chromahint.data.sources.base import Photos
from chromahint.data.transforms import resize
from chromahint.images.decode import UnreadableImageError
from chromahint.progress import ProgressFn

SIDE = 256
"""Colors are looked at when the shorter side is shrunk to this, as training sees them."""


class ImageStats(NamedTuple):
    """What one picture is like: height, width and `ab_range`, or the reason why it can't be read."""

    name: str
    height: int = 0
    width: int = 0
    ab_range: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class DatasetReport:
    """What was found.

    Attributes:
        root: the folder or pack.
        findings: one a picture, by name.
        splits: names of the pictures of each split.
    """

    root: str
    findings: dict[str, ImageStats]
    splits: dict[str, list[str]]

    @property
    def broken(self) -> list[ImageStats]:
        """Those that can't be read."""
        return [finding for finding in self.findings.values() if finding.reason is not None]

    def as_json(self) -> dict[str, Any]:
        """Everything, in plain values; sizes are [width, height], and null where no picture can be read."""
        smallest, median, largest = _sizes(list(self.findings.values())) or (None, None, None)
        gray = _near_gray(list(self.findings.values()))
        return {
            "root": self.root,
            "pictures": len(self.findings),
            "splits": {split: self._row(names) for split, names in self.splits.items()},
            "smallest": smallest,
            "median": median,
            "largest": largest,
            "near_gray": [{"path": f.name, "ab_range": round(f.ab_range, 2)} for f in gray],
            "broken": [{"path": f.name, "reason": f.reason} for f in self.broken],
        }

    def as_table(self) -> Table:
        """A row a split."""
        table = Table(title=self.root, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        table.add_column("split")
        for title in ("pictures", "smallest", "median", "largest", "near-gray", "broken"):
            table.add_column(title, justify="right", no_wrap=True)
        rows = dict(self.splits)
        if sum(map(bool, rows.values())) > 1:
            rows["all"] = list(self.findings)
        for split, names in rows.items():
            row = self._row(names)
            sizes = [f"{size[0]}x{size[1]}" if size else "" for size in map(row.get, ("smallest", "median", "largest"))]
            counts = [f"{row[key]:,}" for key in ("pictures", "near_gray", "broken")]
            table.add_row(split, counts[0], *sizes, *counts[1:])
        return table

    def _row(self, names: list[str]) -> dict[str, Any]:
        findings = [self.findings[name] for name in names]
        smallest, median, largest = _sizes(findings) or (None, None, None)
        return {
            "pictures": len(findings),
            "smallest": smallest,
            "median": median,
            "largest": largest,
            "near_gray": len(_near_gray(findings)),
            "broken": sum(finding.reason is not None for finding in findings),
        }


def check_dataset(
    root: str,
    photos: Photos,
    splits: dict[str, list[str]],
    workers: int = 0,
    advance: ProgressFn = lambda pictures: None,
) -> DatasetReport:
    """Read all photos.

    Args:
        root: what is named in the table.
        photos: every picture once.
        splits: names of the pictures of each split.
        workers: processes that read; 0 reads in this one.
        advance: told how many more pictures are done.
    """
    findings = {}
    for finding in parallel_map(_Looks(photos), workers):
        findings[finding.name] = finding
        advance(1)
    return DatasetReport(root, findings, splits)


class _Looks(Dataset[ImageStats]):
    def __init__(self, photos: Photos) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> ImageStats:
        name = self.photos.name(index)
        try:
            picture = self.photos.read(index)
        except UnreadableImageError as error:
            return ImageStats(name, reason=error.reason)
        height, width, _ = picture.shape
        scale = min(1.0, SIDE / min(height, width))
        small = resize(picture, max(1, round(height * scale)), max(1, round(width * scale)))
        return ImageStats(name, height, width, ab_range(small))


def _sizes(findings: list[ImageStats]) -> tuple[list[int], list[int], list[int]] | None:
    """Width and height of the smallest, the median and the largest picture, by their number of pixels."""
    read = sorted((f for f in findings if f.reason is None), key=lambda f: (f.height * f.width, f.width))
    if not read:
        return None
    smallest, median, largest = ([f.width, f.height] for f in (read[0], read[len(read) // 2], read[-1]))
    return smallest, median, largest


def _near_gray(findings: list[ImageStats]) -> list[ImageStats]:
    return [finding for finding in findings if finding.reason is None and finding.ab_range < NEAR_GRAY]
