"""Five natural color photos that travel in scikit-image's wheel, cut to 11 tiles: a test that needs no download."""

from __future__ import annotations

import functools
from pathlib import Path

import skimage

from chromahint.images.decode import RGBImage, UnreadableImageError, read_photo

FILES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "stereo_motorcycle": "motorcycle_left.png",
}


class NaturalTiles:
    """The photos cut from the upper left into whole tiles.

    The files are read where they lie: `skimage.data` would download one that is missing.

    Args:
        size: side of a tile in pixels; 256 gives 11 tiles.
    """

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self._tiles = [
            (name, row, column)
            for name in FILES
            for row in range(_photo(name).shape[0] // size)
            for column in range(_photo(name).shape[1] // size)
        ]

    def __len__(self) -> int:
        return len(self._tiles)

    def read(self, index: int) -> RGBImage:
        """Read one tile: size x size x 3, uint8 RGB."""
        name, row, column = self._tiles[index]
        top, left = row * self.size, column * self.size
        return _photo(name)[top : top + self.size, left : left + self.size]

    def name(self, index: int) -> str:
        """Such as `astronaut-0-1`."""
        return self.identify(index).replace("/", "-").replace(",", "-")

    def identify(self, index: int) -> str:
        """`<name>/<row>,<column>`, counted in tiles."""
        name, row, column = self._tiles[index]
        return f"{name}/{row},{column}"


@functools.cache
def _photo(name: str) -> RGBImage:
    path = Path(skimage.__file__).parent / "data" / FILES[name]
    try:
        picture = read_photo(path)
    except UnreadableImageError as error:
        raise ValueError(
            f"The test photo {error}. It is part of the scikit-image package: type "
            "`pip install --force-reinstall scikit-image`, or test on your own photos with data=folder data.root=PATH."
        ) from error
    picture.setflags(write=False)
    return picture
