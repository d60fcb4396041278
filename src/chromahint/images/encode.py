"""Encoders for formats that Pillow does not support: 16-bit PNG, 16-bit TIFF, and compressed TIFF with EXIF."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import ImageFileDirectory_v2

Resolution = tuple[float, float] | None

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_SIZES, _PREDICTOR = 273, 277, 278, 279, 317
_EXTRA_SAMPLES, _XMP, _PROFILE, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 338, 700, 34675, 282, 283, 296
_DEFLATE, _RGB, _HORIZONTAL_DIFFERENCING, _UNASSOCIATED_ALPHA, _INCH = 8, 2, 2, 2, 2
_COMPRESSION_LEVEL = 3
XMP_KEYWORD = "XML:com.adobe.xmp"
"""Keyword of the PNG text that holds an XMP packet."""


def encode_png16(pixels: NDArray[np.uint16], exif: bytes, profile: bytes, dpi: Resolution, xmp: bytes) -> bytes:
    """Encode a 16-bit PNG.

    Args:
        pixels: HxWx3 RGB, or HxWx4 RGBA.
        exif: EXIF block as returned by Pillow, may be empty.
        profile: ICC profile.
        dpi: Horizontal and vertical resolution, or None.
        xmp: XMP packet, may be empty.
    """
    channels = [2, 1, 0, 3][: pixels.shape[2]]
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., channels]))
    data: bytes = encoded.tobytes()
    chunks = _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile))
    if dpi is not None:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1))
    if exif:
        chunks += _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    if xmp:
        chunks += _chunk(b"iTXt", XMP_KEYWORD.encode() + b"\0" * 5 + xmp)
    header = 8 + 12 + 13  # the signature and the IHDR chunk
    return data[:header] + chunks + data[header:]


def encode_tiff(pixels: NDArray[Any], exif: bytes, profile: bytes, dpi: Resolution, xmp: bytes) -> bytes:
    """Encode HxWx3 or HxWx4 pixels, uint8 or uint16, as TIFF; see `encode_png16` for the arguments."""
    height, width, channels = pixels.shape
    differences: NDArray[Any] = pixels.astype(pixels.dtype.newbyteorder("<"))
    differences[:, 1:] -= pixels[:, :-1]
    data = zlib.compress(differences.tobytes(), _COMPRESSION_LEVEL)
    directory = ImageFileDirectory_v2(ifh=b"II\x2a\0\x08\0\0\0")
    tags = Image.Exif()
    tags.load(exif)
    for tag, value in tags.items():
        directory[tag] = tags.get_ifd(tag) if tag in (IFD.Exif, IFD.GPSInfo) else value
    directory[_WIDTH], directory[_HEIGHT], directory[_ROWS_PER_STRIP] = width, height, height
    directory[_BITS], directory[_SAMPLES] = (8 * pixels.itemsize,) * channels, channels
    directory[_COMPRESSION], directory[_PHOTOMETRIC] = _DEFLATE, _RGB
    directory[_PREDICTOR] = _HORIZONTAL_DIFFERENCING
    if channels == 4:
        directory[_EXTRA_SAMPLES] = _UNASSOCIATED_ALPHA
    directory[_PROFILE] = profile
    if xmp:
        directory[_XMP] = xmp
    if dpi is not None:
        directory[_X_RESOLUTION], directory[_Y_RESOLUTION] = (float(value) for value in dpi)
        directory[_RESOLUTION_UNIT] = _INCH
    directory[_STRIP_OFFSETS], directory[_STRIP_SIZES] = 0, len(data)
    file = io.BytesIO()
    directory.save(file)  # adds its own size to the strip offset
    file.write(data)
    return file.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
