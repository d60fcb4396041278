"""Scenes drawn by a program: training pictures that every laptop has, without a download.

They are drawn once and kept in the user's cache folder (2,000 of 256 px take about 400 MB), in files of 16, so that a
small `limit` draws few of them, and drawing that was stopped goes on where it was.
"""

from __future__ import annotations

from chromahint.data.sources.base import Photos, Split, limit_to
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.data.synthetic.cache import Shards
from chromahint.data.synthetic.scene import VERSION
from chromahint.images.decode import RGBImage

VALIDATION_START = 1_000_000_000
"""Validation scenes are numbered from here, so that no number of training scenes reaches them."""


class Scenes:
    """Training and validation pictures drawn by a program; the test pictures are natural photos.

    Args:
        num_train: number of training scenes.
        num_val: number of validation scenes, none of which is a training scene.
        scene_size: height and width of a scene in pixels.
        scene_seed: another seed draws other scenes.
    """

    def __init__(self, num_train: int = 2000, num_val: int = 64, scene_size: int = 256, scene_seed: int = 0) -> None:
        for key, value, least in (
            ("num_train", num_train, 1),
            ("scene_size", scene_size, 32),
            ("num_val", num_val, 1),
        ):
            if value < least:
                raise ValueError(f"data.{key}={value} is too small. Type data.{key}=N with N of {least} or more.")
        if num_train > VALIDATION_START:
            raise ValueError(
                f"data.num_train={num_train} is too many. Type data.num_train=N with N up to {VALIDATION_START}."
            )
        self.seed = scene_seed
        self.counts = {"train": num_train, "val": num_val}
        self.shards = Shards(scene_seed, scene_size)

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
