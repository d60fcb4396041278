"""Convert 16-bit images from matrix/TRC color profiles to sRGB; Pillow only converts 8-bit images."""

from __future__ import annotations

import functools
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

ToneCurve = NDArray[np.float32]
"""Lookup table from the 65,536 stored values to linear values in 0..1."""

_CHUNK_PIXELS = 2**18
_PARAMETER_COUNTS = (1, 3, 4, 5, 7)
"""Number of parameters of each type of parametric curve."""


def convert_to_srgb16(pixels: NDArray[np.uint16], profile: bytes) -> NDArray[np.uint16] | None:
    """Convert an image HxW or HxWx3 to sRGB; None if the profile is damaged or not a matrix/TRC profile."""
    try:
        tags = _tags(profile)
        space = profile[16:20]
        if profile[20:24] != b"XYZ " or b"A2B0" in tags:
            return None
        if space == b"GRAY" and pixels.ndim == 2:
            return _encode(_curve(tags[b"kTRC"]))[pixels]
        if space != b"RGB " or pixels.ndim != 3:
            return None
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
        matrix = (np.linalg.inv(_srgb_matrix()) @ _matrix(tags)).astype(np.float32)
    except (struct.error, KeyError, ValueError, IndexError, np.linalg.LinAlgError):
        return None
    result = np.empty_like(pixels)
    rows = max(1, _CHUNK_PIXELS // pixels.shape[1])
    for first in range(0, len(pixels), rows):
        chunk = pixels[first : first + rows]
        linear = np.stack([curve[chunk[..., channel]] for channel, curve in enumerate(curves)], axis=-1)
        result[first : first + rows] = _encode(linear @ matrix.T)
    return result


def _tags(profile: bytes) -> dict[bytes, bytes]:
    [count] = struct.unpack_from(">I", profile, 128)
    if count > 1000:
        raise ValueError("too many tags")
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * number) for number in range(count)]
    return {name: profile[start : start + size] for name, start, size in entries}


def _curve(tag: bytes) -> ToneCurve:
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"curv":
        [count] = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x.astype(np.float32)
        if count == 1:
            [gamma] = struct.unpack_from(">H", tag, 12)
            y = np.power(x, gamma / 256)
        else:
            y = np.interp(x, np.linspace(0, 1, count), np.frombuffer(tag, ">u2", count, 12) / 65535)
        curve: ToneCurve = y.astype(np.float32)
        return curve
    if tag[:4] != b"para":
        raise ValueError("not a curve")
    [kind] = struct.unpack_from(">H", tag, 8)
    values = [value / 65536 for value in struct.unpack_from(f">{_PARAMETER_COUNTS[kind]}i", tag, 12)]
    power, a, b, c, d, e, f = values + [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0][len(values) :]
    if kind in (1, 2):  # these types are constant below -b/a
        d, c, e, f = -b / a if a else 0, 0.0, c, c
    upper = np.clip(a * x + b, 0, None) ** power + e
    parametric: ToneCurve = np.clip(np.where(x >= d, upper, c * x + f), 0, 1).astype(np.float32)
    return parametric


def _matrix(tags: dict[bytes, bytes]) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ (D50)."""
    return np.array([struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T / 65536


@functools.cache
def _srgb_matrix() -> NDArray[np.float64]:
    return _matrix(_tags(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))


def _encode(linear: NDArray[Any]) -> NDArray[np.uint16]:
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    rounded: NDArray[np.uint16] = np.rint(encoded * 65535).astype(np.uint16)
    return rounded
