"""Contact sheets of hint samplers."""

import re

import numpy as np
import pytest

from chromahint.hints.samplers import FixedProbabilityPixels, LogUniformPixels
from chromahint.hints.strokes import Strokes
from chromahint.visualization import sampler_preview
from chromahint.visualization.sampler_preview import draw_preview

RED = (200, 40, 30)


def photo(height=64, width=64, color=RED):
    return np.full((height, width, 3), color, np.uint8)


def is_colorful(image):
    """Return which pixels are visibly not gray, HxW."""
    return image.max(-1).astype(int) - image.min(-1) > 60


def test_preview_has_one_row_per_sampler():
    photos = [photo(50, 90), photo(120, 80, (30, 60, 200))]
    samplers = {
        "some": FixedProbabilityPixels([0.01]),
        "none": FixedProbabilityPixels([0]),
        "range": LogUniformPixels(0.001, 0.1, 0),
    }
    sheet = draw_preview(samplers, photos, seed=3, draws=2, size=160)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 10 + 4 * 170
    rows = np.array_split(is_colorful(sheet), 3)
    # red photos on the left, blue ones on the right, and nothing where there is no hint
    assert [row.any() for row in rows] == [True, False, True]
    left, right = np.array_split(sheet.astype(int), [345], axis=1)
    assert (left[..., 0] - left[..., 2]).max() > 60 > (left[..., 2] - left[..., 0]).max()
    assert (right[..., 2] - right[..., 0]).max() > 60 > (right[..., 0] - right[..., 2]).max()


def test_captions_describe_the_hints(monkeypatch):
    written = []
    monkeypatch.setattr(sampler_preview, "draw_contact_sheet", lambda images, captions, rows: written.extend(captions))
    samplers = {
        "all": FixedProbabilityPixels([1]),
        "none": FixedProbabilityPixels([0]),
        "strokes": Strokes(1, max_length=30, max_radius=0),
    }
    draw_preview(samplers, [photo()], draws=5, size=64)
    assert written[:2] == [["full color"] * 5, ["no hint"] * 5]
    drawn = {text for text in written[2] if text != "no hint"}
    assert drawn
    assert all(re.fullmatch(r"1 hint(, \d+ pixels)?", text) for text in drawn)


def test_preview_depends_on_the_seed():
    samplers = {"some": FixedProbabilityPixels([0.01])}
    first, again, other = (draw_preview(samplers, [photo()], seed=seed, size=64) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_preview_without_samplers_raises_value_error():
    with pytest.raises(ValueError, match="at least one of each"):
        draw_preview({}, [photo()])
