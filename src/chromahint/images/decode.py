"""Decode image files of any supported format to uint8 RGB, upright and in sRGB."""

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
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError, features
from PIL.ExifTags import Base

from chromahint.images.jpeg import decode_jpeg
from chromahint.images.other_formats import HEIF_EXTENSIONS, can_read_heif, refusal
from chromahint.images.pixel_limit import VARIABLE, check_pixels, let_pillow_open_as_many, pixel_limit

RGBImage = npt.NDArray[np.uint8]
"""HxWx3 RGB image, uint8 in 0..255."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
EXTENSIONS |= frozenset({".avif"} if features.check("avif") else ()) | (HEIF_EXTENSIONS if can_read_heif() else set())
"""Extensions of the files that are read, with the packages that are installed."""
PIL_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF", *(["HEIF"] if can_read_heif() else []))
_STRIP_ROWS = 64
_END_OF_JPEG = b"\xff\xd9"


class UnreadableImageError(ValueError):
    """An image cannot be read.

    Attributes:
        path: Path of the file, or the name of an image that is not a file.
        reason: Short description of the problem.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read_photo(path: Path | str) -> RGBImage:
    """Read an image file as HxWx3 uint8 RGB.

    Raises:
        UnreadableImageError: The file cannot be read, for any reason.
    """
    return decode_rgb(read_bytes(path), str(path))


