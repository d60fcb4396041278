"""Pictures that show what was done to a photo: before and after, a short animation, and its color alone."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab

from chromahint.atomic_write import atomic_write
from chromahint.images.pixels import Pixels, to_uint8
from chromahint.images.preparation.tint import to_gray
from chromahint.images.provenance import colorized_xmp

AB_STEPS_8, AB_STEPS_16 = 1, 256
"""Values per Lab unit of pictures of the color, with 8 and with 16 bits per channel."""
_MAX_ANIMATION_SIDE = 720
_WIPE_FRAMES = 18
_FRAME_MILLISECONDS, _REST_MILLISECONDS = 60, 1300
_LINE = 2
_STRIP_ROWS = 256


def encode_animation(before: Pixels, after: Pixels, file_format: str, xmp: bytes) -> bytes:
    """Encode an animation in which the color wipes over the photo, from left to right and back.

    Args:
        before: HxW or HxWx3; it is shown in gray.
        after: HxWx3 of the same size.
        file_format: WEBP or GIF.
        xmp: XMP packet; GIF files have none.
    """
    first, last = (_small(pixels) for pixels in (to_gray(before), after))
    width = first.shape[1]
    edges = [round(width * (1 - np.cos(np.pi * step / _WIPE_FRAMES)) / 2) for step in range(_WIPE_FRAMES + 1)]
    frames = [Image.fromarray(_wiped(first, last, edge)) for edge in edges]
    frames += frames[-2:0:-1]
    durations = [_FRAME_MILLISECONDS] * len(frames)
    durations[0] = durations[_WIPE_FRAMES] = _REST_MILLISECONDS
    options = {"quality": 80, "method": 3, "xmp": xmp} if file_format == "WEBP" else {}
    file = io.BytesIO()
    frames[0].save(file, file_format, save_all=True, append_images=frames[1:], duration=durations, loop=0, **options)
    return file.getvalue()


def write_animation(path: Path, before: Pixels, after: Pixels) -> None:
    """Write an animation of `encode_animation` as a WebP file, atomically."""
    data = encode_animation(before, after, "WEBP", colorized_xmp())
    with atomic_write(path) as file:
        file.write(data)


def color_picture(colored: Pixels) -> Pixels:
    """Return the color of a photo without its lightness, of the same type.

    Red holds a and green holds b: the middle value, 128 or 32768, is gray, and a Lab unit is 1 or 256 values. Blue is
    the middle value.

    Args:
        colored: HxWx3 RGB, uint8 or uint16.
    """
    is_deep = colored.dtype == np.uint16
    middle, steps, white = (32768, AB_STEPS_16, 65535) if is_deep else (128, AB_STEPS_8, 255)
    picture = np.full_like(colored, middle)
    for first in range(0, len(colored), _STRIP_ROWS):
        rows = slice(first, first + _STRIP_ROWS)
        ab = rgb2lab(colored[rows])[..., 1:]
        picture[rows, :, :2] = np.clip(np.rint(ab * steps + middle), 0, white)
    return picture


def _small(pixels: Pixels) -> NDArray[np.uint8]:
    scale = min(1.0, _MAX_ANIMATION_SIDE / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = to_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    return np.dstack([small] * 3) if small.ndim == 2 else small


def _wiped(before: NDArray[np.uint8], after: NDArray[np.uint8], edge: int) -> NDArray[np.uint8]:
    frame = before.copy()
    frame[:, :edge] = after[:, :edge]
    if 0 < edge < frame.shape[1]:
        frame[:, max(0, edge - _LINE) : edge] = 255
    return frame
