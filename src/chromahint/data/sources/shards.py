"""Shards: the files of photos, unchanged, in a few large files that can be read from a folder, S3 or HTTP.

Shards are a folder written by `chromahint data pack --format litdata` (see `chromahint.data.pack_shards`):

- `photos.json`: `{"format": "chromahint-shards/1", "images": int, "sub_folders": [...], "lists": [...], ...}`, with the
  BLAKE2b of the next three. It is written last: shards without it are incomplete.
- `names.json`: sorted list of paths relative to the folder that was packed.
- `ids.npy`: BLAKE2b of each file's bytes, N x 16 uint8.
- `index.json`, `chunk-0-0.bin`, ...: a set of litdata, whose items are `{"id": str, "image": bytes, "name": str}`.
- `train.txt`, ...: lists of the splits, if the folder was packed with lists. `broken.txt`: unreadable files.
- `records/000000.json`, ...: record of each shard's source files, by which packing resumes. Not needed for reading.
"""

from __future__ import annotations

import io
import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from chromahint.cache_folder import cache_folder
from chromahint.data.sources.download import DownloadError, download, is_url
from chromahint.data.sources.packed import digest
from chromahint.images.decode import UnreadableImageError

SHARDS_FORMAT = "chromahint-shards/1"
FILES = ("names.json", "ids.npy", "index.json")
"""Files whose checksums are in photos.json."""


def import_litdata() -> Any:
    """Return the package that reads and writes shards, or say how to install it."""
    try:
        import litdata
    except ImportError:
        raise ValueError(
            "data=stream: needs the package litdata, which is not installed. Run pip install 'chromahint[stream]'."
        ) from None
    return litdata


class Shards:
    """Opened shards. Those at a URL are downloaded once, when first read, into the cache folder of the machine.

    Items are read in any order, so that the order of training depends on the seed and the epoch alone.

    Args:
        root: Folder, or a URL such as `s3://bucket/places365` or `https://host/places365`.

    Raises:
        ValueError: These are no shards, or they are incomplete or damaged, or the URL can't be read.
    """

    def __init__(self, root: str) -> None:
        import_litdata()
        self.url = root.rstrip("/") if is_url(root) else None
        self.folder = Path(root).expanduser() if self.url is None else _cache_of(self.url)
        self.root = self.url or str(self.folder)
        metadata = self._read_metadata()
        self.subfolders: list[str] = metadata["sub_folders"]
        self.lists: list[str] = metadata["lists"]
        names, ids, index = (self._read_verified(name, metadata["checksums"]) for name in FILES)
        for split in self.lists:
            self._local(f"{split}.txt")
        self.names: list[str] = json.loads(names)
        self.ids = np.load(io.BytesIO(ids), allow_pickle=False)
        self.chunks: list[dict[str, Any]] = json.loads(index)["chunks"]
        self._ends = np.cumsum([chunk["chunk_size"] for chunk in self.chunks])
        if self.url is None:
            for chunk in self.chunks:
                self._check_size(chunk)
        self._reader: tuple[int, Any] | None = None

    def read(self, row: int) -> bytes:
        """Return one file.

        Raises:
            UnreadableImageError: Its bytes have changed since it was packed.
            ValueError: Its shard is missing or truncated, or can't be downloaded.
        """
        self._fetch_chunk(int(np.searchsorted(self._ends, row, side="right")))
        data = bytes(self._open()[row]["image"])  # litdata may return a view of the shard
        if digest(data) != self.ids[row].tobytes():
            raise UnreadableImageError(f"{self.root}/{self.names[row]}", "its bytes have changed since it was packed")
        return data

    def identify(self, row: int) -> str:
        """Return the id of a file."""
        text: str = self.ids[row].tobytes().hex()
        return text

    def _open(self) -> Any:
        # a process that was forked must not share open files with its parent
        if self._reader is None or self._reader[0] != os.getpid():
            # batch_decode=0: decode the requested item only, not its neighbors
            self._reader = (os.getpid(), import_litdata().StreamingDataset(str(self.folder), batch_decode=0))
        return self._reader[1]

    def _fetch_chunk(self, number: int) -> None:
        chunk = self.chunks[number]
        if not chunk.get("checked"):
            self._local(chunk["filename"])
            self._check_size(chunk)
            chunk["checked"] = True

    def _check_size(self, chunk: dict[str, Any]) -> None:
        path = self.folder / chunk["filename"]
        size = path.stat().st_size if path.is_file() else 0
        if size != chunk["chunk_bytes"]:
            raise _damaged(self.root, f"{path} has {size:,} bytes instead of {chunk['chunk_bytes']:,}")

    def _local(self, name: str) -> Path:
        """Return the local path of a file, downloaded if necessary. One process downloads, others wait."""
        path = self.folder / name
        if self.url is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{name}.download")):
                if not path.exists():
                    download(self.url, name, self.folder)
        return path

    def _read_metadata(self) -> dict[str, Any]:
        try:
            metadata = json.loads(self._local("photos.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, DownloadError) as error:
            incomplete = (self.folder / "records").is_dir()
            raise ValueError(
                f"data.root={self.root}: the shards are incomplete. Repeat the `chromahint data pack` command that "
                "created them to resume."
                if incomplete
                else f"data.root={self.root}: no shards, photos.json can't be read ({error}). Create them with "
                "`chromahint data pack PHOTOS --format litdata -o SHARDS` and use data.root=SHARDS."
            ) from None
        except (OSError, ValueError, RecursionError):
            raise _damaged(self.root, "photos.json can't be read") from None
        if not isinstance(metadata, dict) or metadata.get("format") != SHARDS_FORMAT:
            raise ValueError(f"{self.root}: not in the format {SHARDS_FORMAT}. Pack the photos again.")
        return metadata

    def _read_verified(self, name: str, checksums: dict[str, str]) -> bytes:
        try:
            data = self._local(name).read_bytes()
        except OSError as error:
            raise _damaged(self.root, f"{name} can't be read ({error})") from None
        if digest(data).hex() != checksums[name]:
            raise _damaged(self.root, f"{self.folder / name} has changed: its checksum does not match")
        return data

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_reader": None}


def _cache_of(url: str) -> Path:
    return cache_folder() / "shards" / blake2b(url.encode(), digest_size=8).hexdigest()


def _damaged(root: str, reason: str) -> ValueError:
    where = "delete this file to download it again" if is_url(root) else "repeat `chromahint data pack` to repair them"
    return ValueError(f"{root}: the shards are damaged: {reason}; {where}.")