def read_bytes(path: Path | str) -> bytes:
    """Read the bytes of a file, or raise `UnreadableImageError`."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise UnreadableImageError(str(path), _reason(error)) from error


def decode_rgb(data: bytes, path: str, min_side: int | None = None, max_pixels: int | None = None) -> RGBImage:
    """Decode the bytes of an image file to HxWx3 uint8 RGB.

    Converts gray, palette, CMYK, Lab, 1-bit, 16-bit and floating-point images to RGB, composites transparency over
    white, applies the EXIF orientation, and converts other color profiles to sRGB. Ignores a damaged profile, and all
    but the first frame of an animation.

    Args:
        data: Content of the file.
        path: Name of the file for error messages.
        min_side: Decode a JPEG file at a reduced size, which is faster, if the shorter side then still has this length.
        max_pixels: Maximum number of pixels, if lower than `pixel_limit`.

    Raises:
        UnreadableImageError: The bytes cannot be decoded, for any reason.
    """
    with _open(data, path, max_pixels) as image:
        if _has_srgb_pixels(image):
            pixels = decode_jpeg(data, image, min_side)
            if pixels is not None:
                return pixels
        _load(image)
        return _to_rgb(image)


def read_size(data: bytes, path: str) -> tuple[int, int]:
    """Return the height and width of the upright image in a file, from its header: its pixels are not decoded.

    Raises:
        UnreadableImageError: It is not an image in a supported format, or it is too large.
    """
    with _open(data, path) as image:
        return _upright_size(image)


def read_jpeg_size(data: bytes, path: str) -> tuple[int, int] | None:
    """Return the height and width of the upright image in a file if any JPEG decoder reads it as `decode_rgb` does.

    Returns:
        None for other formats, for colors that have to be converted, and for a file that is not complete.

    Raises:
        UnreadableImageError: It is not an image in a supported format, or it is too large.
    """
    with _open(data, path) as image:
        is_plain = image.format == "JPEG" and image.mode == "RGB" and _has_srgb_pixels(image)
        return _upright_size(image) if is_plain and data.endswith(_END_OF_JPEG) else None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(Base.Orientation) in (5, 6, 7, 8)
    return image.size if turned else image.size[::-1]


def _has_srgb_pixels(image: Image.Image) -> bool:
    """Whether the pixels of an image that is not loaded are sRGB as they are stored."""
    profile = image.info.get("icc_profile")
    return not profile or is_srgb(profile)


@contextlib.contextmanager
def open_image(data: bytes, path: str, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """Open the bytes of an image file with Pillow, as a context manager.

    The image is decoded but not converted. Images that are too large are rejected before they are decoded.

    Args:
        data: Content of the file.
        path: Name of the file for error messages.
        max_pixels: Maximum number of pixels, if lower than `pixel_limit`.

    Raises:
        UnreadableImageError: The bytes cannot be decoded, or the `with` block raises any exception.
    """
    with _open(data, path, max_pixels) as image:
        _load(image)
        yield image


@contextlib.contextmanager
def _open(data: bytes, path: str, max_pixels: int | None = None) -> Iterator[Image.Image]:
    if not data:
        raise UnreadableImageError(path, "the file is empty")
    if reason := refusal(path, bytes(data[:12])):
        raise UnreadableImageError(path, reason)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            let_pillow_open_as_many()
            with Image.open(io.BytesIO(data), formats=PIL_FORMATS) as image:
                check_pixels(*image.size, max_pixels)
                yield image
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError(path, "not enough memory to decode it") from error
    except Exception as error:  # decoders raise almost any exception for a damaged file
        raise UnreadableImageError(path, _reason(error)) from error


def _load(image: Image.Image) -> None:
    with silence_stderr() if image.format == "TIFF" else contextlib.nullcontext():
        image.load()


@contextlib.contextmanager
def silence_stderr() -> Iterator[None]:
    """Redirect the file descriptor of stderr: libtiff and OpenCV print errors there, which callers can't turn off."""
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    try:
        with open(os.devnull, "wb") as devnull:  # noqa: PTH123
            os.dup2(devnull.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _to_rgb(image: Image.Image) -> RGBImage:
    image = to_srgb(ImageOps.exif_transpose(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return to_array(image.convert("RGB"))


def to_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Copy the pixels of an 8-bit image, HxW or HxWxC, in strips; `numpy.array` takes three times their memory."""
    num_bands = len(image.getbands())
    size = (image.height, image.width)
    pixels = np.empty(size if num_bands == 1 else (*size, num_bands), np.uint8)
    for top in range(0, image.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert an image to 8 bits, and from its embedded color profile to sRGB; a damaged profile is ignored."""
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "I;16", "I;16L", "I;16B", "F"):
        return _to_8bit(image)
    return _convert_profile(image, profile) if profile and not is_srgb(profile) else image


def _to_8bit(image: Image.Image) -> Image.Image:
    """Convert strip by strip, because as float64 a large image takes gigabytes."""
    strips = [
        (0, top, image.width, min(top + _STRIP_ROWS, image.height)) for top in range(0, image.height, _STRIP_ROWS)
    ]

    def read(strip: tuple[int, int, int, int]) -> npt.NDArray[np.float64]:
        return np.nan_to_num(np.asarray(image.crop(strip), dtype=np.float64))

    largest = max(read(strip).max(initial=0) for strip in strips) if image.mode in ("F", "I") else np.inf
    white = 1.0 if image.mode == "F" and largest <= 1 else 255.0
    if image.mode != "F" and largest > 255:
        white = 65535.0
    converted = np.empty((image.height, image.width), np.uint8)
    for strip in strips:
        converted[strip[1] : strip[3]] = np.clip(np.rint(read(strip) * (255 / white)), 0, 255)
    return Image.fromarray(converted)


def _convert_profile(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    try:
        if image.mode in ("P", "PA", "1"):
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
            alpha = image.getchannel("A") if image.mode == "RGBA" else None
        mode = {"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode)
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image.convert(mode), source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if converted is None:
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@functools.lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Return whether a profile is sRGB by its name, or damaged; the conversion would be slow and change nothing."""
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
        return "file not found"
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a supported format"
    if isinstance(error, Image.DecompressionBombError):
        limit = f"{pixel_limit() / 10**6:.10g} million"
        return f"more pixels than the limit of {limit}. To read it, set the environment variable {VARIABLE}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
