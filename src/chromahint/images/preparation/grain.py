"""Noise and film grain: how strong it is, and its removal."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from chromahint.images.pixels import Pixels

_KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16
_LEVEL_SIGMAS = 0.8908, 0.2007, 0.0856
"""Standard deviation of each level of the transform for noise of standard deviation 1 (Starck and Murtagh)."""
_WINDOW = 5
_HALO = 2 * (1 + 2 + 4) + _WINDOW
_STRIP_PIXELS = 2**19
_BLOCK = 16
_SMOOTH_PERCENT = 15
_SMOOTH_BIAS = 1.05
"""The smoothest blocks of pure noise are smoother than the average one by this factor."""


def noise_level(pixels: Pixels) -> float:
    """Estimate the standard deviation of the noise in 8-bit gray levels, from the smoothest places.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
    """
    gray = _gray(pixels).astype(np.float32) * (1 / 257 if pixels.dtype == np.uint16 else 1)
    detail = gray - cv2.sepFilter2D(gray, -1, _KERNEL, _KERNEL)
    rows, columns = (length // _BLOCK * _BLOCK for length in gray.shape)
    if not rows or not columns:
        return 0.0
    inner = slice(0, rows), slice(0, columns)
    variance = cv2.resize(np.square(detail[inner]), (columns // _BLOCK, rows // _BLOCK), interpolation=cv2.INTER_AREA)
    mean = cv2.resize(gray[inner], variance.shape[::-1], interpolation=cv2.INTER_AREA)
    usable = (mean > 12) & (mean < 243)  # clipped black and white have no noise
    if not usable.any():
        return 0.0
    smoothest = float(np.percentile(np.sqrt(variance[usable]), _SMOOTH_PERCENT))
    return smoothest * _SMOOTH_BIAS / _LEVEL_SIGMAS[0]


def reduce_noise(pixels: Pixels, sigma: float) -> Pixels:
    """Reduce noise in the luminance: shrink the details of an undecimated wavelet transform by the noise in them.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
        sigma: Standard deviation of the noise, in 8-bit gray levels; 0 changes nothing.
    """
    if sigma <= 0:
        return pixels
    if pixels.ndim == 3:  # only the lightness of a photo is colored
        layers = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
        layers[..., 0] = reduce_noise(np.ascontiguousarray(layers[..., 0]), sigma)
        colored: Pixels = cv2.cvtColor(layers, cv2.COLOR_YCrCb2RGB)
        return colored
    scale = 257 if pixels.dtype == np.uint16 else 1
    height, width = pixels.shape[:2]
    cleaned = np.empty_like(pixels)
    step = max(1, _STRIP_PIXELS // width)
    for first in range(0, height, step):
        last = min(height, first + step)
        above, below = max(0, first - _HALO), min(height, last + _HALO)
        strip = _shrink(pixels[above:below].astype(np.float32), sigma * scale)
        rounded = np.rint(strip[first - above : last - above])
        cleaned[first:last] = np.clip(rounded, 0, 255 * scale)
    return cleaned


def _shrink(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    result = np.zeros_like(values)
    for level, share in enumerate(_LEVEL_SIGMAS):
        spread = np.zeros(4 * 2**level + 1, np.float32)
        spread[:: 2**level] = _KERNEL
        smooth = cv2.sepFilter2D(values, -1, spread, spread)
        detail = np.subtract(values, smooth, out=values)
        energy = cv2.sqrBoxFilter(detail, -1, (_WINDOW, _WINDOW))
        kept = cv2.divide((sigma * share) ** 2, cv2.max(energy, 1e-6))
        np.subtract(1, kept, out=kept)
        np.maximum(kept, 0, out=kept)
        result += np.multiply(detail, kept, out=detail)
        values = smooth
    return np.add(result, values, out=result)


def _gray(pixels: Pixels) -> Pixels:
    gray: Pixels = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return gray
