"""How large an image may be. A small file can hold a huge image that exhausts the memory."""

from __future__ import annotations

import os

from PIL import Image

VARIABLE = "CHROMAHINT_MAX_PIXELS"
_DEFAULT = 150_000_000


def pixel_limit() -> int:
    """Return the maximum number of pixels of an image: $CHROMAHINT_MAX_PIXELS, or 150 million.

    Raises:
        ValueError: The variable is not a number of pixels.
    """
    text = os.environ.get(VARIABLE) or str(_DEFAULT)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"{VARIABLE}={text:.20}: must be a number of pixels, such as {2 * _DEFAULT}")
    return int(text)


def let_pillow_open_as_many() -> None:
    """Raise the limit that Pillow has itself, if necessary."""
    if Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, pixel_limit())


def check_pixels(width: int, height: int, lower_limit: int | None = None) -> None:
    """Check the size of an image.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        lower_limit: Maximum number of pixels where fewer are allowed.

    Raises:
        ValueError: The image is too large, or has no pixels.
    """
    limit = pixel_limit()
    if width < 1 or height < 1:
        raise ValueError("the image has no pixels")
    if lower_limit is not None and width * height > lower_limit:
        raise ValueError(f"{width}x{height} pixels exceed the limit of {_millions(lower_limit)}")
    if width * height > limit:
        raise ValueError(
            f"{width}x{height} pixels exceed the limit of {_millions(limit)}. To read it, set the environment variable "
            f"{VARIABLE}={width * height}"
        )


def _millions(pixels: int) -> str:
    return f"{pixels / 10**6:.10g} million"
