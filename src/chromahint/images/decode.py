"""Any picture file -> uint8 RGB, as a person sees it."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

RGBImage = npt.NDArray[np.uint8]
"""One photo: HxWx3, RGB, uint8 in 0..255."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
PIL_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
MAX_PIXELS = 150_000_000
"""A picture of more pixels than this is refused: its file may be small and still fill the memory."""


class UnreadableImageError(ValueError):  # noqa: N818  # reads better where it is caught
    """A photo that can't be read.

    Attributes:
        path: the file, or the name of what is not a file.
        reason: why, in a few words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read_photo(path: Path | str) -> RGBImage:
    """Read a picture file as HxWx3 uint8 RGB.

    Raises:
        BrokenPhoto: whatever is wrong with the file; no other exception.
    """
    return decode_rgb(read_bytes(path), str(path))


def read_bytes(path: Path | str) -> bytes:
    """Read a file's bytes, or raise `UnreadableImageError`."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise UnreadableImageError(str(path), _reason(error)) from error


def decode_rgb(data: bytes, path: str) -> RGBImage:
    """Decode a picture file's bytes to HxWx3 uint8 RGB.

    Gray, palette, CMYK, Lab, 1-bit, 16-bit and floating-point pictures become RGB; transparency is laid over white; the
    camera's orientation is applied; colors in another profile are converted to sRGB, a broken profile is ignored;
    of an animation the first frame counts.

    Args:
        data: the whole file.
        path: named in the error.

    Raises:
        BrokenPhoto: whatever is wrong with the bytes; no other exception.
    """
    with open_image(data, path) as image:
        return _to_rgb(image)


@contextlib.contextmanager
def open_image(data: bytes, path: str, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open a picture file's bytes, decoded as they are stored; what is too large is refused before it is decoded.

    Args:
        data: the whole file.
        path: named in the error.
        most: pixels that are allowed.

    Raises:
        BrokenPhoto: whatever is wrong with the bytes, or goes wrong with the picture in the block; no other exception.
    """
    if not data:
        raise UnreadableImageError(path, "the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=PIL_FORMATS) as image:
                _check_size(image, path, max_pixels)
                with _quiet() if image.format == "TIFF" else contextlib.nullcontext():
                    image.load()
                yield image
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError(path, "too large for the memory") from error
    except Exception as error:  # decoders raise nearly every kind for a file that is not what it says
        raise UnreadableImageError(path, _reason(error)) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep libtiff, which Python can't tell to be silent, from printing what `UnreadableImageError` says anyway."""
    try:
        kept = os.dup(2)
    except OSError:  # there is nowhere to print to
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _check_size(image: Image.Image, path: str, most: int) -> None:
    width, height = image.size
    if width * height > most:
        raise UnreadableImageError(path, f"{width}x{height} pixels are more than the {most // 10**6} million allowed")
    if width < 1 or height < 1:
        raise UnreadableImageError(path, "no pixels")


def _to_rgb(image: Image.Image) -> RGBImage:
    image = to_srgb(ImageOps.exif_transpose(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def to_srgb(image: Image.Image) -> Image.Image:
    """Bring a picture to 8 bits, and its colors from the profile that it carries to sRGB; a broken one is ignored."""
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "I;16", "I;16L", "I;16B", "F"):
        return _eight_bits(image)
    return _from_profile(image, profile) if profile and not is_srgb(profile) else image


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    full = 1.0 if image.mode == "F" and values.max(initial=0) <= 1 else 255.0
    if image.mode != "F" and (image.mode != "I" or values.max(initial=0) > 255):
        full = 65535.0
    return Image.fromarray(np.clip(np.rint(values * (255 / full)), 0, 255).astype(np.uint8))


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    try:
        if image.mode in ("P", "PA", "1"):
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
            alpha = image.getchannel("A") if image.mode == "RGBA" else None
        plain = {"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode)
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image.convert(plain), source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if converted is None:
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@functools.lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Most cameras name sRGB in their profile; such a conversion would change nothing and take longer than decoding."""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return True
    return "srgb" in name.lower()


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "not a picture in a known format"
    if isinstance(error, Image.DecompressionBombError):
        return f"more pixels than the {MAX_PIXELS // 10**6} million allowed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
