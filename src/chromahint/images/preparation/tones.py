"""Levels and local contrast."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from chromahint.images.pixels import Pixels

_SUBSET_PIXELS = 2**18
_CLIPPED_PERCENT = 0.25
"""Share of the pixels that may become black, and the same for white."""
_MAX_STRETCH = 4.0
_MIDDLE_GRAY = 0.46
_GAMMA_RANGE = 0.75, 1.35
_CLIP_LIMIT = 2.5
_TILES = 8, 8


def stretch_levels(pixels: Pixels) -> Pixels:
    """Make the darkest tones black, the brightest ones white, and the middle about as bright as that of most photos.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16; all channels get the same curve.
    """
    white = 65535 if pixels.dtype == np.uint16 else 255
    step = max(1, round((pixels.shape[0] * pixels.shape[1] / _SUBSET_PIXELS) ** 0.5))
    subset = pixels[::step, ::step].reshape(-1, *pixels.shape[2:]) / white
    values = subset if subset.ndim == 1 else subset.mean(axis=1)
    low, middle, high = np.percentile(values, [_CLIPPED_PERCENT, 50, 100 - _CLIPPED_PERCENT])
    if high - low < 1 / _MAX_STRETCH:  # a photo of fog is not to become noise
        center = (low + high) / 2
        low, high = max(0.0, center - 0.5 / _MAX_STRETCH), min(1.0, center + 0.5 / _MAX_STRETCH)
    middle = np.clip((middle - low) / (high - low), 0.02, 0.98)
    # half of the way: some photos are meant to be dark
    gamma = np.clip(np.sqrt(np.log(_MIDDLE_GRAY) / np.log(middle)), *_GAMMA_RANGE)
    scale = np.clip((np.arange(white + 1) / white - low) / (high - low), 0, 1)
    table = np.rint(scale**gamma * white).astype(pixels.dtype)
    return _apply(table, pixels)


def raise_contrast(pixels: Pixels, strength: float) -> Pixels:
    """Raise the local contrast (CLAHE).

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
        strength: 0 changes nothing, 1 is the full effect.
    """
    if strength <= 0:
        return pixels
    equalize = cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply
    if pixels.ndim == 2:
        return _blend(pixels, equalize(pixels), strength)
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    blended = _blend(gray, equalize(gray), strength)
    gain = (blended.astype(np.float32) + 1) / (gray.astype(np.float32) + 1)
    white = 65535 if pixels.dtype == np.uint16 else 255
    raised: Pixels = np.minimum(pixels * gain[..., None], white).astype(pixels.dtype)
    return raised


def _apply(table: NDArray[np.uint8] | NDArray[np.uint16], pixels: Pixels) -> Pixels:
    mapped: Pixels = cv2.LUT(pixels, table) if pixels.dtype == np.uint8 else table[pixels]
    return mapped


def _blend(pixels: Pixels, other: Pixels, strength: float) -> Pixels:
    blended: Pixels = cv2.addWeighted(pixels, 1 - strength, other, strength, 0)
    return blended
