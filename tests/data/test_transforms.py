"""Images of any size are resized or cropped to one size."""

import os

import numpy as np
import pytest

from chromahint.data.transforms import ResizeOrCrop
from chromahint.images.resize import resize_square

RAMP = np.stack(np.broadcast_arrays(np.arange(200)[None], np.arange(100)[:, None], 7), axis=2).astype(np.uint8)


def test_squash_averages_pixels():
    fine = np.zeros((64, 96, 3), np.uint8)
    fine[:, ::3] = 255  # every third column: nearest-neighbor sampling would result in black or white
    assert np.abs(resize_square(fine, 32).astype(int) - 85).max() <= 1
    assert resize_square(RAMP, 16).shape == (16, 16, 3)
    assert resize_square(RAMP[:5, :5], 16).shape == (16, 16, 3)


def test_crops_are_unscaled_parts_of_the_photo():
    transform = ResizeOrCrop("random_crop", 32)
    corners = set()
    for seed in range(50):
        crop = transform(RAMP, seed)
        column, row = int(crop[0, 0, 0]), int(crop[0, 0, 1])
        assert np.array_equal(crop, RAMP[row : row + 32, column : column + 32])
        assert np.array_equal(crop, transform(RAMP, seed))
        corners.add((row, column))
    assert len(corners) > 40


def test_resizes_to_the_shorter_side_before_cropping():
    flat = np.full((100, 200, 3), (9, 8, 7), np.uint8)
    for shape in ((100, 200), (20, 300), (10, 10), (500, 400)):
        image = np.broadcast_to(flat[:1, :1], (*shape, 3)).copy()
        for shorter_side in (None, 64):
            crop = ResizeOrCrop("random_crop", 48, shorter_side)(image, 1)
            assert crop.shape == (48, 48, 3)
            assert (crop == (9, 8, 7)).all()
    # a crop as large as the shorter side covers all of it
    crop = ResizeOrCrop("random_crop", 50, 50)(RAMP, 0)
    assert crop[0, 0, 1] <= 1
    assert crop[-1, 0, 1] >= 98


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (77, 50)])
def test_extreme_aspect_ratios(shape):
    image = np.full((*shape, 3), 120, np.uint8)
    for name in ("squash", "random_crop", "random_resized_crop"):
        assert (ResizeOrCrop(name, 24)(image, 3) == 120).all()


@pytest.mark.parametrize(
    ("mode", "shorter_side"), [("squash", None), ("random_crop", 96), ("random_resized_crop", None)]
)
def test_reduced_image_is_large_enough(mode, shorter_side):
    """No crop of an image whose shorter side has `min_side` pixels is enlarged."""
    transform = ResizeOrCrop(mode, 64, shorter_side)
    side = transform.min_side
    # the columns of a crop that is enlarged contain each value more than once
    ramp = np.broadcast_to(np.arange(side, dtype=np.uint8)[None, :, None], (side, side, 3)).copy()
    for seed in range(300):
        assert np.diff(transform(ramp, seed)[32, :, 0].astype(int)).min() >= 1
    assert ResizeOrCrop("random_crop", 64).min_side is None  # crops at the original resolution


def test_albumentations_does_not_check_for_updates():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"
