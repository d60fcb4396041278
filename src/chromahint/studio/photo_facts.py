"""What has to be known of a photo's file whenever something is saved: it is read once, and again after a change."""

from __future__ import annotations

import threading
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from chromahint.images.decode import read_bytes, read_size


class Facts(NamedTuple):
    """Facts about a file.

    Attributes:
        blake2b: Hash of its contents, 16 bytes in hexadecimal.
        height: Height of the upright photo in pixels.
        width: Width of the upright photo in pixels.
    """

    blake2b: str
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


class PhotoFacts:
    """Facts about the photos of a project."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Facts]] = {}
        self._lock = threading.Lock()

    def of(self, file: Path) -> Facts:
        """Return the facts about a photo.

        Raises:
            ValueError: It can't be read.
            OSError: It is gone.
        """
        state = file.stat()
        version = state.st_mtime_ns, state.st_size
        with self._lock:
            known = self._known.get(file)
        if known is not None and known[0] == version:
            return known[1]
        facts = facts_of(read_bytes(file), file.name)
        with self._lock:
            self._known[file] = version, facts
        return facts


def facts_of(data: bytes, name: str) -> Facts:
    """Return the facts about the contents of a file.

    Raises:
        ValueError: It is not a photo that can be read.
    """
    return Facts(file_digest(data), *read_size(data, name))


def file_digest(data: bytes) -> str:
    """Return the hash that stands for the contents of a file."""
    return blake2b(data, digest_size=16).hexdigest()
