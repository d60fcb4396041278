"""Five photos from the scikit-image package, cut into 11 tiles: test images that need no download."""

from __future__ import annotations

import functools
from pathlib import Path

import skimage

from chromahint.images.decode import RGBImage, UnreadableImageError, read_photo

TILE_FILES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "stereo_motorcycle": "motorcycle_left.png",
}


class NaturalTiles:
    """Photos cut into square tiles, starting at the upper left; incomplete tiles are dropped.

    The files are read directly, because `skimage.data` would download missing ones.

    Args:
        size: Height and width of a tile in pixels; 256 yields 11 tiles.
    """

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self._tiles = [
            (name, row, column)
            for name in TILE_FILES
            for row in range(_photo(name).shape[0] // size)
            for column in range(_photo(name).shape[1] // size)
        ]

    def __len__(self) -> int:
        return len(self._tiles)

    def read(self, index: int) -> RGBImage:
        """Read one tile, size x size x 3, uint8 RGB."""
        name, row, column = self._tiles[index]
        top, left = row * self.size, column * self.size
        return _photo(name)[top : top + self.size, left : left + self.size]

    def name(self, index: int) -> str:
        """Return a name such as `astronaut-0-1`."""
        return self.identify(index).replace("/", "-").replace(",", "-")

    def identify(self, index: int) -> str:
        """Return `<name>/<row>,<column>`, counted in tiles."""
        name, row, column = self._tiles[index]
        return f"{name}/{row},{column}"


@functools.cache
def _photo(name: str) -> RGBImage:
    path = Path(skimage.__file__).parent / "data" / TILE_FILES[name]
    try:
        image = read_photo(path)
    except UnreadableImageError as error:
        raise ValueError(
            f"{error}. This test photo is part of the scikit-image package: reinstall it with "
            "`pip install --force-reinstall scikit-image`, or test on your own photos with data=folder data.root=PATH."
        ) from error
    image.setflags(write=False)
    return image
