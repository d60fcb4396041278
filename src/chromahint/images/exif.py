"""EXIF metadata: the orientation, and a copy without the tags that describe the storage format of the original file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import IFD, Base

# other tags describe the storage of the pixels, or hold a thumbnail
_PHOTO_TAGS = (
    Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist, Base.HostComputer,
    Base.Copyright, Base.Rating, Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject,
)  # fmt: skip
_SRGB = 1


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) if it is missing or not valid."""
    value = image.getexif().get(Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def apply_orientation(pixels: NDArray[Any], exif_orientation: int) -> NDArray[Any]:
    """Rotate and flip an image upright, given its EXIF orientation."""
    if exif_orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if exif_orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if exif_orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def copy_exif(image: Image.Image) -> bytes:
    """Return the EXIF block for an upright sRGB copy of an open image; empty if there is none or it is damaged."""
    try:
        original, copy = image.getexif(), Image.Exif()
        for tag in _PHOTO_TAGS:
            if tag in original:
                copy[tag] = original[tag]
        for ifd in (IFD.Exif, IFD.GPSInfo):
            if tags := dict(original.get_ifd(ifd)):
                copy[ifd] = tags
        if camera := copy.get(IFD.Exif):
            camera.pop(Base.ExifInteroperabilityOffset, None)
            sideways = orientation(image) >= 5
            width, height = image.size[::-1] if sideways else image.size
            for tag, value in (
                (Base.ColorSpace, _SRGB), (Base.ExifImageWidth, width), (Base.ExifImageHeight, height)
            ):  # fmt: skip
                if tag in camera:
                    camera[tag] = value
        return copy.tobytes() if len(copy) else b""
    except Exception:  # a damaged block can raise almost any exception; the photo is usable without it
        return b""
