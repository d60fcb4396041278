"""Sample photos, from the scikit-image package. Does not import torch."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import skimage

from chromahint.data.sources.skimage_tiles import TILE_FILES
from chromahint.images.decode import read_photo
from chromahint.studio.model_list import SAMPLES

_THUMBNAIL_WIDTH = 300


def sample_file(name: str) -> Path:
    """Return the path of a sample photo.

    Raises:
        KeyError: the name is unknown.
    """
    if name not in SAMPLES:
        raise KeyError(f"{name:.40}: unknown sample. Use one of {', '.join(SAMPLES)}.")
    return Path(skimage.__file__).parent / "data" / TILE_FILES[name]


@functools.lru_cache(maxsize=len(SAMPLES))
def thumbnail(name: str) -> bytes:
    """Return a small version of a sample photo as a JPEG file."""
    image = read_photo(sample_file(name))
    scale = _THUMBNAIL_WIDTH / image.shape[1]
    size = _THUMBNAIL_WIDTH, round(image.shape[0] * scale)
    _, data = cv2.imencode(".jpg", cv2.resize(image, size, interpolation=cv2.INTER_AREA)[..., ::-1])
    return data.tobytes()
