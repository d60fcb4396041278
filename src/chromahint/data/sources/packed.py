"""Packs: photos shrunk once and stored as raw pixels, which load many times faster than image files are decoded.

A pack is a folder written by `chromahint data pack` (see `chromahint.data.pack`):

- `pack.json`: `{"format": "chromahint-pack/1", "complete": bool, "side": int, "squash": bool, ...}`, with the BLAKE2b
  of the next two. Packs of earlier versions lack `squash`, which is false.
- `names.json`: sorted list of paths relative to the folder that was packed.
- `index.npy`: one record of `INDEX_DTYPE` per name: shard, first byte, height, width, id (BLAKE2b of the original
  file's bytes), checksum (BLAKE2b of the pixels).
- `shards/000000.rgb`, ...: uint8 RGB, row by row, one image after the other.
- `shards/000000.json`, ...: record of the shard's source files, by which packing resumes.
- `train.txt`, ...: lists of the splits, if the folder was packed with lists. `broken.txt`: unreadable images.
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
from chromahint.data.sources.packed_folder import PackedFolder, PackedNames
from chromahint.images.decode import RGBImage, UnreadableImageError
from chromahint.ranges import Directory, Fraction, validate_arguments

PACK_FORMAT = "chromahint-pack/1"
INDEX_DTYPE = np.dtype(
    [
        ("shard", "<u4"),
        ("offset", "<u8"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("id", "u1", (16,)),
        ("checksum", "u1", (16,)),
    ]
)
MAX_OPEN_SHARDS = 256
"""Memory-mapped shards per process. Each keeps a file open, and a process may have about a thousand."""


def is_pack(root: Path) -> bool:
    """Tell whether a folder is a pack, finished or not."""
    return (root / "pack.json").is_file()


def shard_path(root: Path, number: int) -> Path:
    """Return the path of a shard's pixels."""
    return root / "shards" / f"{number:06d}.rgb"


def digest(data: bytes | memoryview) -> bytes:
    """Return the checksum of pixels or of a file, 16 bytes."""
    return blake2b(data, digest_size=16).digest()


class Pack:
    """Opened pack. Shards are memory-mapped on first access.

    Raises:
        ValueError: The folder is not a pack, or the pack is incomplete, or its index is damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        metadata = read_metadata(root)
        if metadata.get("complete") is not True:
            raise ValueError(
                f"{root}: the pack is incomplete. Repeat the `chromahint data pack` command that created it to resume."
            )
        try:
            self.names: list[str] = json.loads(self._read_verified("names.json", metadata))
            self.index = np.load(io.BytesIO(self._read_verified("index.npy", metadata)), allow_pickle=False)
            self.subfolders: list[str] = list(metadata["sub_folders"])
            self.lists: list[str] = list(metadata["lists"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
            raise _damaged(root, str(error) or type(error).__name__) from None
        if self.index.dtype != INDEX_DTYPE or self.index.shape != (len(self.names),):
            raise _damaged(root, "names.json and index.npy do not match")
        self._open: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()

    @property
    def folder(self) -> Path:
        """Folder of the lists on this machine."""
        return self.root

    def read(self, row: int) -> RGBImage:
        """Return one image, HxWx3 uint8 RGB, read-only."""
        record = self.index[row]
        height, width, start = int(record["height"]), int(record["width"]), int(record["offset"])
        pixels = self._shard(int(record["shard"]), self.names[row])[start : start + height * width * 3]
        if not len(pixels) or len(pixels) != height * width * 3:
            raise UnreadableImageError(self.names[row], f"{shard_path(self.root, int(record['shard']))} is truncated")
        return pixels.reshape(height, width, 3)

    def read_verified(self, row: int) -> RGBImage:
        """Return one image after verifying its checksum; raises `UnreadableImageError` if the pixels have changed."""
        image = self.read(row)
        if digest(image.data) != self.index[row]["checksum"].tobytes():
            reason = f"{shard_path(self.root, int(self.index[row]['shard']))} has changed: its checksum does not match"
            raise UnreadableImageError(self.names[row], reason)
        return image

    def identify(self, row: int) -> str:
        """Return the id of the original file."""
        text: str = self.index[row]["id"].tobytes().hex()
        return text

    def _read_verified(self, name: str, metadata: dict[str, Any]) -> bytes:
        data = (self.root / name).read_bytes()
        if digest(data).hex() != metadata["checksums"][name]:
            raise ValueError(f"{name} has changed: its checksum does not match")
        return data

    def _shard(self, number: int, name: str) -> npt.NDArray[np.uint8]:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        path = shard_path(self.root, number)
        try:
            mapped = np.memmap(path, np.uint8, "r").view(np.ndarray)
        except FileNotFoundError:
            raise UnreadableImageError(name, f"{path} is missing") from None
        except (OSError, ValueError) as error:
            raise UnreadableImageError(name, f"{path} can't be read ({error})") from None
        self._open[number] = mapped
        if len(self._open) > MAX_OPEN_SHARDS:
            self._open.popitem(last=False)
        return mapped

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict()}


class PackedPhotos(PackedNames):
    """Photos of a pack, selected by the names of their original files.

    Args:
        pack: The pack.
        names: Names to select; reading one that is not in the pack raises `UnreadableImageError`.
        verify: Verify the checksum of each image on reading.
    """

    def __init__(self, pack: Pack, names: list[str], verify: bool = False) -> None:
        super().__init__(pack, names)
        self.pack, self.verify = pack, verify

    def read(self, index: int) -> RGBImage:
        """Return one photo, HxWx3 uint8 RGB, read-only."""
        row = self.row(index)
        return self.pack.read_verified(row) if self.verify else self.pack.read(row)


class Packed(PackedFolder):
    """Photos of a pack, with the same splits as in the folder that was packed.

    Args:
        root: The pack.
        val_fraction: Fraction of the images for validation, if neither lists nor subfolders assign them.
        test_fraction: Fraction of the images for the test, if neither lists nor subfolders assign them.
        train_list: File of training paths; its own path is relative to the current folder or to `root`. None uses the
            list in the pack, if any.
        val_list: File of validation paths.
        test_list: File of test paths.
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
    ) -> None:
        self.pack = Pack(Path(root).expanduser())
        super().__init__(self.pack, val_fraction, test_fraction, train_list, val_list, test_list)

    def _create_photos(self, paths: list[str]) -> Photos:
        return PackedPhotos(self.pack, paths)


def read_metadata(root: Path) -> dict[str, Any]:
    """Read pack.json.

    Raises:
        ValueError: The file is missing, damaged, or of another format.
    """
    if not is_pack(root):
        raise ValueError(
            f"data.root={root}: not a pack, it has no pack.json. Create one with `chromahint data pack PHOTOS -o PACK` "
            "and use data.root=PACK, or use data=folder for a folder of image files."
        )
    try:
        metadata = json.loads((root / "pack.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("format"), str):
        raise _damaged(root, "pack.json can't be read")
    if metadata["format"] != PACK_FORMAT:
        raise ValueError(
            f"{root}: the pack has format {metadata['format']}, but this version reads {PACK_FORMAT}. "
            "Pack the photos again."
        )
    return metadata


def _damaged(root: Path, reason: str) -> ValueError:
    return ValueError(
        f"{root}: the pack is damaged: {reason}. Repeat the `chromahint data pack` command that created it to repair "
        "it; intact shards are kept. If that fails, delete the folder first."
    )
