"""What EXIF says about a photo, without what it says about the file that the photo came in."""

from __future__ import annotations

from PIL import Image
from PIL.ExifTags import IFD, Base

# the others describe how the pixels of that file are stored, or show them in small
_OF_PHOTO = (
    Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist, Base.HostComputer,
    Base.Copyright, Base.Rating, Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject,
)  # fmt: skip
_SRGB = 1


def orientation(image: Image.Image) -> int:
    """How the camera was held: 1 to 8; 1 where it is not told."""
    told = image.getexif().get(Base.Orientation, 1)
    return told if told in range(1, 9) else 1


def copy_exif(image: Image.Image) -> bytes:
    """EXIF of an opened file for a copy that is upright and in sRGB; empty where there is none, or it is broken."""
    try:
        told, kept = image.getexif(), Image.Exif()
        for tag in _OF_PHOTO:
            if tag in told:
                kept[tag] = told[tag]
        for part in (IFD.Exif, IFD.GPSInfo):
            if inside := dict(told.get_ifd(part)):
                kept[part] = inside
        if camera := kept.get(IFD.Exif):
            camera.pop(Base.ExifInteroperabilityOffset, None)
            sideways = orientation(image) >= 5
            width, height = image.size[::-1] if sideways else image.size
            for tag, value in (
                (Base.ColorSpace, _SRGB), (Base.ExifImageWidth, width), (Base.ExifImageHeight, height)
            ):  # fmt: skip
                if tag in camera:
                    camera[tag] = value
        return kept.tobytes() if len(kept) else b""
    except Exception:  # broken in any way: a photo is worth coloring without it
        return b""
