"""Read every image of a folder or pack and report sizes, near-gray images and unreadable files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from torch.utils.data import Dataset

from chromahint.data.colorfulness import NEAR_GRAY, ab_range
from chromahint.data.parallel import parallel_map
from chromahint.data.sources.base import Photos
from chromahint.images.decode import UnreadableImageError
from chromahint.images.resize import resize
from chromahint.progress import ProgressFn

CHECK_SIZE = 256
"""Images are shrunk until their shorter side is this before `ab_range` is computed, as in training."""


class ImageStats(NamedTuple):
    """Size and `ab_range` of an image, or the reason why it can't be read."""

    name: str
    height: int = 0
    width: int = 0
    ab_range: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class DatasetReport:
    """Statistics of a data set.

    Attributes:
        root: The folder or pack.
        stats: Statistics of each image, by name.
        splits: Names of the images of each split.
    """

    root: str
    stats: dict[str, ImageStats]
    splits: dict[str, list[str]]

    @property
    def broken(self) -> list[ImageStats]:
        """Images that can't be read."""
        return [image for image in self.stats.values() if image.reason is not None]

    def as_json(self) -> dict[str, Any]:
        """Return the report in JSON types. Sizes are [width, height], or null if no image can be read."""
        smallest, median, largest = _sizes(list(self.stats.values())) or (None, None, None)
        gray = _near_gray(list(self.stats.values()))
        return {
            "root": self.root,
            "images": len(self.stats),
            "splits": {split: self._summarize(names) for split, names in self.splits.items()},
            "smallest": smallest,
            "median": median,
            "largest": largest,
            "near_gray": [{"path": image.name, "ab_range": round(image.ab_range, 2)} for image in gray],
            "broken": [{"path": image.name, "reason": image.reason} for image in self.broken],
        }

    def as_table(self) -> Table:
        """Return a table with one row per split."""
        table = Table(title=self.root, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        table.add_column("split")
        for title in ("images", "smallest", "median", "largest", "near-gray", "broken"):
            table.add_column(title, justify="right", no_wrap=True)
        splits = dict(self.splits)
        if sum(map(bool, splits.values())) > 1:
            splits["all"] = list(self.stats)
        for split, names in splits.items():
            row = self._summarize(names)
            sizes = [f"{size[0]}x{size[1]}" if size else "" for size in map(row.get, ("smallest", "median", "largest"))]
            counts = [f"{row[key]:,}" for key in ("images", "near_gray", "broken")]
            table.add_row(split, counts[0], *sizes, *counts[1:])
        return table

    def _summarize(self, names: list[str]) -> dict[str, Any]:
        images = [self.stats[name] for name in names]
        smallest, median, largest = _sizes(images) or (None, None, None)
        return {
            "images": len(images),
            "smallest": smallest,
            "median": median,
            "largest": largest,
            "near_gray": len(_near_gray(images)),
            "broken": sum(image.reason is not None for image in images),
        }


def check_dataset(
    root: str,
    photos: Photos,
    splits: dict[str, list[str]],
    num_workers: int = 0,
    advance: ProgressFn = lambda images: None,
) -> DatasetReport:
    """Read all images.

    Args:
        root: Title of the report.
        photos: Every image once.
        splits: Names of the images of each split.
        num_workers: Processes that read; 0 reads in the calling process.
        advance: Called with the number of images that were read since the last call.
    """
    stats = {}
    for image in parallel_map(_StatsDataset(photos), num_workers):
        stats[image.name] = image
        advance(1)
    return DatasetReport(root, stats, splits)


class _StatsDataset(Dataset[ImageStats]):
    def __init__(self, photos: Photos) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> ImageStats:
        name = self.photos.name(index)
        try:
            image = self.photos.read(index)
        except UnreadableImageError as error:
            return ImageStats(name, reason=error.reason)
        height, width, _ = image.shape
        scale = min(1.0, CHECK_SIZE / min(height, width))
        small = resize(image, max(1, round(height * scale)), max(1, round(width * scale)))
        return ImageStats(name, height, width, ab_range(small))


def _sizes(images: list[ImageStats]) -> tuple[list[int], list[int], list[int]] | None:
    """Return [width, height] of the smallest, the median and the largest image by area."""
    readable = sorted((i for i in images if i.reason is None), key=lambda i: (i.height * i.width, i.width))
    if not readable:
        return None
    chosen = (readable[0], readable[len(readable) // 2], readable[-1])
    smallest, median, largest = ([image.width, image.height] for image in chosen)
    return smallest, median, largest


def _near_gray(images: list[ImageStats]) -> list[ImageStats]:
    return [image for image in images if image.reason is None and image.ab_range < NEAR_GRAY]
