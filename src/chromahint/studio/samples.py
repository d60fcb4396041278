"""Photos in scikit-image's wheel to try the page with; their small pictures do not wait for torch."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import skimage

from chromahint.data.sources.skimage_tiles import FILES
from chromahint.images.decode import read_photo
from chromahint.studio.model_list import SAMPLES

_THUMBNAIL = 300


def sample_file(name: str) -> Path:
    """Where one of them lies.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in SAMPLES:
        raise KeyError(f"there is no sample of that name; the names are {', '.join(SAMPLES)}")
    return Path(skimage.__file__).parent / "data" / FILES[name]


@functools.lru_cache(maxsize=len(SAMPLES))
def thumbnail(name: str) -> bytes:
    """One of them, small, as a JPEG file."""
    picture = read_photo(sample_file(name))
    share = _THUMBNAIL / picture.shape[1]
    size = _THUMBNAIL, round(picture.shape[0] * share)
    _, data = cv2.imencode(".jpg", cv2.resize(picture, size, interpolation=cv2.INTER_AREA)[..., ::-1])
    return data.tobytes()
