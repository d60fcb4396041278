"""The tint of a photo: sepia and yellowed paper are not colors, and a cast can be removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chromahint.images.pixels import Pixels

_SMALL_SIDE = 160
"""The tint is measured on a version with a longer side of this many pixels, which has neither noise nor JPEG blocks."""
_LIGHTNESS_BINS = 20
_MIN_IN_BIN = 12
_MAX_DEVIATION = 2.6
"""Largest root mean square distance of ab from the curve of a tint, in Lab units."""
_OUTLIER, _MAX_OUTLIERS = 9.0, 0.005
"""Colors farther away than this belong to no tint, and a tinted photo has at most this share of them."""
_CAST_NORM = 6
_MAX_GAIN = 1.6
_STRIP_PIXELS = 2**20
_LUMINANCE = np.array([[0.2126, 0.7152, 0.0722]], np.float32)


def is_monochrome(pixels: Pixels) -> bool:
    """Return whether a photo is gray, or gray with a tint: its ab lie along one curve over the lightness.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
    """
    if pixels.ndim == 2:
        return True
    height, width = pixels.shape[:2]
    scale = min(1.0, _SMALL_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    lab = cv2.cvtColor(small / _white(pixels), cv2.COLOR_RGB2Lab).reshape(-1, 3)
    distance = np.linalg.norm(lab[:, 1:] - _tint_curve(lab), axis=1)
    is_close = float(np.sqrt(np.mean(np.square(distance)))) <= _MAX_DEVIATION
    return is_close and float(np.mean(distance > _OUTLIER)) <= _MAX_OUTLIERS


def neutralize(pixels: Pixels) -> Pixels:
    """Remove the tint of a photo: a monochrome one becomes gray, HxW, with the same CIE lightness; others lose a cast.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
    """
    if pixels.ndim == 2:
        return pixels
    return to_gray(pixels) if is_monochrome(pixels) else _without_cast(pixels)


def to_gray(pixels: Pixels) -> Pixels:
    """Return the gray photo HxW of the same CIE lightness and type."""
    if pixels.ndim == 2:
        return pixels
    white = _white(pixels)
    to_linear = _linear(np.arange(white + 1, dtype=np.float32) / white)
    steps = 2**15 if white == 255 else 2**18
    # indexed by the square root of the luminance, which has more steps where it is dark
    to_gamma = np.rint(_gamma(np.square(np.arange(steps + 1) / steps)) * white).astype(pixels.dtype)
    height, width = pixels.shape[:2]
    gray = np.empty((height, width), pixels.dtype)
    for rows in _strips(height, width):
        luminance = cv2.transform(to_linear[pixels[rows]], _LUMINANCE)
        index = np.sqrt(np.clip(luminance, 0, 1, out=luminance), out=luminance)
        gray[rows] = to_gamma[np.multiply(index, steps, out=index).astype(np.int32)]
    return gray


def _tint_curve(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ab of the tint at the lightness of each pixel, N2: the medians of bins, joined by lines."""
    bins = np.clip(lab[:, 0] / 100 * _LIGHTNESS_BINS, 0, _LIGHTNESS_BINS - 1).astype(int)
    members = [lab[bins == number] for number in range(_LIGHTNESS_BINS)]
    medians = np.array([np.median(each, axis=0) for each in members if len(each) >= min(_MIN_IN_BIN, len(lab))])
    if not len(medians):
        return np.zeros((len(lab), 2), np.float32)
    curve = [np.interp(lab[:, 0], medians[:, 0], medians[:, channel]) for channel in (1, 2)]
    return np.stack(curve, axis=1).astype(np.float32)


def _without_cast(pixels: Pixels) -> Pixels:
    """Scale the channels so that bright places are neutral on average ("shades of gray"), at the same luminance."""
    white = _white(pixels)
    step = max(1, round((pixels.shape[0] * pixels.shape[1] / 2**18) ** 0.5))
    subset = _linear(pixels[::step, ::step].reshape(-1, 3).astype(np.float32) / white)
    strength = np.mean(subset.astype(np.float64) ** _CAST_NORM, axis=0) ** (1 / _CAST_NORM)
    luminance = (_LUMINANCE @ strength).item()
    gains = np.clip(luminance / np.maximum(strength, 1e-4), 1 / _MAX_GAIN, _MAX_GAIN)
    values = _linear(np.arange(white + 1, dtype=np.float32) / white)[:, None]
    table = np.rint(_gamma(np.clip(values * gains, 0, 1)) * white).astype(pixels.dtype)
    channels = [table[:, channel][pixels[..., channel]] for channel in range(3)]
    return np.stack(channels, axis=2)


def _strips(height: int, width: int) -> Iterator[slice]:
    step = max(1, _STRIP_PIXELS // width)
    return (slice(first, first + step) for first in range(0, height, step))


def _white(pixels: Pixels) -> int:
    return 65535 if pixels.dtype == np.uint16 else 255


def _linear(values: NDArray[Any]) -> NDArray[np.float32]:
    linear: NDArray[np.float32] = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )
    return linear


def _gamma(values: NDArray[Any]) -> NDArray[np.float64]:
    gamma: NDArray[np.float64] = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    return gamma
