"""Hint overlays and contact sheets."""

import numpy as np
import pytest
import torch

from chromahint.color import rgb_to_lab
from chromahint.hints.hints import hints_from_mask
from chromahint.visualization.hint_overlay import count_hints, draw_contact_sheet, draw_gray, draw_hints

RED = (200, 40, 30)


def photo(height=64, width=64, color=RED):
    return np.full((height, width, 3), color, np.uint8)


def is_colorful(image):
    """Return which pixels are visibly not gray, HxW."""
    return image.max(-1).astype(int) - image.min(-1) > 60


def draw_dots(pixels, size=64):
    lightness, ab = rgb_to_lab(torch.from_numpy(photo(size, size)).permute(2, 0, 1)[None])
    mask = torch.zeros_like(lightness)
    for row, column in pixels:
        mask[..., row, column] = 1
    return draw_hints(lightness, hints_from_mask(ab, mask))[0]


def test_overlay_without_hints_is_gray():
    overlay = draw_dots([])
    assert overlay.shape == (64, 64, 3)
    assert not is_colorful(overlay).any()


def test_single_hint_is_drawn_as_a_dot_at_its_position():
    rows, columns = np.nonzero(is_colorful(draw_dots([(20, 44)])))
    assert rows.mean() == pytest.approx(20, abs=0.6)
    assert columns.mean() == pytest.approx(44, abs=0.6)
    assert 3 <= len(rows) <= 30


def test_many_hints_get_smaller_dots():
    single = is_colorful(draw_dots([(100, 100)], 256)).sum()
    pixels = np.random.default_rng(0).integers(0, 256, (600, 2))
    assert single > 1.5 * is_colorful(draw_dots(pixels, 256)).sum() / len(pixels)


def test_photo_with_all_hints_shows_its_color():
    overlay = draw_dots([(slice(None), slice(None))])
    assert is_colorful(overlay).all()


def test_gray_image_has_no_color():
    lightness, _ = rgb_to_lab(torch.from_numpy(photo()).permute(2, 0, 1)[None])
    gray = draw_gray(lightness)[0]
    assert gray.std() < 1
    assert gray.mean() == pytest.approx(float(lightness.mean()) * 2.55, abs=25)


def test_adjacent_pixels_count_as_one_hint():
    mask = np.zeros((8, 8), bool)
    mask[1:3, 1:3] = mask[6, 6] = True
    assert count_hints(mask) == (2, 5)
    assert count_hints(np.zeros((8, 8), bool)) == (0, 0)


def test_contact_sheet_places_images_in_rows_and_columns():
    images = [[photo(170, 200, (r, 0, c)) for c in (0, 200)] for r in (50, 250)]
    sheet = draw_contact_sheet(images, [["x", ""], ["", "y"]], columns=["left", "right"], rows=["up", "down"])
    for color in ((50, 0, 0), (50, 0, 200), (250, 0, 0), (250, 0, 200)):
        rows, columns = np.nonzero((sheet == color).all(-1))
        assert len(rows) == 170 * 200
        assert (rows.mean() > sheet.shape[0] / 2) == (color[0] == 250)
        assert (columns.mean() > sheet.shape[1] / 2) == (color[2] == 200)


def test_contact_sheet_enlarges_small_images():
    sheet = draw_contact_sheet([[photo(32, 32)]], [["10 hints"]])
    assert (sheet == RED).all(-1).sum() == 160 * 160
