"""Scenes drawn by a program: training pictures that every laptop has, without a download.

They are drawn once and kept in the user's cache folder (2,000 of 256 px take about 400 MB), in files of 16, so that a
small `limit` draws few of them, and drawing that was stopped goes on where it was.
"""

from __future__ import annotations

from typing import Literal

from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.sources.base import Photos, RGBImage, Split, limit_to
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.data.synthetic.cache import Shards
from chromahint.data.synthetic.scene import VERSION

VALIDATION_START = 1_000_000_000
"""Validation scenes are numbered from here, so that no number of training scenes reaches them."""


class Scenes:
    """Training and validation pictures drawn by a program; the test pictures are natural photos.

    Args:
        pictures: how many to train on.
        size: height and width in pixels.
        seed: another seed gives other scenes.
        val_pictures: how many to validate on; they are none of those that are trained on.
    """

    def __init__(self, pictures: int = 2000, size: int = 256, seed: int = 0, val_pictures: int = 64) -> None:
        for key, value, least in (
            ("pictures", pictures, 1),
            ("picture_size", size, 32),
            ("val_pictures", val_pictures, 1),
        ):
            if value < least:
                raise ValueError(f"data.{key}={value} is too small. Type data.{key}=N with N of {least} or more.")
        if pictures > VALIDATION_START:
            raise ValueError(
                f"data.pictures={pictures} is too many. Type data.pictures=N with N up to {VALIDATION_START}."
            )
        self.seed = seed
        self.counts = {"train": pictures, "val": val_pictures}
        self.shards = Shards(seed, size)

    def prepare(self, limit: int | None = None) -> None:
        """Draw the scenes that are not in the cache yet, on all cores."""
        for split in ("train", "val"):
            scenes = self._drawn(split, limit)
            self.shards.draw_missing(scenes.start, len(scenes))

    def photos(self, split: Split, limit: int | None = None) -> Photos:
        """Drawn scenes, or for `test` the natural photos; `all` is what is trained on."""
        if split == "test":
            return limit_to(NaturalTiles(), limit)
        return self._drawn("val" if split == "val" else "train", limit)

    def _drawn(self, split: str, limit: int | None) -> SyntheticScenes:
        count = self.counts[split] if limit is None else min(limit, self.counts[split])
        return SyntheticScenes(self.shards, VALIDATION_START if split == "val" else 0, count)


class SyntheticScenes:
    """The scenes numbered from `start` on."""

    def __init__(self, shards: Shards, start: int, count: int) -> None:
        self.shards, self.start, self.count = shards, start, count

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> RGBImage:
        """One scene: size x size x 3 uint8, read-only."""
        return self.shards.read(self.start + index)

    def name(self, index: int) -> str:
        """Such as `scene-12`, or `val-scene-3`."""
        return f"{'val-' if self.start else ''}scene-{index}"

    def identify(self, index: int) -> str:
        """`scenes/<version>/<seed>/<number>`."""
        return f"scenes/{VERSION}/{self.shards.seed}/{self.start + index}"


def scenes_data(
    pictures: int = 2000,
    val_pictures: int = 64,
    picture_size: int = 256,
    scene_seed: int = 0,
    fit: Literal["squash", "random_crop", "random_resized_crop"] = "random_crop",
    size: int = 128,
    shorter_side: int | None = None,
    eval_size: int = 256,
    batch_size: int = 16,
    eval_batch_size: int = 8,
    workers: int = 0,
    limit: int | None = None,
    seed: int = 0,
    min_ab_range: float = 0.0,
) -> PhotoDataModule:
    """Drawn scenes; the options are those of `Scenes` and `PhotoDataModule`."""
    source = Scenes(pictures, picture_size, scene_seed, val_pictures)
    return PhotoDataModule(
        source, fit, size, shorter_side, eval_size, batch_size, eval_batch_size, workers, limit, seed, min_ab_range
    )
