"""A pack: photos shrunk once and kept as plain bytes, which are read many times faster than they are decoded.

A pack is a folder (`chromahint data pack` makes it; see `packing`):

- `pack.json`: `{"format": "chromahint-pack/1", "complete": bool, "side": int, ...}`, with the BLAKE2b of the next two.
- `names.json`: the list of paths below the folder that was packed, sorted.
- `index.npy`: a record of `RECORD` for each name: shard, first byte, height, width, id (BLAKE2b of the original file's
  bytes), checksum (BLAKE2b of the pixels).
- `shards/000000.rgb`, ...: uint8 RGB, row by row, one picture behind the other.
- `shards/000000.json`, ...: what the shard was made of, so that packing that was stopped goes on.
- `train.txt`, ...: the lists of splits, where it was packed with lists. `broken.txt`: what could not be read.
"""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chromahint.data.sources.base import Photos
from chromahint.data.sources.folder import SPLITS, Folder
from chromahint.images.decode import RGBImage, UnreadableImageError

FORMAT = "chromahint-pack/1"
RECORD = np.dtype(
    [
        ("shard", "<u4"),
        ("offset", "<u8"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("id", "u1", (16,)),
        ("checksum", "u1", (16,)),
    ]
)
OPEN_SHARDS = 256
"""A map holds a file open, and a process may have about a thousand."""


def is_pack(root: Path) -> bool:
    """Tell whether a folder is a pack, finished or not."""
    return (root / "pack.json").is_file()


def shard_file(root: Path, number: int) -> Path:
    """The pixels of a shard."""
    return root / "shards" / f"{number:06d}.rgb"


def digest(data: bytes | memoryview) -> bytes:
    """Checksum of pixels or of a file: 16 bytes."""
    return blake2b(data, digest_size=16).digest()


class Pack:
    """An opened pack. Pictures are mapped into memory when they are asked for.

    Raises:
        ValueError: there is no pack, it is unfinished, or its index is damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        about = read_about(root)
        if about.get("complete") is not True:
            raise ValueError(
                f"{root}: this pack is not finished. Type the `chromahint data pack` that made it again: it goes on."
            )
        try:
            self.names: list[str] = json.loads(self._checked("names.json", about))
            self.index = np.load(io.BytesIO(self._checked("index.npy", about)), allow_pickle=False)
            self.sub_folders: list[str] = list(about["sub_folders"])
            self.lists: list[str] = list(about["lists"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
            raise _damaged(root, str(error) or type(error).__name__) from None
        if self.index.dtype != RECORD or self.index.shape != (len(self.names),):
            raise _damaged(root, "names.json and index.npy do not belong together")
        self._open: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()

    def read(self, row: int) -> RGBImage:
        """One picture: HxWx3 uint8 RGB, read-only."""
        record = self.index[row]
        height, width, start = int(record["height"]), int(record["width"]), int(record["offset"])
        pixels = self._shard(int(record["shard"]), self.names[row])[start : start + height * width * 3]
        if not len(pixels) or len(pixels) != height * width * 3:
            raise UnreadableImageError(self.names[row], f"{shard_file(self.root, int(record['shard']))} is cut off")
        return pixels.reshape(height, width, 3)

    def verified(self, row: int) -> RGBImage:
        """The same, or `UnreadableImageError` where the pixels are not those that were packed."""
        picture = self.read(row)
        if digest(picture.data) != self.index[row]["checksum"].tobytes():
            reason = f"{shard_file(self.root, int(self.index[row]['shard']))} has changed: its checksum is another"
            raise UnreadableImageError(self.names[row], reason)
        return picture

    def identify(self, row: int) -> str:
        """The id that the original file has."""
        text: str = self.index[row]["id"].tobytes().hex()
        return text

    def _checked(self, name: str, about: dict[str, Any]) -> bytes:
        data = (self.root / name).read_bytes()
        if digest(data).hex() != about["checksums"][name]:
            raise ValueError(f"{name} has changed: its checksum is another")
        return data

    def _shard(self, number: int, name: str) -> npt.NDArray[np.uint8]:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        path = shard_file(self.root, number)
        try:
            mapped = np.memmap(path, np.uint8, "r").view(np.ndarray)
        except FileNotFoundError:
            raise UnreadableImageError(name, f"{path} is missing") from None
        except (OSError, ValueError) as error:
            raise UnreadableImageError(name, f"{path} can't be read ({error})") from None
        self._open[number] = mapped
        if len(self._open) > OPEN_SHARDS:
            self._open.popitem(last=False)
        return mapped

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict()}


class PackedPhotos:
    """Some photos of a pack, by the names that their files had.

    Args:
        pack: where they are.
        names: which; one that is not in the pack is broken when it is read.
        verify: hold each picture that is read against its checksum.
    """

    def __init__(self, pack: Pack, names: list[str], verify: bool = False) -> None:
        self.pack, self.names, self.verify = pack, names, verify
        rows = {name: row for row, name in enumerate(pack.names)}
        self.rows = np.array([rows.get(name, -1) for name in names], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> RGBImage:
        """One photo: HxWx3 uint8 RGB, read-only."""
        row = self._row(index)
        return self.pack.verified(row) if self.verify else self.pack.read(row)

    def name(self, index: int) -> str:
        """The path below the folder that was packed."""
        return self.names[index]

    def identify(self, index: int) -> str:
        """The id of the original file: evaluation gives it the same hints."""
        return self.pack.identify(self._row(index))

    def _row(self, index: int) -> int:
        row = int(self.rows[index])
        if row < 0:
            raise UnreadableImageError(self.names[index], f"not in the pack {self.pack.root}")
        return row


class Packed(Folder):
    """The photos of a pack; they have the splits that they have in the folder that was packed.

    Args:
        root: the pack.
        val_fraction: share of the pictures for validation, where nothing else says so.
        test_fraction: share of the pictures for the test, where nothing else says so.
        train_list: file of training paths, relative to the current folder or to `root`; None takes the lists that were
            packed, if any.
        val_list: file of validation paths.
        test_list: file of test paths.
    """

    def __init__(
        self,
        root: str,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_list: str | None = None,
        val_list: str | None = None,
        test_list: str | None = None,
    ) -> None:
        self.pack = Pack(Path(root).expanduser())
        if (train_list, val_list, test_list) == (None, None, None):
            train_list, val_list, test_list = (
                str(self.pack.root / f"{split}.txt") if split in self.pack.lists else None for split in SPLITS
            )
        super().__init__(root, val_fraction, test_fraction, train_list, val_list, test_list)

    @property
    def sub_folders(self) -> list[str]:
        """Those of train, val and test that the folder had."""
        return self.pack.sub_folders

    def _find(self, below: str) -> list[str]:
        return [name for name in self.pack.names if not below or name.startswith(f"{below}/")]

    def _open(self, paths: list[str]) -> Photos:
        return PackedPhotos(self.pack, paths)


def read_about(root: Path) -> dict[str, Any]:
    """Read pack.json.

    Raises:
        ValueError: it is missing, damaged, or of another format.
    """
    if not is_pack(root):
        raise ValueError(
            f"data.root={root} is not a pack: it has no pack.json. Type `chromahint data pack PHOTOS -o PACK` to "
            "make one and data.root=PACK to use it, or data=folder for a folder of picture files."
        )
    try:
        about = json.loads((root / "pack.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("format"), str):
        raise _damaged(root, "pack.json can't be read")
    if about["format"] != FORMAT:
        raise ValueError(f"{root}: a pack of format {about['format']}, and this version reads {FORMAT}. Pack it again.")
    return about


def _damaged(root: Path, reason: str) -> ValueError:
    return ValueError(
        f"{root}: this pack is damaged: {reason}. Type the `chromahint data pack` that made it again: it keeps what is "
        "whole. If that refuses, delete the folder first."
    )
