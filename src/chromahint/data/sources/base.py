"""What a collection of photos is, wherever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from chromahint.images.decode import RGBImage

Split = Literal["train", "val", "test", "all"]
"""`all` is every picture of a source, whatever it is set aside for."""


class Photos(Protocol):
    """Photos in a fixed order. Reading is safe from several processes."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> RGBImage:
        """Read one photo as HxWx3 uint8 RGB; `UnreadableImageError` if that fails."""
        ...

    def name(self, index: int) -> str:
        """A short name for files and tables."""
        ...

    def identify(self, index: int) -> str:
        """The picture's id: the same on every machine, so that evaluation gives it the same hints."""
        ...


class PhotoSource(Protocol):
    """Where photos come from, and which of them are for training, validation and test."""

    def prepare(self, limit: int | None = None) -> None:
        """Make what reading needs (caches), for at most `limit` pictures a split. Called in one process before use."""
        ...

    def photos(self, split: Split, limit: int | None = None) -> Photos:
        """The photos of one split; with `limit`, the same at most `limit` of them each time."""
        ...


class Subset:
    """Some photos of a collection, in the order of `indices`."""

    def __init__(self, photos: Photos, indices: Sequence[int]) -> None:
        self.photos_of = photos
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> RGBImage:
        """Read one photo as HxWx3 uint8 RGB."""
        return self.photos_of.read(self.indices[index])

    def name(self, index: int) -> str:
        """The name it has in the whole collection."""
        return self.photos_of.name(self.indices[index])

    def identify(self, index: int) -> str:
        """The id it has in the whole collection."""
        return self.photos_of.identify(self.indices[index])


def limit_to(photos: Photos, limit: int | None) -> Photos:
    """The first `limit` photos, or all of them where `limit` is None."""
    return photos if limit is None or limit >= len(photos) else Subset(photos, range(limit))
