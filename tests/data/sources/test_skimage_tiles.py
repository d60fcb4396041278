"""Test photos of scikit-image are read without a download."""

import socket

import numpy as np
import pytest
from skimage import data as skimage_data

from chromahint.data.sources import skimage_tiles
from chromahint.data.sources.skimage_tiles import NaturalTiles


@pytest.fixture
def offline(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket, "socket", fail)
    monkeypatch.setattr(socket, "create_connection", fail)
    skimage_tiles._photo.cache_clear()


@pytest.mark.usefixtures("offline")
def test_eleven_tiles_are_read_offline():
    photos = NaturalTiles()
    assert len(photos) == 11
    assert [photos.identify(index) for index in range(5)] == [
        "astronaut/0,0", "astronaut/0,1", "astronaut/1,0", "astronaut/1,1", "chelsea/0,0",
    ]  # fmt: skip
    assert len({photos.name(index) for index in range(11)}) == 11
    assert {photos.read(index).shape for index in range(11)} == {(256, 256, 3)}
    assert np.array_equal(photos.read(2), skimage_data.astronaut()[256:, :256])
    assert np.array_equal(photos.read(6), skimage_data.coffee()[:256, 256:512])


@pytest.mark.usefixtures("offline")
def test_error_if_a_photo_is_missing(monkeypatch):
    monkeypatch.setitem(skimage_tiles.TILE_FILES, "chelsea", "gone.png")
    with pytest.raises(ValueError, match="pip install --force-reinstall scikit-image"):
        NaturalTiles()
