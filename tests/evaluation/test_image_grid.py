import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from chromahint.evaluation import image_grid
from chromahint.evaluation.image_grid import image_grid, write_png
from chromahint.evaluation.protocols.random_pixels import RandomPixels

PROTOCOL = RandomPixels(hint_counts=[0, 10, 25600], size=160)
COLUMN = 170


@pytest.fixture
def photos():
    astronaut = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    return torch.stack([astronaut[:, 250:410, left : left + 160] for left in (50, 200)])


def given_colors_only(lightness, hints):
    return hints.ab


def colorfulness(picture):
    return float((picture.max(-1).astype(int) - picture.min(-1)).mean())


def columns_of(sheet):
    return [sheet[:, 10 + i * COLUMN : 10 + i * COLUMN + 160] for i in range(sheet.shape[1] // COLUMN)]


def test_columns_are_gray_hints_prediction_and_truth(photos):
    sheet = image_grid(given_colors_only, photos, ["a", "b"], PROTOCOL, 10)
    assert sheet.dtype == np.uint8
    gray, hints, prediction, truth = columns_of(sheet)
    assert colorfulness(gray) < 2
    assert colorfulness(hints) > colorfulness(gray)
    assert colorfulness(prediction) < colorfulness(hints) < colorfulness(truth)
    for row, photo in enumerate(photos.permute(0, 2, 3, 1).numpy()):
        top = next(y for y in range(len(truth)) if np.array_equal(truth[y : y + 160], photo))
        assert (top > len(truth) / 2) == (row == 1)


def test_several_networks_have_a_column_each(photos):
    networks = {"gray": lambda lightness, hints: torch.zeros_like(hints.ab), "copy": given_colors_only}
    sheet = image_grid(networks, photos, ["a", "b"], PROTOCOL, 25600)
    _, _, gray, copy, truth = columns_of(sheet)
    assert colorfulness(gray) < 2
    assert colorfulness(copy) == pytest.approx(colorfulness(truth), rel=0.05)


def test_titles_and_figures_are_written(photos, monkeypatch):
    written = {}
    monkeypatch.setattr(
        image_grid, "draw_sheet", lambda shown, captions, columns: written.update(t=columns, c=captions)
    )
    networks = {"copy": given_colors_only}
    image_grid(networks, photos, ["a", "b"], PROTOCOL, 25600)
    assert written["t"] == ["gray", "hints", "copy", "truth"]
    assert written["c"] == [("", "25,600 hints", "100.00 dB", "")] * 2
    image_grid(networks, photos, ["a", "b"], PROTOCOL, 0)
    assert written["c"][0][1] == "no hint"


def test_png_comes_back_exactly(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    file = write_png(tmp_path / "new" / "strip.png", picture)
    assert np.array_equal(np.asarray(Image.open(file)), picture)
