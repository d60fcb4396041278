"""Training set of 2022: photos sampled from Places365 and ImageNet, the same for everyone who has both data sets."""

from __future__ import annotations

import heapq
import os
import shlex
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Le

from chromahint.atomic_write import atomic_write
from chromahint.data.sources.base import Photos, Split
from chromahint.data.sources.folder import SPLITS, FilePhotos, find_images
from chromahint.ranges import Directory, Seed, validate_arguments

PairCount = Annotated[int, Ge(2), Le(10**9)]
"""Number of images in a split, with at least one from each data set."""


class PlacesImagenet:
    """Photos sampled half from Places365 and half from ImageNet.

    Photos are sampled by a hash of the seed and the path relative to their root. The sample does not depend on the
    order of files, and changes little when a root gains files.

    Args:
        places_root: Folder of Places365, or of a part of it.
        imagenet_root: Folder of ImageNet, or of a part of it.
        num_train: Number of training images. If it is odd, Places365 contributes one more.
        num_val: Number of validation images.
        num_test: Number of test images. No image is in two splits.
        composition_seed: Seed of the sample.
    """

    has_splits = True

    @validate_arguments("data")
    def __init__(
        self,
        places_root: Directory,
        imagenet_root: Directory,
        num_train: PairCount = 10_000,
        num_val: PairCount = 2_000,
        num_test: PairCount = 1_000,
        composition_seed: Seed = 0,
    ) -> None:
        self.roots = {
            "places_root": Path(places_root).expanduser().resolve(),
            "imagenet_root": Path(imagenet_root).expanduser().resolve(),
        }
        places, imagenet = self.roots.values()
        if places.is_relative_to(imagenet) or imagenet.is_relative_to(places):
            raise ValueError(
                f"data.places_root={places_root}, data.imagenet_root={imagenet_root}: one folder contains the other, "
                "so a photo could be sampled twice. Use two separate folders."
            )
        self.counts = dict(zip(SPLITS, (num_train, num_val, num_test), strict=True))
        self.seed = composition_seed
        self.root = Path(os.path.commonpath(self.roots.values()))
        self._splits: dict[int | None, dict[str, list[str]]] = {}

    def prepare(self, max_images: int | None = None) -> None:
        """Sample the photos, to report errors early."""
        self.splits(max_images)

    def photos(self, split: Split, max_images: int | None = None) -> Photos:
        """Return the photos of a split, sorted by path.

        Args:
            split: Name of the split; `all` is every sampled image.
            max_images: Return at most this many, spread evenly over the sorted paths.
        """
        return FilePhotos(self.root, self._paths(split, max_images))

    def splits(self, max_images: int | None = None) -> dict[str, list[str]]:
        """Return the paths of each split, relative to the deepest folder that contains both roots.

        Folders with too few photos are an error, unless they have enough for `max_images` in each split.
        """
        if max_images not in self._splits:
            samples = [self._sample(key, number, max_images) for number, key in enumerate(self.roots)]
            self._splits[max_images] = {
                split: sorted(path for sample in samples for path in sample[split]) for split in SPLITS
            }
        return self._splits[max_images]

    def write_lists(self, folder: Path, max_images: int | None = None) -> list[Path]:
        """Write train.txt, val.txt, test.txt, and lists.txt with the options that make `data=folder` read them."""
        files = {split: folder / f"{split}.txt" for split in SPLITS}
        for split, file in files.items():
            _write_lines(file, self._paths(split, max_images))
        options = [f"data.root={self.root}", *(f"data.{split}_list={file}" for split, file in files.items())]
        note = folder / "lists.txt"
        _write_lines(note, [f"The paths are relative to {self.root}.", f"data=folder {shlex.join(options)}"])
        return [*files.values(), note]

    def _paths(self, split: str, limit: int | None) -> list[str]:
        splits = self.splits(limit)
        paths = sorted(set().union(*splits.values())) if split == "all" else splits[split]
        return paths if limit is None else [paths[n * len(paths) // limit] for n in range(min(limit, len(paths)))]

    def _sample(self, key: str, number: int, max_images: int | None) -> dict[str, list[str]]:
        """Sample the half of one root, number 0 or 1."""
        counts = {split: (count + 1 - number) // 2 for split, count in self.counts.items()}
        root, needed = self.roots[key], sum(counts.values())
        available = find_images(root)
        if len(available) < needed and max_images is not None:
            counts = {split: min(count, (max_images + 1 - number) // 2) for split, count in counts.items()}
            needed = sum(counts.values())
        if len(available) < needed:
            raise ValueError(
                f"data.{key}={root}: has {len(available):,} images, but {needed:,} are needed "
                f"({', '.join(f'{count:,} for {split}' for split, count in counts.items())}). Use data.{key}=PATH of a "
                "larger folder, or fewer images, such as data.num_train=1000 data.num_val=200 data.num_test=100."
            )
        sample = heapq.nsmallest(needed, available, key=self._hash)
        prefix = root.relative_to(self.root).as_posix()
        ends = [counts["train"], counts["train"] + counts["val"], needed]
        starts = [0, *ends]
        return {
            split: [f"{prefix}/{path}" for path in sample[start:end]]
            for split, start, end in zip(SPLITS, starts, ends, strict=False)
        }

    def _hash(self, path: str) -> bytes:
        return blake2b(f"{self.seed}/{path}".encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _write_lines(path: Path, lines: list[str]) -> None:
    with atomic_write(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
