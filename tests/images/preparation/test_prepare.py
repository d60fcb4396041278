"""A preparation as a whole: chosen automatically, written as JSON, applied to the scan."""

import json

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2gray

from chromahint.images.image_file import ImageFile
from chromahint.images.preparation.prepare import STEPS, automatic, choose_steps, prepare
from chromahint.images.preparation.scratches import BrushStroke
from chromahint.images.preparation.settings import Preparation, parse_preparation
from support.damage import placed_on_scanner, scratched, sepia


@pytest.fixture(scope="module")
def photo():
    gray = np.rint(255 * rgb2gray(data.astronaut())).astype(np.uint8)
    return cv2.resize(gray, (1024, 1024), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def scan(photo):
    """A faded, noisy, scratched sepia print, crooked on a scanner."""
    damaged, _ = scratched(photo, specks=150)
    placed = placed_on_scanner(sepia((50 + damaged * 0.6).astype(np.uint8)), 1.8)
    noise = np.random.default_rng(0).normal(0, 4, placed.shape)
    return ImageFile(np.clip(placed + noise, 0, 255).astype(np.uint8))


def test_an_old_print_is_put_right(photo, scan):
    settings = automatic(scan)
    assert settings.neutral
    assert settings.levels
    assert settings.scratches
    assert settings.noise > 3
    assert settings.angle == pytest.approx(1.8, abs=0.2)
    before = scan.pixels.copy()
    prepared = prepare(scan, settings).pixels
    assert prepared.ndim == 2
    assert np.array_equal(scan.pixels, before)
    size = prepared.shape[::-1]
    untouched = prepare(scan, Preparation(settings.angle, settings.crop, neutral=True)).pixels
    reference = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    similarity = [np.corrcoef(pixels.ravel(), reference.ravel())[0, 1] for pixels in (untouched, prepared)]
    assert similarity[1] > similarity[0]
    assert similarity[1] > 0.95


def test_modern_color_photos_are_left_alone():
    for name in ("astronaut", "coffee", "chelsea"):
        assert automatic(ImageFile(getattr(data, name)())) == Preparation()


def test_settings_that_are_off_change_nothing(scan):
    alpha = np.full(scan.pixels.shape[:2], 255, np.uint8)
    image = ImageFile(scan.pixels, alpha, b"exif", (300, 300))
    same = prepare(image, Preparation())
    assert np.array_equal(same.pixels, image.pixels)
    assert (same.exif, same.dpi) == (b"exif", (300, 300))
    framed = prepare(image, Preparation(angle=3, crop=(0.2, 0.2, 0.7, 0.6)))
    assert framed.alpha.shape == framed.pixels.shape[:2]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_can_be_taken_alone(scan, step):
    settings = choose_steps(scan, [step])
    assert settings != Preparation()
    changed = {name for name, value in settings.to_json().items() if value != Preparation().to_json()[name]}
    assert changed <= ({"angle", "crop"} if step == "straighten" else {step})


def test_the_brush_is_in_pixels_of_the_scan(photo):
    damaged = photo.copy()
    damaged[500:508, 300:700] = 255
    settings = Preparation(angle=5, crop=(0.1, 0.1, 0.9, 0.9), brush=(BrushStroke(((300, 504), (700, 504)), 8),))
    repaired = prepare(ImageFile(damaged), settings).pixels
    reference = prepare(ImageFile(photo), Preparation(5, settings.crop)).pixels
    damaged_only = prepare(ImageFile(damaged), Preparation(5, settings.crop)).pixels
    errors = [np.abs(pixels - reference.astype(float)).mean() for pixels in (repaired, damaged_only)]
    assert errors[0] < 0.5 * errors[1]


def test_settings_survive_json():
    settings = Preparation(
        1.5, (0.1, 0, 0.9, 1), True, True, 4.5, True, (BrushStroke(((1.0, 2.5), (3.0, 4.0)), 6.0),), 0.3
    )
    assert parse_preparation(json.loads(json.dumps(settings.to_json()))) == settings
    assert parse_preparation({}) == Preparation()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "JSON object"),
        ({"sharpen": 1}, "sharpen: unknown setting"),
        ({"neutral": 1}, "neutral=1: must be true or false"),
        ({"noise": -1}, "noise=-1: must be a number from 0 to 40"),
        ({"noise": float("nan")}, "noise=nan"),
        ({"contrast": True}, "contrast=True"),
        ({"angle": 16}, "angle=16: must be a number from -15 to 15"),
        ({"crop": [0, 0, 1]}, "crop: must be"),
        ({"crop": [0.5, 0, 0.5, 1]}, "crop: must leave"),
        ({"brush": [{"points": [[1]], "radius": 3}]}, r"brush\[0\].points"),
        ({"brush": [{"points": [[1, 2]]}]}, r"brush\[0\]: must be"),
        ({"brush": [{"points": [[1, float("inf")]], "radius": 3}]}, r"brush\[0\].points"),
        ({"brush": [{"points": [[1, 2]], "radius": 0}]}, r"brush\[0\].radius"),
    ],
)
def test_wrong_settings_are_named(value, message):
    with pytest.raises(ValueError, match=message):
        parse_preparation(value)
