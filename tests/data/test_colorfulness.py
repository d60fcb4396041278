"""Near-gray training pictures are passed over, always the same ones."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from chromahint.data.colorfulness import ab_range
from chromahint.data.sources.folder import folder_data


def test_is_the_range_of_a_plus_the_range_of_b():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        picture = (128 + rng.normal(0, 2 * seed + 1, (9, 14, 3))).clip(0, 255).astype(np.uint8)
        lab = rgb2lab(picture)
        assert ab_range(picture) == pytest.approx(np.ptp(lab[..., 1]) + np.ptp(lab[..., 2]), abs=0.02)


@pytest.fixture
def root(tmp_path):
    """12 pictures: every third is gray, and the last is no picture."""
    (tmp_path / "train").mkdir()
    for number in range(12):
        noise = np.random.default_rng(number).integers(0, 256, (30, 30, 3), dtype=np.uint8)
        if number % 3 == 0:
            noise[:] = noise[..., :1]
        Image.fromarray(noise).save(tmp_path / f"train/{number:02d}.png")
    (tmp_path / "train/11.png").write_text("no picture")
    return tmp_path


def batches(root, **options):
    defaults = {"size": 16, "shorter_side": None, "batch_size": 4, "workers": 0, "val_fraction": 0, "test_fraction": 0}
    made = folder_data(str(root), **{**defaults, **options})
    return list(made.loader("train"))


def names(found):
    return sorted(name for batch in found for name in batch["name"])


def test_the_next_that_will_do_takes_the_place_of_a_gray_one(root):
    assert {f"train/{number:02d}.png" for number in (0, 3, 6, 9)} <= set(names(batches(root)))
    # 0 becomes 1, 3 becomes 4, ...; 11 can't be read and 0 behind it is gray
    expected = [1, 1, 1, 2, 4, 4, 5, 7, 7, 8, 10, 10]
    found = batches(root, min_ab_range=5)
    assert names(found) == [f"train/{number:02d}.png" for number in expected]
    for batch in found:
        for picture, id_, name in zip(batch["rgb"], batch["id"], batch["name"], strict=True):
            assert ab_range(picture.permute(1, 2, 0).numpy()) >= 5
            assert len(id_) == 32, name
    assert sum(len(batch["broken"]) for batch in found) == 1


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_workers_change_nothing(root):
    alone, helped = batches(root, min_ab_range=5), batches(root, min_ab_range=5, workers=4)
    for mine, theirs in zip(alone, helped, strict=True):
        assert mine["id"] == theirs["id"]
        assert torch.equal(mine["rgb"], theirs["rgb"])


def test_the_fitted_picture_counts(tmp_path):
    """A crop without color of a picture that has some in a corner is passed over."""
    (tmp_path / "train").mkdir()
    for number, columns in enumerate((1, 40)):
        picture = np.full((40, 40, 3), 120, np.uint8)
        picture[:, :columns] = np.random.default_rng(0).integers(0, 256, (40, columns, 3))
        Image.fromarray(picture).save(tmp_path / f"train/{number}.png")
    assert set(names(batches(tmp_path, min_ab_range=5, size=4, batch_size=8, seed=1))) == {"train/1.png"}
    assert set(names(batches(tmp_path, min_ab_range=5, size=40, batch_size=8))) == {"train/0.png", "train/1.png"}


def test_nothing_colorful_is_explained(tmp_path):
    (tmp_path / "train").mkdir()
    for number in range(3):
        Image.new("RGB", (20, 20), (number * 50,) * 3).save(tmp_path / f"train/{number}.png")
    with pytest.raises(ValueError, match=r"All of the 3 .* Type data.min_colorfulness=0"):
        batches(tmp_path, min_ab_range=5)
    assert len(names(batches(tmp_path))) == 4
    with pytest.raises(ValueError, match="data.min_colorfulness=-1 is too small"):
        batches(tmp_path, min_ab_range=-1)


def test_evaluation_leaves_out_nothing(root):
    made = folder_data(str(root), size=16, shorter_side=None, workers=0, min_ab_range=5, val_fraction=0.5)
    (batch,) = made.loader("val")
    assert len(batch["name"]) == len(made.source.splits()["val"]) > 2
    assert {int(name[6:8]) % 3 for name in batch["name"]} >= {0}
