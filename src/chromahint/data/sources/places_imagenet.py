"""The training set of 2022: photos drawn from Places365 and ImageNet, the same ones for everybody who has both."""

from __future__ import annotations

import heapq
import os
import shlex
from hashlib import blake2b
from pathlib import Path

from chromahint.atomic_write import atomic_write
from chromahint.data.sources.base import Photos, Split
from chromahint.data.sources.folder import SPLITS, FilePhotos, find_pictures


class PlacesImagenet:
    """Photos of which one half is drawn from Places365 and the other from ImageNet.

    A photo is drawn by a hash of the seed and its path below its root. So the order of a file system changes nothing,
    and where a root gains files, few of the drawn ones change.

    Args:
        places_root: folder of Places365, or of a part of it.
        imagenet_root: folder of ImageNet, or of a part of it.
        num_train: how many to train on; of an odd number, Places365 gives one more.
        num_val: how many to validate on.
        num_test: how many to test on; no picture has two roles.
        composition_seed: another seed draws others.
    """

    has_splits = True

    def __init__(
        self,
        places_root: str,
        imagenet_root: str,
        num_train: int = 10_000,
        num_val: int = 2_000,
        num_test: int = 1_000,
        composition_seed: int = 0,
    ) -> None:
        self.roots = {"places_root": _folder("places_root", places_root)}
        self.roots["imagenet_root"] = _folder("imagenet_root", imagenet_root)
        places, imagenet = self.roots.values()
        if places.is_relative_to(imagenet) or imagenet.is_relative_to(places):
            raise ValueError(
                f"data.places_root={places_root} and data.imagenet_root={imagenet_root}: one lies in the other, so "
                "that a photo could be drawn twice. Type two folders that lie apart."
            )
        self.counts = dict(zip(SPLITS, (num_train, num_val, num_test), strict=True))
        for key, value in zip(("num_train", "num_val", "num_test"), self.counts.values(), strict=True):
            if value < 2:
                raise ValueError(f"data.{key}={value} is too small. Type data.{key}=N with N of 2 or more.")
        self.seed = composition_seed
        self.root = Path(os.path.commonpath(self.roots.values()))
        self._drawn: dict[str, list[str]] | None = None

    def prepare(self, limit: int | None = None) -> None:
        """Draw now, so that a mistake shows before anything is built."""
        self.splits()

    def photos(self, split: Split, limit: int | None = None) -> Photos:
        """The photos of one split, sorted by path.

        Args:
            split: `all` is every picture that is drawn.
            limit: at most so many, spread evenly over the sorted paths.
        """
        return FilePhotos(self.root, self._paths(split, limit))

    def splits(self) -> dict[str, list[str]]:
        """Paths of each split, below the deepest folder that holds both roots."""
        if self._drawn is None:
            shares = [self._draw(key, second) for second, key in enumerate(self.roots)]
            self._drawn = {split: sorted(path for share in shares for path in share[split]) for split in SPLITS}
        return self._drawn

    def write_lists(self, folder: Path, limit: int | None = None) -> list[Path]:
        """Write train.txt, val.txt and test.txt, and in lists.txt what to type so that `data=folder` reads them."""
        files = {split: folder / f"{split}.txt" for split in SPLITS}
        for split, file in files.items():
            _write(file, self._paths(split, limit))
        words = [f"data.root={self.root}", *(f"data.{split}_list={file}" for split, file in files.items())]
        note = folder / "lists.txt"
        _write(note, [f"The paths are those below {self.root}.", f"data=folder {shlex.join(words)}"])
        return [*files.values(), note]

    def _paths(self, split: str, limit: int | None) -> list[str]:
        splits = self.splits()
        paths = sorted(set().union(*splits.values())) if split == "all" else splits[split]
        return paths if limit is None else [paths[n * len(paths) // limit] for n in range(min(limit, len(paths)))]

    def _draw(self, key: str, second: int) -> dict[str, list[str]]:
        """Draw the share of one root."""
        wanted = {split: (count + 1 - second) // 2 for split, count in self.counts.items()}
        root, needed = self.roots[key], sum(wanted.values())
        found = find_pictures(root)
        if len(found) < needed:
            raise ValueError(
                f"data.{key}={root} has {len(found):,} pictures, and {needed:,} are to be drawn from it "
                f"({', '.join(f'{count:,} for {split}' for split, count in wanted.items())}). Type data.{key}=PATH "
                "with more, or draw fewer: for example data.num_train=1000 data.num_val=200 data.num_test=100."
            )
        drawn = heapq.nsmallest(needed, found, key=self._place)
        prefix = root.relative_to(self.root).as_posix()
        ends = [wanted["train"], wanted["train"] + wanted["val"], needed]
        starts = [0, *ends]
        return {
            split: [f"{prefix}/{path}" for path in drawn[start:end]]
            for split, start, end in zip(SPLITS, starts, ends, strict=False)
        }

    def _place(self, path: str) -> bytes:
        return blake2b(f"{self.seed}/{path}".encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _folder(key: str, typed: str) -> Path:
    folder = Path(typed).expanduser()
    if not folder.is_dir():
        raise ValueError(
            f"data.{key}={typed} is not a folder. Type data.{key}=PATH with a folder of photos in any tree."
        )
    return folder.resolve()


def _write(file: Path, lines: list[str]) -> None:
    with atomic_write(file) as opened:
        opened.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
