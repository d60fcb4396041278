"""Picture files in and out: 8 or 16 bits, upright, in sRGB, with transparency and what EXIF says about the photo."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from chromahint.atomic_write import atomic_write
from chromahint.images import encode
from chromahint.images.decode import MAX_PIXELS, is_srgb, open_image, read_bytes, to_srgb
from chromahint.images.exif import copy_exif, orientation
from chromahint.images.icc import convert_to_srgb16

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

OUTPUT_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".webp": "WEBP"}
OUTPUT_FORMATS |= {".tif": "TIFF", ".tiff": "TIFF"}
"""What a picture is written as, by how its name ends."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},  # the color is what this is about: none of it is thrown away
    "WEBP": {"quality": 95},
}
_STRIP = 1200
_BITS, _PHOTOMETRIC, _FORMAT = 258, 262, 339


@dataclass(frozen=True)
class ImageFile:
    """A picture from a file.

    Attributes:
        pixels: HxW or HxWx3 as a person sees it, sRGB, uint8 or uint16.
        alpha: HxW of the same type, or None.
        exif: what it says about the photo, as Pillow gives it; may be empty.
        dpi: resolution, if it is told.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    exif: bytes = b""
    dpi: tuple[float, float] | None = None

    def with_pixels(self, pixels: Pixels) -> ImageFile:
        """The same picture in other colors."""
        return replace(self, pixels=pixels)


def read_image(path: Path | str) -> ImageFile:
    """Read a picture file.

    Raises:
        BrokenPhoto: whatever is wrong with the file; no other exception.
    """
    return decode_image(read_bytes(path), str(path))


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> ImageFile:
    """Read the bytes of a picture file.

    Args:
        data: the whole file.
        name: named in the error.
        most: pixels that are allowed.

    Raises:
        BrokenPhoto: whatever is wrong with the bytes; no other exception.
    """
    with open_image(data, name, max_pixels) as image:
        deep = _sixteen_bits(data, image)
        pixels, alpha = _eight_bits(image) if deep is None else deep
        return ImageFile(pixels, alpha, copy_exif(image), _dpi(image))


def write_image(path: Path, image: ImageFile) -> None:
    """Write a picture, whole or not at all; 16 bits stay 16 bits in PNG and TIFF.

    Args:
        path: ends in one of `WRITTEN`.
        picture: colored.

    Raises:
        OSError: the file can't be written.
        ValueError: a file of that kind can't hold the picture.
    """
    data = encode_image(image, path.suffix)
    with atomic_write(path) as file:
        file.write(data)


def side_by_side_image(before: ImageFile, after: Pixels) -> ImageFile:
    """A picture as it came beside its colored self, shrunk to what a screen shows."""
    share = min(1.0, _STRIP / max(after.shape[:2]))
    size = [max(1, round(side * share)) for side in after.shape[1::-1]]
    small = [cv2.resize(_to_eight(part), size, interpolation=cv2.INTER_AREA) for part in (before.pixels, after)]
    return ImageFile(np.concatenate([np.dstack([x] * 3) if x.ndim == 2 else x for x in small], axis=1))


def encode_image(image: ImageFile, suffix: str) -> bytes:
    """Give the bytes of a picture file.

    Args:
        picture: colored.
        suffix: one of `WRITTEN`.

    Raises:
        ValueError: a file of that kind can't hold the picture.
    """
    kind = OUTPUT_FORMATS[suffix.lower()]
    pixels, alpha = image.pixels, image.alpha
    layers: NDArray[Any] = pixels if alpha is None else np.dstack([pixels, alpha])
    if kind == "TIFF":
        return encode.encode_tiff(layers, image.exif, _profile(), image.dpi)
    if kind == "PNG" and layers.dtype == np.uint16:
        return encode.encode_png16(layers, image.exif, _profile(), image.dpi)
    pil_image = Image.fromarray(_to_eight(pixels))
    if alpha is not None:
        pil_image.putalpha(Image.fromarray(_to_eight(alpha)))
        if kind == "JPEG":
            white = Image.new("RGBA", pil_image.size, "white")
            pil_image = Image.alpha_composite(white, pil_image).convert("RGB")
    options = _OPTIONS[kind] | {"icc_profile": _profile()}
    # a JPEG has room for 64 kB of it
    if image.exif and (kind != "JPEG" or len(image.exif) < 65000):
        options["exif"] = image.exif
    if image.dpi is not None and kind != "WEBP":
        options["dpi"] = image.dpi
    content = io.BytesIO()
    try:
        pil_image.save(content, format=kind, **options)
    except (OSError, ValueError):  # what Pillow says of it differs from kind to kind
        size = f"{pil_image.width}x{pil_image.height}"
        raise ValueError(f"{size} pixels are more than {kind} can hold; write it as PNG or TIFF") from None
    return content.getvalue()


def _eight_bits(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    plain = to_srgb(ImageOps.exif_transpose(image))
    alpha = None
    if plain.has_transparency_data:
        plain = plain.convert("RGBA")
        alpha = np.array(plain.getchannel("A"))
    return np.array(plain if plain.mode == "L" else plain.convert("RGB")), alpha


def _sixteen_bits(data: bytes, image: Image.Image) -> tuple[Pixels, Pixels | None] | None:
    """The picture with its 16 bits, of which Pillow keeps 8; None where it has no more."""
    if not _is_deep(data, image):
        return None
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.shape[1::-1] != image.size:
        return None
    if stored.ndim == 3:
        stored = stored[..., [2, 1, 0, 3][: stored.shape[2]]]
    stored = np.ascontiguousarray(_upright(stored, orientation(image)))
    alpha = stored[..., 3].copy() if stored.ndim == 3 and stored.shape[2] == 4 else None
    pixels: NDArray[np.uint16] = stored if alpha is None else stored[..., :3].copy()
    profile = image.info.get("icc_profile")
    if profile and not is_srgb(profile):
        converted = convert_to_srgb16(pixels, profile)
        if converted is None:  # another kind of profile: its colors get 8 bits
            converted = np.array(to_srgb(ImageOps.exif_transpose(image)).convert("RGB")).astype(np.uint16) * 257
        pixels = converted
    return pixels, alpha


def _is_deep(data: bytes, image: Image.Image) -> bool:
    if image.format == "PNG":
        return data[24] == 16
    if image.format != "TIFF":
        return False
    tags = image.tag_v2  # type: ignore[attr-defined]  # of TIFF pictures
    unsigned = set(tags.get(_FORMAT, (1,))) == {1}
    return set(tags.get(_BITS, ())) == {16} and tags.get(_PHOTOMETRIC) in (1, 2) and unsigned


def _upright(stored: NDArray[Any], turned: int) -> NDArray[Any]:
    """Undo how a camera was held, by the eight ways that EXIF knows."""
    if turned in (5, 6, 7, 8):
        stored = np.swapaxes(stored, 0, 1)
    if turned in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    if turned in (3, 4, 7, 8):
        stored = stored[::-1]
    return stored


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    told = image.info.get("dpi")
    try:
        across, down = (float(value) for value in told or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    # 1 stands where nothing is told
    return (across, down) if 1 < across < 1e5 and 1 < down < 1e5 else None


def _to_eight(pixels: Pixels) -> NDArray[np.uint8]:
    return np.rint(pixels / 257).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8, copy=False)


@functools.cache
def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
