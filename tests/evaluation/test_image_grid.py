import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from chromahint.data.sources.folder import Folder
from chromahint.evaluation.image_grid import image_grid, sample_grid, write_png
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush

PROTOCOL = RandomPixels(hint_counts=[0, 10, 25600], size=160)
COLUMN = 170


@pytest.fixture
def photos():
    astronaut = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    return torch.stack([astronaut[:, 250:410, left : left + 160] for left in (50, 200)])


def copy_hints(lightness, hints):
    return hints.ab


def colorfulness(image):
    return float((image.max(-1).astype(int) - image.min(-1)).mean())


def columns_of(sheet):
    return [sheet[:, 10 + i * COLUMN : 10 + i * COLUMN + 160] for i in range(sheet.shape[1] // COLUMN)]


def test_columns_are_gray_hints_prediction_and_truth(photos):
    sheet = image_grid(copy_hints, photos, ["a", "b"], PROTOCOL, 10)
    assert sheet.dtype == np.uint8
    gray, hints, prediction, truth = columns_of(sheet)
    assert colorfulness(gray) < 2
    assert colorfulness(hints) > colorfulness(gray)
    assert colorfulness(prediction) < colorfulness(hints) < colorfulness(truth)
    for row, photo in enumerate(photos.permute(0, 2, 3, 1).numpy()):
        top = next(y for y in range(len(truth)) if np.array_equal(truth[y : y + 160], photo))
        assert (top > len(truth) / 2) == (row == 1)


def test_each_network_has_a_column(photos):
    networks = {"gray": lambda lightness, hints: torch.zeros_like(hints.ab), "copy": copy_hints}
    sheet = image_grid(networks, photos, ["a", "b"], PROTOCOL, 25600)
    _, _, gray, copy, truth = columns_of(sheet)
    assert colorfulness(gray) < 2
    assert colorfulness(copy) == pytest.approx(colorfulness(truth), rel=0.05)


def test_titles_and_psnr_are_written(photos, monkeypatch):
    written = {}
    monkeypatch.setattr(
        "chromahint.evaluation.image_grid.draw_contact_sheet",
        lambda images, captions, columns: written.update(t=columns, c=captions),
    )
    networks = {"copy": copy_hints}
    image_grid(networks, photos, ["a", "b"], PROTOCOL, 25600)
    assert written["t"] == ["gray", "hints", "copy", "truth"]
    assert written["c"] == [("", "25,600 hints", "100.00 dB", "")] * 2
    image_grid(networks, photos, ["a", "b"], PROTOCOL, 0)
    assert written["c"][0][1] == "no hint"


def test_png_comes_back_exactly(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    file = write_png(tmp_path / "new" / "grid.png", image)
    assert np.array_equal(np.asarray(Image.open(file)), image)


# --- grid of a few sample photos


@pytest.fixture
def draw(photos_folder):
    """`draw(network, max_images=2)` draws sample photos of 64 px."""

    def start(network=None, folder=photos_folder, **options):
        samples = Folder(str(folder)).photos("all")
        return sample_grid(network or PullPush(), samples, RandomPixels([0, 10], 64), torch.device("cpu"), **options)

    return start


@pytest.fixture
def photos_folder(make_photos, tmp_path):
    return make_photos(tmp_path / "photos", 6)


def test_sample_grid_has_a_row_per_image(draw):
    two, four = draw(max_images=2), draw(max_images=4)
    assert two.dtype == np.uint8
    assert two.shape[1] == four.shape[1]
    assert four.shape[0] - two.shape[0] >= 2 * 64


def test_sample_grid_has_no_more_rows_than_images(draw, make_photos, tmp_path):
    few = make_photos(tmp_path / "few", 2)
    assert draw(folder=few, max_images=4).shape == draw(folder=few, max_images=2).shape


def test_sample_grid_is_reproducible(draw):
    assert np.array_equal(draw(num_hints=30), draw(num_hints=30))


def test_sample_grid_shows_network_and_hints(draw):
    assert not np.array_equal(draw(num_hints=30), draw(GrayBaseline(), num_hints=30))
    assert not np.array_equal(draw(num_hints=30), draw(num_hints=300))


def test_sample_grid_limits_hints_to_the_number_of_pixels(draw):
    assert np.array_equal(draw(num_hints=10**6), draw(num_hints=64 * 64))


def test_sample_grid_skips_unreadable_images(draw, make_photos, tmp_path):
    folder = make_photos(tmp_path / "some", 3)
    expected = draw(folder=folder)
    (folder / "a-broken.png").write_text("not an image")
    assert np.array_equal(draw(folder=folder), expected)
    for photo in folder.glob("photo-*"):
        photo.unlink()
    with pytest.raises(ValueError, match=r"a-broken\.png: none of 1 sample images can be read"):
        draw(folder=folder)
