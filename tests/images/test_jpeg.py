"""JPEG files decoded by libjpeg-turbo: the pixels of Pillow, and of resizing for a reduced size."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from chromahint.images.decode import UnreadableImageError, decode_rgb
from chromahint.images.jpeg import decode_jpeg

PHOTO = data.astronaut()


def encoded(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def by_pillow(content):
    with Image.open(io.BytesIO(content)) as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def decode(content, min_side=None):
    with Image.open(io.BytesIO(content)) as image:
        return decode_jpeg(content, image, min_side)


@pytest.mark.parametrize(
    "content",
    [
        *[encoded(PHOTO[:301, :203], subsampling=subsampling) for subsampling in (0, 1, 2)],
        encoded(PHOTO, progressive=True, quality=80),
        encoded(PHOTO[..., 1]),
        encoded(PHOTO[:1, :1]),
        encoded(PHOTO, keep_rgb=True),
    ],
    ids=["4:4:4", "4:2:2", "4:2:0", "progressive", "gray", "one pixel", "RGB"],
)
def test_pixels_are_those_of_pillow(content):
    assert np.array_equal(decode(content), by_pillow(content))
    assert np.array_equal(decode_rgb(content, "x"), by_pillow(content))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(PHOTO[:60, :40], exif=exif)
    assert np.array_equal(decode(content), by_pillow(content))


@pytest.mark.parametrize(
    ("min_side", "factor"), [(257, 1), (256, 2), (129, 2), (128, 4), (65, 4), (64, 8), (1, 8), (None, 1)]
)
def test_reduced_size(min_side, factor):
    content = encoded(PHOTO, quality=95)
    reduced = decode(content, min_side)
    assert reduced.shape == (512 // factor, 512 // factor, 3)
    expected = cv2.resize(PHOTO, reduced.shape[:2], interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - expected).mean() < 3


@pytest.mark.parametrize(("height", "width"), [(100, 161), (99, 401), (17, 16)])
def test_reduced_shorter_side_is_long_enough(height, width):
    content = encoded(PHOTO[:height, :width])
    for min_side in range(1, height + 3):
        reduced = decode(content, min_side)
        assert min(reduced.shape[:2]) >= min(min_side, height, width)


def test_others_are_left_to_pillow():
    cyan = np.full((8, 8, 4), (255, 0, 0, 0), np.uint8)
    file = io.BytesIO()
    Image.fromarray(cyan, "CMYK").save(file, "JPEG")
    assert decode(file.getvalue()) is None
    cut = encoded(PHOTO)[:-2000]
    assert decode(cut) is None
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode_rgb(cut, "x")
