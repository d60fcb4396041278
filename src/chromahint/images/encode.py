"""What Pillow does not write: PNG of 16 bits a channel, and TIFF that is of 16 bits, or compressed and with EXIF."""

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
_OFFSETS, _SAMPLES, _ROWS, _SIZES, _PREDICTOR, _EXTRA, _PROFILE = 273, 277, 278, 279, 317, 338, 34675
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_DEFLATE, _RGB, _DIFFERENCES, _ALPHA, _INCH = 8, 2, 2, 2, 2
_LEVEL = 3


def encode_png16(pixels: NDArray[np.uint16], exif: bytes, profile: bytes, dpi: Resolution) -> bytes:
    """Encode HxWx3, or HxWx4 with alpha, as PNG.

    Args:
        pixels: RGB.
        exif: as Pillow gives it; may be empty.
        profile: what the colors are to be read with.
        dpi: across and down, if it is told.
    """
    channels = [2, 1, 0, 3][: pixels.shape[2]]
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., channels]))
    data: bytes = encoded.tobytes()
    chunks = _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile))
    if dpi is not None:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1))
    if exif:
        chunks += _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    header = 8 + 12 + 13  # the signature and the first chunk, which says size and depth
    return data[:header] + chunks + data[header:]


def encode_tiff(pixels: NDArray[Any], exif: bytes, profile: bytes, dpi: Resolution) -> bytes:
    """Encode HxWx3, or HxWx4 with alpha, of 8 or 16 bits as TIFF; arguments as for `png`."""
    height, width, channels = pixels.shape
    differences: NDArray[Any] = pixels.astype(pixels.dtype.newbyteorder("<"))
    differences[:, 1:] -= pixels[:, :-1]
    data = zlib.compress(differences.tobytes(), _LEVEL)
    directory = ImageFileDirectory_v2(ifh=b"II\x2a\0\x08\0\0\0")
    about = Image.Exif()
    about.load(exif)
    for tag, value in about.items():
        directory[tag] = about.get_ifd(tag) if tag in (IFD.Exif, IFD.GPSInfo) else value
    directory[_WIDTH], directory[_HEIGHT], directory[_ROWS] = width, height, height
    directory[_BITS], directory[_SAMPLES] = (8 * pixels.itemsize,) * channels, channels
    directory[_COMPRESSION], directory[_PREDICTOR], directory[_PHOTOMETRIC] = _DEFLATE, _DIFFERENCES, _RGB
    if channels == 4:
        directory[_EXTRA] = _ALPHA
    directory[_PROFILE] = profile
    if dpi is not None:
        directory[_ACROSS], directory[_DOWN], directory[_UNIT] = (*(float(value) for value in dpi), _INCH)
    directory[_OFFSETS], directory[_SIZES] = 0, len(data)
    file = io.BytesIO()
    directory.save(file)  # which moves the offset to behind itself
    file.write(data)
    return file.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
