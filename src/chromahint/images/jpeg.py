"""Fast decoding of ordinary JPEG files by libjpeg-turbo, optionally at a reduced size."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from chromahint.images.exif import apply_orientation, orientation

_FACTORS = (8, 4, 2)
"""Factors by which the decoder halves the size, from the largest to the smallest."""


def decode_jpeg(data: bytes, header: Image.Image, min_side: int | None = None) -> NDArray[np.uint8] | None:
    """Decode a JPEG file to HxWx3 RGB, upright.

    Args:
        data: Content of the file.
        header: The file, opened by Pillow and not loaded.
        min_side: Decode at a half, a quarter or an eighth of the size, if the shorter side then still has this length.

    Returns:
        None if only Pillow decodes the file: a damaged one, or one that is neither gray nor RGB.
    """
    if header.format != "JPEG" or header.mode not in ("RGB", "L"):
        return None
    width, height = header.size
    factor = 1
    if min_side is not None:
        factor = next((factor for factor in _FACTORS if min(width, height) >= factor * min_side), 1)
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, min_height=height // factor, min_width=width // factor, min_factor=factor
        )
    except ValueError:
        return None
    return np.ascontiguousarray(apply_orientation(pixels, orientation(header)))
