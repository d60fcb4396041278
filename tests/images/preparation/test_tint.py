"""Tints are told from colors and removed, with scikit-image as the reference."""

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2gray, rgb2lab

from chromahint.images.preparation.prepare import has_color
from chromahint.images.preparation.tint import is_monochrome, neutralize, to_gray
from support.damage import placed_on_scanner, sepia

PHOTOS = {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")}


def gray_of(name):
    return np.rint(255 * rgb2gray(PHOTOS[name])).astype(np.uint8)


@pytest.mark.parametrize("name", PHOTOS)
def test_colors_are_told_from_tints(name):
    noise = np.random.default_rng(0).normal(0, 5, PHOTOS[name].shape)
    toned = np.clip(sepia(gray_of(name)) + noise, 0, 255).astype(np.uint8)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", toned[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])[1], 1)[..., ::-1]
    assert is_monochrome(jpeg)
    assert is_monochrome(toned.astype(np.uint16) * 257)
    assert not is_monochrome(PHOTOS[name])
    assert not has_color(placed_on_scanner(toned, 2.0))
    assert has_color(placed_on_scanner(PHOTOS[name], 2.0))
    assert not has_color(gray_of(name))


@pytest.mark.parametrize("scale", [1, 257])
def test_sepia_becomes_gray_of_the_same_lightness(scale):
    toned = sepia(gray_of("coffee")).astype(np.uint16 if scale == 257 else np.uint8) * np.uint16(scale)
    toned = toned if scale == 257 else toned.astype(np.uint8)
    neutral = neutralize(toned)
    assert neutral.ndim == 2
    assert neutral.dtype == toned.dtype
    assert np.abs(rgb2lab(toned)[..., 1:]).mean() > 8
    found = rgb2lab(np.dstack([neutral] * 3))
    assert np.abs(found[..., 1:]).max() < 0.01
    assert np.abs(found[..., 0] - rgb2lab(toned)[..., 0]).max() < (0.3 if scale == 1 else 0.01)


def test_a_cast_of_a_color_photo_is_reduced():
    photo = PHOTOS["astronaut"]
    cast = np.rint(photo * np.array([1.0, 0.85, 0.6])).astype(np.uint8)
    found = neutralize(cast)
    assert found.shape == photo.shape

    def error(pixels):
        return np.abs(rgb2lab(pixels)[..., 1:] - rgb2lab(photo)[..., 1:]).mean()

    assert error(found) < 0.75 * error(cast)


def test_gray_photos_stay_as_they_are():
    gray = gray_of("rocket")
    assert np.array_equal(to_gray(gray), gray)
    assert np.array_equal(to_gray(np.dstack([gray] * 3)), gray)
