import re

import numpy as np
import pytest
import torch

from chromahint.color import rgb_to_lab
from chromahint.hints.hints import hints_from_mask
from chromahint.hints.samplers import FixedProbabilityPixels, LogUniformPixels
from chromahint.hints.strokes import Strokes
from chromahint.visualization import sampler_preview
from chromahint.visualization.hint_overlay import count_hints, draw_gray, draw_hints, draw_sheet
from chromahint.visualization.sampler_preview import draw_preview

RED = (200, 40, 30)


def photo(height=64, width=64, color=RED):
    return np.full((height, width, 3), color, np.uint8)


def colorful(picture):
    """Pixels that are not gray, as people see them."""
    return picture.max(-1).astype(int) - picture.min(-1) > 60


def dots(places, size=64):
    lightness, ab = rgb_to_lab(torch.from_numpy(photo(size, size)).permute(2, 0, 1)[None])
    mask = torch.zeros_like(lightness)
    for row, column in places:
        mask[..., row, column] = 1
    return draw_hints(lightness, hints_from_mask(ab, mask))[0]


def test_without_hints_only_the_dimmed_gray_is_drawn():
    picture = dots([])
    assert picture.shape == (64, 64, 3)
    assert not colorful(picture).any()


def test_a_single_pixel_can_be_seen_where_it_is():
    rows, columns = np.nonzero(colorful(dots([(20, 44)])))
    assert rows.mean() == pytest.approx(20, abs=0.6)
    assert columns.mean() == pytest.approx(44, abs=0.6)
    assert 3 <= len(rows) <= 30


def test_dots_shrink_when_there_are_many():
    lone = colorful(dots([(100, 100)], 256)).sum()
    places = np.random.default_rng(0).integers(0, 256, (600, 2))
    assert lone > 1.5 * colorful(dots(places, 256)).sum() / len(places)


def test_a_wholly_revealed_photo_shows_its_color():
    picture = dots([(slice(None), slice(None))])
    assert colorful(picture).all()


def test_gray_has_no_color():
    lightness, _ = rgb_to_lab(torch.from_numpy(photo()).permute(2, 0, 1)[None])
    gray = draw_gray(lightness)[0]
    assert gray.std() < 1
    assert gray.mean() == pytest.approx(float(lightness.mean()) * 2.55, abs=25)


def test_touching_pixels_are_one_hint():
    mask = np.zeros((8, 8), bool)
    mask[1:3, 1:3] = mask[6, 6] = True
    assert count_hints(mask) == (2, 5)
    assert count_hints(np.zeros((8, 8), bool)) == (0, 0)


def test_a_sheet_places_pictures_in_rows_and_columns():
    pictures = [[photo(170, 200, (r, 0, c)) for c in (0, 200)] for r in (50, 250)]
    sheet = draw_sheet(pictures, [["x", ""], ["", "y"]], columns=["left", "right"], rows=["up", "down"])
    for color in ((50, 0, 0), (50, 0, 200), (250, 0, 0), (250, 0, 200)):
        rows, columns = np.nonzero((sheet == color).all(-1))
        assert len(rows) == 170 * 200
        assert (rows.mean() > sheet.shape[0] / 2) == (color[0] == 250)
        assert (columns.mean() > sheet.shape[1] / 2) == (color[2] == 200)


def test_small_pictures_are_enlarged_to_leave_room_for_text():
    sheet = draw_sheet([[photo(32, 32)]], [["10 hints"]])
    assert (sheet == RED).all(-1).sum() == 160 * 160


def test_a_preview_has_a_row_a_sampler_and_draws_for_each_photo():
    photos = [photo(50, 90), photo(120, 80, (30, 60, 200))]
    samplers = {
        "some": FixedProbabilityPixels([0.01]),
        "none": FixedProbabilityPixels([0]),
        "range": LogUniformPixels(0.001, 0.1, 0),
    }
    sheet = draw_preview(samplers, photos, seed=3, draws=2, size=160)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 10 + 4 * 170
    rows = np.array_split(colorful(sheet), 3)
    # red photos on the left, blue ones on the right, and nothing where there is no hint
    assert [row.any() for row in rows] == [True, False, True]
    left, right = np.array_split(sheet.astype(int), [345], axis=1)
    assert (left[..., 0] - left[..., 2]).max() > 60 > (left[..., 2] - left[..., 0]).max()
    assert (right[..., 2] - right[..., 0]).max() > 60 > (right[..., 0] - right[..., 2]).max()


def test_captions_say_what_was_given(monkeypatch):
    written = []
    monkeypatch.setattr(sampler_preview, "draw_sheet", lambda pictures, captions, rows: written.extend(captions))
    samplers = {
        "all": FixedProbabilityPixels([1]),
        "none": FixedProbabilityPixels([0]),
        "strokes": Strokes(1, max_length=30, max_radius=0),
    }
    draw_preview(samplers, [photo()], draws=5, size=64)
    assert written[:2] == [["the whole color"] * 5, ["no hint"] * 5]
    drawn = {text for text in written[2] if text != "no hint"}
    assert drawn
    assert all(re.fullmatch(r"1 hint(, \d+ pixels)?", text) for text in drawn)


def test_the_seed_decides():
    samplers = {"some": FixedProbabilityPixels([0.01])}
    first, again, other = (draw_preview(samplers, [photo()], seed=seed, size=64) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="at least one of each"):
        draw_preview({}, [photo()])
