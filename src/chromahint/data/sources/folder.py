"""A folder of pictures, in any tree, and how it is split for training, validation and test."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from chromahint.data.sources.base import Photos, Split
from chromahint.images.decode import EXTENSIONS, RGBImage, decode, read_bytes

SPLITS = ("train", "val", "test")


class FilePhotos:
    """Picture files below a folder; the id of each is a hash of its bytes."""

    def __init__(self, root: Path, paths: list[str]) -> None:
        self.root = root
        self.paths = paths
        self._last: tuple[int, bytes] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> RGBImage:
        """Decode one file to HxWx3 uint8 RGB."""
        return decode(self._bytes(index), str(self.root / self.paths[index]))

    def name(self, index: int) -> str:
        """The path below the folder."""
        return self.paths[index]

    def identify(self, index: int) -> str:
        """BLAKE2b of the file's bytes: a copy elsewhere, under another name, is the same picture."""
        return blake2b(self._bytes(index), digest_size=16).hexdigest()

    def _bytes(self, index: int) -> bytes:
        # a picture is decoded and then identified: its bytes are read once
        if self._last is None or self._last[0] != index:
            self._last = (index, read_bytes(self.root / self.paths[index]))
        return self._last[1]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_last": None}


class Folder:
    """All pictures below a folder.

    Splits, by the first rule that fits:

    1. `train_list`, `val_list` and `test_list` name text files with one path (relative to `root`) a line.
    2. Sub-folders `train/`, `val/` and `test/` of `root`.
    3. Each picture is dealt out by a hash of its path and the seed: it stays where it is when others are added.

    With the first two rules, a `val` or `test` that is missing is dealt out of `train` by the third rule, with
    `val_fraction` and `test_fraction`. A folder that has only `val/` or `test/` has no training pictures.

    Args:
        root: the folder.
        val_fraction: share of the pictures for validation, where nothing else says so.
        test_fraction: share of the pictures for the test, where nothing else says so.
        train_list: file of training paths, relative to the current folder or to `root`.
        val_list: file of validation paths.
        test_list: file of test paths.
        seed: of the hash that deals pictures out.
    """

    def __init__(
        self,
        root: str,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_list: str | None = None,
        val_list: str | None = None,
        test_list: str | None = None,
        seed: int = 0,
    ) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise ValueError(
                f"data.root={root} is not a folder. Type data.root=PATH with a folder that has pictures in it."
            )
        for key, value in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
            if not 0 <= value < 1:
                raise ValueError(f"data.{key}={value} is not a share. Type data.{key}=X with 0 <= X < 1.")
        if val_fraction + test_fraction >= 1:
            raise ValueError(
                f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} leave nothing to train on. "
                "Type two numbers whose sum is below 1."
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
        """Whether the folder or its lists say which pictures are for what."""
        return bool(self._lists) or bool(self.sub_folders)

    @property
    def sub_folders(self) -> list[str]:
        """Those of train, val and test that there are below `root`."""
        return [name for name in SPLITS if (self.root / name).is_dir()]

    def listed(self) -> dict[str, list[str]]:
        """What the lists say, of those splits that have one."""
        return {split: read_list(file, split, self.root) for split, file in self._lists.items()}

    def prepare(self, limit: int | None = None) -> None:
        """List the pictures now, so that a mistake shows before anything is built."""
        self.splits()

    def photos(self, split: Split, limit: int | None = None) -> Photos:
        """The photos of one split, sorted by path.

        Args:
            split: `all` is every picture below `root`, or in the lists.
            limit: at most so many, spread evenly over the sorted paths.
        """
        splits = self.splits()
        wanted = set().union(*splits.values()) if split == "all" else set(splits[split])
        paths = sorted(wanted)
        if not paths:
            raise ValueError(_nothing_for(split, self.root, splits))
        if limit is not None and limit < len(paths):
            paths = [paths[step * len(paths) // limit] for step in range(limit)]
        return self._open(paths)

    def splits(self) -> dict[str, list[str]]:
        """Paths of each split: train, val and test."""
        if self._splits is None:
            self._splits = self._complete(self.listed()) if self._lists else self._walk()
        return self._splits

    def _walk(self) -> dict[str, list[str]]:
        below = self.sub_folders
        if not below:
            return self._deal(self._find(""), ("val", "test"))
        named = {name: self._find(name) for name in below}
        if not any(named.values()):
            raise ValueError(f"No pictures in {', '.join(f'{self.root / name}' for name in below)}. {_looked_for()}")
        return self._complete(named)

    def _find(self, below: str) -> list[str]:
        """Paths of all pictures in a sub-folder, or in all of `root`."""
        return find_pictures(self.root, below)

    def _open(self, paths: list[str]) -> Photos:
        return FilePhotos(self.root, paths)

    def _complete(self, named: dict[str, list[str]]) -> dict[str, list[str]]:
        """Deal the splits that are missing out of `train`."""
        missing = tuple(name for name in ("val", "test") if name not in named)
        return {"train": [], **named, **self._deal(named.get("train", []), missing)}

    def _deal(self, paths: list[str], wanted: tuple[str, ...]) -> dict[str, list[str]]:
        """Deal some of the pictures out to the splits in `wanted`, the rest to `train`."""
        dealt: dict[str, list[str]] = {name: [] for name in ("train", *wanted)}
        for path in sorted(paths):
            key = blake2b(f"{self.seed}/{path}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
            place = int.from_bytes(key, "little") / 2**64
            chosen = "train"
            for name in wanted:
                if 0 <= place < self.fractions[name]:
                    chosen = name
                place -= self.fractions[name]
            dealt[chosen].append(path)
        for name in wanted:  # a handful of pictures may all land in one split
            if self.fractions[name] and not dealt[name] and len(dealt["train"]) > 1:
                dealt[name].append(dealt["train"].pop())
        if paths and not dealt["train"]:
            dealt["train"].append(max(dealt.values(), key=len).pop())
        return dealt


def find_pictures(root: Path, below: str = "") -> list[str]:
    """Walk a folder for picture files; paths are relative to `root`, with `/`, sorted.

    Hidden files and folders are passed over. Links are followed, but no folder is entered twice.
    """
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    waiting = [below]
    while waiting:
        folder = waiting.pop()
        try:
            state = (root / folder).stat()
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        prefix = f"{folder}/" if folder else ""
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if os.path.splitext(entry.name)[1].lower() in EXTENSIONS and _is_file(entry):  # noqa: PTH122
                found.append(prefix + entry.name)
            elif entry.is_dir():
                waiting.append(prefix + entry.name)
    return sorted(found)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def read_list(file: str, split: str, root: Path) -> list[str]:
    """Read a text file of one path a line; the file lies in the current folder or in `root`."""
    path = next((place for place in (Path(file).expanduser(), root / file) if place.is_file()), None)
    if path is None:
        raise ValueError(
            f"data.{split}_list={file} is not a file, here or in {root}. "
            f"Type data.{split}_list=PATH with a text file of one picture path a line."
        )
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    paths = [line for line in lines if line]
    if not paths:
        raise ValueError(f"data.{split}_list={file} names no picture. It takes one path (below {root}) a line.")
    return paths


def _looked_for() -> str:
    return f"Looked for names ending in {' '.join(sorted(EXTENSIONS))} (or capitals), in all sub-folders."


def _nothing_for(split: str, root: Path, splits: dict[str, list[str]]) -> str:
    if not any(splits.values()):
        return f"No pictures in {root}. {_looked_for()}"
    found = ", ".join(f"{len(paths)} for {name}" for name, paths in splits.items())
    return (
        f"No pictures for {split} in {root} ({found}). "
        f"Put some into {root / split}, or name them with data.{split}_list=FILE, or take more with a larger fraction."
    )
