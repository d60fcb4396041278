"""Synthetic scenes: training images that need no download.

Scenes are drawn once and cached in the user's cache folder (2,000 scenes of 256 px take about 400 MB), in files of 16,
so a small `max_images` draws few of them, and interrupted drawing resumes where it stopped.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from chromahint.data.sources.base import Photos, Split, limit_to
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.data.synthetic.cache import SceneShards
from chromahint.data.synthetic.scene import VERSION
from chromahint.images.decode import RGBImage
from chromahint.ranges import Count, Seed, validate_arguments

VALIDATION_START = 1_000_000_000
"""Number of the first validation scene, out of reach of the training scenes."""


class Scenes:
    """Synthetic scenes for training and validation, natural photos for the test.

    Args:
        num_train: Number of training scenes.
        num_val: Number of validation scenes, disjoint from the training scenes.
        scene_size: Height and width of a scene in pixels.
        scene_seed: Seed of the scenes.
    """

    @validate_arguments("data")
    def __init__(
        self,
        num_train: Annotated[int, Ge(1), Le(VALIDATION_START)] = 2000,
        num_val: Count = 64,
        scene_size: Annotated[int, Ge(32), Le(8192)] = 256,
        scene_seed: Seed = 0,
    ) -> None:
        self.seed = scene_seed
        self.counts = {"train": num_train, "val": num_val}
        self.shards = SceneShards(scene_seed, scene_size)

    def prepare(self, max_images: int | None = None) -> None:
        """Draw scenes that are not cached yet, on all cores."""
        for split in ("train", "val"):
            scenes = self._scenes(split, max_images)
            self.shards.draw_missing(scenes.start, len(scenes))

    def photos(self, split: Split, max_images: int | None = None) -> Photos:
        """Return the scenes of a split, or natural photos for `test`; `all` is the training scenes."""
        if split == "test":
            return limit_to(NaturalTiles(), max_images)
        return self._scenes("val" if split == "val" else "train", max_images)

    def _scenes(self, split: str, max_images: int | None) -> SyntheticScenes:
        count = self.counts[split] if max_images is None else min(max_images, self.counts[split])
        return SyntheticScenes(self.shards, VALIDATION_START if split == "val" else 0, count)


class SyntheticScenes:
    """Scenes number `start` to `start + count - 1`."""

    def __init__(self, shards: SceneShards, start: int, count: int) -> None:
        self.shards, self.start, self.count = shards, start, count

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> RGBImage:
        """Read one scene, size x size x 3 uint8 RGB, read-only."""
        return self.shards.read(self.start + index)

    def name(self, index: int) -> str:
        """Return a name such as `scene-12` or `val-scene-3`."""
        return f"{'val-' if self.start else ''}scene-{index}"

    def identify(self, index: int) -> str:
        """Return `scenes/<version>/<seed>/<number>`."""
        return f"scenes/{VERSION}/{self.shards.seed}/{self.start + index}"
