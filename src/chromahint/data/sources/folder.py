"""Folder of image files, split into training, validation and test images."""

from __future__ import annotations

import itertools
import os
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chromahint.data.sources.base import Photos, Split
from chromahint.images.decode import EXTENSIONS, RGBImage, decode_rgb, read_bytes
from chromahint.ranges import Directory, Fraction, Seed, validate_arguments

SPLITS = ("train", "val", "test")


class FilePhotos:
    """Image files below a folder. The id of an image is a hash of its file."""

    def __init__(self, root: Path, paths: list[str]) -> None:
        self.root = root
        self.paths = paths
        self._last: tuple[int, bytes] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> RGBImage:
        """Decode one file to HxWx3 uint8 RGB."""
        return decode_rgb(self.read_file(index), str(self.root / self.paths[index]))

    def read_reduced(self, index: int, min_side: int) -> RGBImage:
        """Decode one file, a JPEG file at a reduced size if its shorter side then still has `min_side` pixels."""
        return decode_rgb(self.read_file(index), str(self.root / self.paths[index]), min_side)

    def read_file(self, index: int) -> bytes:
        """Return the content of one file."""
        # an image is decoded and then identified: cache its bytes
        if self._last is None or self._last[0] != index:
            self._last = (index, read_bytes(self.root / self.paths[index]))
        return self._last[1]

    def name(self, index: int) -> str:
        """Return the path relative to the folder."""
        return self.paths[index]

    def identify(self, index: int) -> str:
        """Return the BLAKE2b of the file's bytes, so a renamed copy has the same id."""
        return blake2b(self.read_file(index), digest_size=16).hexdigest()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_last": None}


