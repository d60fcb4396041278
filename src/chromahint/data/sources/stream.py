"""Photos in shards, of any number, from a folder, S3 or HTTP."""

from __future__ import annotations

from chromahint.data.sources.base import Photos
from chromahint.data.sources.packed_folder import PackedFolder, PackedNames
from chromahint.data.sources.shards import Shards
from chromahint.images.decode import RGBImage, decode_rgb
from chromahint.ranges import Fraction, validate_arguments


class ShardPhotos(PackedNames):
    """Photos of shards, selected by the names of their original files.

    Args:
        shards: The shards.
        names: Names to select; reading one that is not in the shards raises `UnreadableImageError`.
    """

    def __init__(self, shards: Shards, names: list[str]) -> None:
        super().__init__(shards, names)
        self.shards = shards

    def read(self, index: int) -> RGBImage:
        """Decode one photo to HxWx3 uint8 RGB."""
        return self._decode(index)

    def read_reduced(self, index: int, min_side: int) -> RGBImage:
        """Decode one photo, a JPEG file at a reduced size if its shorter side then still has `min_side` pixels."""
        return self._decode(index, min_side)

    def read_file(self, index: int) -> bytes:
        """Return the content of one photo's file."""
        return self.shards.read(self.row(index))

    def _decode(self, index: int, min_side: int | None = None) -> RGBImage:
        return decode_rgb(self.read_file(index), f"{self.shards.root}/{self.names[index]}", min_side)


class Stream(PackedFolder):
    """Photos of shards, with the same splits as in the folder that was packed.

    Args:
        root: Folder of the shards, or their URL: `s3://`, `gs://`, `r2://`, `azure://`, `http://` or `https://`.
        val_fraction: Fraction of the images for validation, if neither lists nor subfolders assign them.
        test_fraction: Fraction of the images for the test, if neither lists nor subfolders assign them.
        train_list: File of training paths; its own path is relative to the current folder or to `root`. None uses the
            list in the shards, if any.
        val_list: File of validation paths.
        test_list: File of test paths.
    """

    @validate_arguments("data")
    def __init__(
        self,
        root: str,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        train_list: str | None = None,
        val_list: str | None = None,
        test_list: str | None = None,
    ) -> None:
        self.shards = Shards(root)
        super().__init__(self.shards, val_fraction, test_fraction, train_list, val_list, test_list)

    def _create_photos(self, paths: list[str]) -> Photos:
        return ShardPhotos(self.shards, paths)
