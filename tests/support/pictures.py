"""Small valid pictures of many formats, as bytes."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from chromahint.images.other_formats import can_read_heif

HEIC = Path(__file__).parents[1] / "images" / "coffee.heic"


def _encode(file_format, mode, **options):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (24, 20), dtype=np.uint16))
    else:
        image = Image.fromarray(pixels).convert(mode)
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _animated(file_format):
    return _encode(file_format, "RGB", save_all=True, append_images=[Image.new("RGB", (20, 24), "red")] * 3)


PICTURES = [
    _encode("JPEG", "RGB"), _encode("JPEG", "CMYK"), _encode("JPEG", "L", progressive=True), _encode("PNG", "RGBA"),
    _encode("PNG", "P"), _encode("PNG", "I;16"), _encode("PNG", "1"), _encode("TIFF", "RGB", compression="tiff_lzw"),
    _encode("TIFF", "I;16"), _encode("TIFF", "CMYK"), _encode("TIFF", "F"), _encode("WEBP", "RGB"), _animated("WEBP"),
    _encode("GIF", "P"), _animated("GIF"), _encode("BMP", "RGB"), _encode("BMP", "1"), _encode("AVIF", "RGB"),
    *([HEIC.read_bytes()] if can_read_heif() else []),
]  # fmt: skip