class Folder:
    """All images below a folder.

    The first rule that applies defines the splits:

    1. Text files `train_list`, `val_list` and `test_list`, with one path (relative to `root`) per line.
    2. Subfolders `train/`, `val/` and `test/` of `root`.
    3. A hash of each path and the seed, so images stay in their split when others are added.

    If rule 1 or 2 leaves out `val` or `test`, rule 3 takes that split out of `train`, with `val_fraction` and
    `test_fraction`. A folder with only `val/` or `test/` has no training images.

    Args:
        root: The folder.
        val_fraction: Fraction of the images for validation, if neither lists nor subfolders assign them.
        test_fraction: Fraction of the images for the test, if neither lists nor subfolders assign them.
        train_list: File of training paths; its own path is relative to the current folder or to `root`.
        val_list: File of validation paths.
        test_list: File of test paths.
        seed: Seed of the hash.
    """

    @validate_arguments("data")
    def __init__(
        self,
        root: Directory,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        train_list: str | None = None,
        val_list: str | None = None,
        test_list: str | None = None,
        seed: Seed = 0,
    ) -> None:
        self.root = Path(root).expanduser()
        if val_fraction + test_fraction >= 1:
            raise ValueError(
                f"data.val_fraction={val_fraction}, data.test_fraction={test_fraction}: leave no training images. "
                "Use two fractions whose sum is below 1."
            )
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.seed = seed
        self._lists = {
            split: file
            for split, file in zip(SPLITS, (train_list, val_list, test_list), strict=True)
            if file is not None
        }
        self._splits: dict[str, list[str]] | None = None

    @property
    def has_splits(self) -> bool:
        """Whether lists or subfolders define the splits."""
        return bool(self._lists) or bool(self.subfolders)

    @property
    def subfolders(self) -> list[str]:
        """The existing subfolders among `train`, `val` and `test`."""
        return [name for name in SPLITS if (self.root / name).is_dir()]

    def read_lists(self) -> dict[str, list[str]]:
        """Return the paths in the lists, for each split that has a list."""
        return {split: read_list(file, split, self.root) for split, file in self._lists.items()}

    def prepare(self, max_images: int | None = None) -> None:
        """List the images, to report errors early."""
        self.splits()

    def photos(self, split: Split, max_images: int | None = None) -> Photos:
        """Return the photos of a split, sorted by path.

        Args:
            split: Name of the split; `all` is every image below `root`, or in the lists.
            max_images: Return at most this many, spread evenly over the sorted paths.
        """
        splits = self.splits()
        paths = sorted(set(itertools.chain(*splits.values()) if split == "all" else splits[split]))
        if not paths:
            raise ValueError(_empty_split_error(split, self.root, splits))
        if max_images is not None and max_images < len(paths):
            paths = [paths[step * len(paths) // max_images] for step in range(max_images)]
        return self._create_photos(paths)

    def splits(self) -> dict[str, list[str]]:
        """Return the paths of the splits train, val and test."""
        if self._splits is None:
            self._splits = self._fill_missing_splits(self.read_lists()) if self._lists else self._find_splits()
        return self._splits

    def _find_splits(self) -> dict[str, list[str]]:
        subfolders = self.subfolders
        if not subfolders:
            return self._split_by_hash(self._list_images(""), ("val", "test"))
        splits = {name: self._list_images(name) for name in subfolders}
        if not any(splits.values()):
            raise ValueError(_no_images_error(", ".join(str(self.root / name) for name in subfolders)))
        return self._fill_missing_splits(splits)

    def _list_images(self, subfolder: str) -> list[str]:
        """Return the paths of all images in a subfolder, or in all of `root`."""
        return find_images(self.root, subfolder)

    def _create_photos(self, paths: list[str]) -> Photos:
        return FilePhotos(self.root, paths)

    def _fill_missing_splits(self, splits: dict[str, list[str]]) -> dict[str, list[str]]:
        """Take the images of missing splits out of `train`."""
        missing = tuple(name for name in ("val", "test") if name not in splits)
        return {"train": [], **splits, **self._split_by_hash(splits.get("train", []), missing)}

    def _split_by_hash(self, paths: list[str], held_out: tuple[str, ...]) -> dict[str, list[str]]:
        """Assign some images to the splits in `held_out` and the rest to `train`."""
        paths = sorted(paths)
        position = self._hash(paths)
        splits: dict[str, list[str]] = {"train": []}
        is_train = np.ones(len(paths), dtype=bool)
        for name in held_out:
            is_held_out = (position >= 0) & (position < self.fractions[name])
            splits[name] = list(itertools.compress(paths, is_held_out))
            is_train &= ~is_held_out
            position -= self.fractions[name]
        splits["train"] = list(itertools.compress(paths, is_train))
        for name in held_out:  # a handful of images may all fall into one split
            if self.fractions[name] and not splits[name] and len(splits["train"]) > 1:
                splits[name].append(splits["train"].pop())
        if paths and not splits["train"]:
            splits["train"].append(max(splits.values(), key=len).pop())
        return splits

    def _hash(self, paths: list[str]) -> NDArray[np.float64]:
        """Map each path to a number in 0..1, evenly distributed."""
        digests = (
            blake2b(f"{self.seed}/{path}".encode("utf-8", "surrogateescape"), digest_size=8).digest() for path in paths
        )
        return np.fromiter(map(_as_number, digests), dtype=np.uint64, count=len(paths)) / 2.0**64


def _as_number(digest: bytes) -> int:
    return int.from_bytes(digest, "little")


def find_images(root: Path, subfolder: str = "") -> list[str]:
    """List the image files below a folder, as sorted paths relative to `root`, separated by `/`.

    Hidden files and folders are skipped. Links are followed, but no folder is visited twice.
    """
    paths: list[str] = []
    visited: set[tuple[int, int]] = set()
    pending = [subfolder]
    while pending:
        folder = pending.pop()
        try:
            state = (root / folder).stat()
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        if (state.st_dev, state.st_ino) in visited:
            continue
        visited.add((state.st_dev, state.st_ino))
        prefix = f"{folder}/" if folder else ""
        for entry in entries:
            if entry.name.startswith("."):
                continue
            stem, dot, extension = entry.name.rpartition(".")
            if stem and dot + extension.lower() in EXTENSIONS and _is_file(entry):
                paths.append(prefix + entry.name)
            elif entry.is_dir():
                pending.append(prefix + entry.name)
    return sorted(paths)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def read_list(file: str, split: str, root: Path) -> list[str]:
    """Read a text file with one path per line. `file` is relative to the current folder or to `root`."""
    path = next((path for path in (Path(file).expanduser(), root / file) if path.is_file()), None)
    if path is None:
        raise ValueError(
            f"data.{split}_list={file}: file not found, neither here nor in {root}. "
            f"Use data.{split}_list=PATH of a text file with one image path per line."
        )
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    paths = [line for line in lines if line]
    if not paths:
        raise ValueError(
            f"data.{split}_list={file}: the file is empty. Write one image path (relative to {root}) per line."
        )
    return paths


def _no_images_error(folders: str) -> str:
    return (
        f"{folders}: no images found. Pass a folder with images: files ending in {' '.join(sorted(EXTENSIONS))} (in "
        "upper or lower case), also in subfolders."
    )


def _empty_split_error(split: str, root: Path, splits: dict[str, list[str]]) -> str:
    if not any(splits.values()):
        return _no_images_error(str(root))
    counts = ", ".join(f"{len(paths)} for {name}" for name, paths in splits.items())
    return (
        f"{root}: no images for {split} ({counts}). "
        f"Put some into {root / split}, list them in a file with data.{split}_list=FILE, or use a larger fraction."
    )
