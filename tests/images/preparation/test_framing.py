"""Photos that lie crooked on a scanner are found."""

import cv2
import numpy as np
import pytest
from skimage import data

from chromahint.images.preparation.framing import WHOLE, Frame, apply_frame, find_frame, frame_matrix
from support.damage import placed_on_scanner

BORDER = 120


def large(picture):
    return cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("angle", [-3.3, -0.4, 0.0, 1.7, 4.2])
@pytest.mark.parametrize("background", [14, 250])
@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_the_rotation_is_recovered_and_the_border_cropped(name, background, angle):
    photo = large(getattr(data, name)())
    scan = placed_on_scanner(photo, angle, background, BORDER)
    noise = np.random.default_rng(0).normal(0, 3, scan.shape)
    scan = np.clip(scan + noise, 0, 255).astype(np.uint8)
    frame = find_frame(scan)
    assert frame.angle == pytest.approx(angle, abs=0.2)
    framed = apply_frame(scan, frame)
    cut = [(before - after) / before for before, after in zip(photo.shape[:2], framed.shape[:2], strict=True)]
    assert all(0 <= each < 0.03 for each in cut)
    # the same part of the photo, by a reference that knows where it is
    (height, width), (rows, columns) = photo.shape[:2], framed.shape[:2]
    top, left = (height - rows) // 2, (width - columns) // 2
    difference = framed.astype(float) - photo[top : top + rows, left : left + columns]
    smooth = cv2.blur(difference, (31, 31))
    assert np.abs(smooth).mean() < 3


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "camera"])
def test_photos_without_a_border_stay_whole(name):
    assert find_frame(getattr(data, name)()) == Frame(0.0, WHOLE)


def test_the_margin_of_the_paper_is_cropped_too():
    photo = large(data.coffee())
    print_with_margin = cv2.copyMakeBorder(photo, *[50] * 4, cv2.BORDER_CONSTANT, value=(236, 236, 232))
    scan = placed_on_scanner(print_with_margin, 1.2, 10)
    frame = find_frame(scan)
    assert frame.angle == pytest.approx(1.2, abs=0.2)
    framed = apply_frame(scan, frame)
    assert [(a - b) / a for a, b in zip(photo.shape[:2], framed.shape[:2], strict=True)] == pytest.approx(
        [0.015] * 2, abs=0.015
    )


def test_the_matrix_says_where_a_pixel_of_the_scan_lies():
    scan = np.zeros((200, 300), np.uint8)
    cv2.circle(scan, (180, 90), 4, 255, cv2.FILLED)
    frame = Frame(7.0, (0.1, 0.2, 0.9, 0.95))
    (width, height), matrix = frame_matrix(frame, *scan.shape)
    framed = apply_frame(scan, frame)
    assert framed.shape == (height, width)
    rows, columns = np.nonzero(framed > 128)
    assert [columns.mean(), rows.mean()] == pytest.approx((matrix @ (180, 90, 1)).tolist(), abs=0.3)


def test_cropping_alone_changes_no_pixel():
    photo = data.coffee()
    assert np.array_equal(apply_frame(photo, Frame(0, (0.1, 0.25, 0.8, 1.0))), photo[100:400, 60:480])
