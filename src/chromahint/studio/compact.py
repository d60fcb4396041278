"""Tensors as JPEG files for slow lines: a tenth as large, and as good to look at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from chromahint.studio.workspace import AB_STEPS, RawTensor

_QUALITY = 95
_BLOCK = 8
"""JPEG mixes the pixels of a block of this size; those of two channels must not share one."""


def compact_lightness(tensor: RawTensor) -> RawTensor:
    """Encode a lightness of 0..100 as gray levels of 0..255."""
    lightness = np.frombuffer(tensor.data, np.float32).reshape(1, tensor.height, tensor.width)
    return tensor._replace(data=_encode(lightness * 2.55))


def compact_colors(tensor: RawTensor) -> RawTensor:
    """Encode the channels a and b in steps of one Lab unit, 128 being zero; each fills whole blocks."""
    ab = np.frombuffer(tensor.data, np.int16).reshape(2, tensor.height, tensor.width)
    return tensor._replace(data=_encode(ab / AB_STEPS + 128))


def _encode(channels: NDArray[np.floating]) -> bytes:
    """Encode channels, CHW in 0..255, below each other."""
    levels = np.rint(channels).clip(0, 255).astype(np.uint8)
    padded = np.pad(levels, ((0, 0), (0, -levels.shape[1] % _BLOCK), (0, 0)), mode="edge")
    _, data = cv2.imencode(".jpg", padded.reshape(-1, padded.shape[2]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
