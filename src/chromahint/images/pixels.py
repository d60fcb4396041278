"""Pixels of images with 8 or 16 bits per channel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""HxW, or HxWx3 RGB."""


def to_uint8(pixels: Pixels) -> NDArray[np.uint8]:
    """Round to 8 bits per channel."""
    if pixels.dtype != np.uint16:
        return pixels.astype(np.uint8, copy=False)
    # rounds, without a copy in floating point
    converted: NDArray[np.uint8] = cv2.convertScaleAbs(pixels, alpha=1 / 257).reshape(pixels.shape)
    return converted
