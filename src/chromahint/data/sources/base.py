"""Interfaces of photo collections and photo sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from chromahint.images.decode import RGBImage

Split = Literal["train", "val", "test", "all"]
"""Split of a source; `all` is every image, whatever split it belongs to."""


class Photos(Protocol):
    """Photos in a fixed order. Several processes may read at the same time."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> RGBImage:
        """Read one photo as HxWx3 uint8 RGB; raises `UnreadableImageError` if that fails."""
        ...

    def name(self, index: int) -> str:
        """Return a short name for files and tables."""
        ...

    def identify(self, index: int) -> str:
        """Return the image's id. It is the same on every machine, so evaluation places the same hints."""
        ...


@runtime_checkable
class ReadsReduced(Photos, Protocol):
    """Photos that can be read at a reduced size, which is faster."""

    def read_reduced(self, index: int, min_side: int) -> RGBImage:
        """Read one photo, reduced or not, with a shorter side of at least `min_side` pixels unless it is smaller."""
        ...


@runtime_checkable
class ReadsFiles(Photos, Protocol):
    """Photos that are image files."""

    def read_file(self, index: int) -> bytes | None:
        """Return the content of a photo's file; None if it is not a file; raises `UnreadableImageError`."""
        ...


class PhotoSource(Protocol):
    """Source of photos with a training, validation and test split."""

    def prepare(self, max_images: int | None = None) -> None:
        """Build the caches of up to `max_images` images per split. Called once, in one process, before reading."""
        ...

    def photos(self, split: Split, max_images: int | None = None) -> Photos:
        """Return the photos of a split: all of them, or always the same `max_images`."""
        ...


class Subset:
    """Subset of a collection, in the order of `indices`."""

    def __init__(self, photos: Photos, indices: Sequence[int]) -> None:
        self.parent = photos
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> RGBImage:
        """Read one photo as HxWx3 uint8 RGB."""
        return self.parent.read(self.indices[index])

    def read_reduced(self, index: int, min_side: int) -> RGBImage:
        """Read one photo at a reduced size, if the whole collection can."""
        return read_reduced(self.parent, self.indices[index], min_side)

    def read_file(self, index: int) -> bytes | None:
        """Return the content of a photo's file, if the whole collection consists of files."""
        return read_file(self.parent, self.indices[index])

    def name(self, index: int) -> str:
        """Return the photo's name in the whole collection."""
        return self.parent.name(self.indices[index])

    def identify(self, index: int) -> str:
        """Return the photo's id in the whole collection."""
        return self.parent.identify(self.indices[index])


def read_reduced(photos: Photos, index: int, min_side: int | None) -> RGBImage:
    """Read one photo at a reduced size, if the collection can; None is the original size."""
    if min_side is None or not isinstance(photos, ReadsReduced):
        return photos.read(index)
    return photos.read_reduced(index, min_side)


def read_file(photos: Photos, index: int) -> bytes | None:
    """Return the content of a photo's file, if the collection consists of files."""
    return photos.read_file(index) if isinstance(photos, ReadsFiles) else None


def limit_to(photos: Photos, max_images: int | None) -> Photos:
    """Return the first `max_images` photos, or all of them if it is None."""
    return photos if max_images is None or max_images >= len(photos) else Subset(photos, range(max_images))
