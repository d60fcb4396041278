"""Near-gray training images are skipped, always the same ones."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from chromahint.data.colorfulness import ab_range
from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.sources.folder import Folder


def test_ab_range_is_the_range_of_a_plus_the_range_of_b():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        image = (128 + rng.normal(0, 2 * seed + 1, (9, 14, 3))).clip(0, 255).astype(np.uint8)
        lab = rgb2lab(image)
        assert ab_range(image) == pytest.approx(np.ptp(lab[..., 1]) + np.ptp(lab[..., 2]), abs=0.02)


@pytest.fixture
def root(tmp_path):
    """12 images: every third is gray, and the last is not an image."""
    (tmp_path / "train").mkdir()
    for number in range(12):
        noise = np.random.default_rng(number).integers(0, 256, (30, 30, 3), dtype=np.uint8)
        if number % 3 == 0:
            noise[:] = noise[..., :1]
        Image.fromarray(noise).save(tmp_path / f"train/{number:02d}.png")
    (tmp_path / "train/11.png").write_text("not an image")
    return tmp_path


def batches(root, **options):
    defaults = {"train_size": 16, "batch_size": 4, "val_fraction": 0, "test_fraction": 0}
    datamodule = PhotoDataModule(Folder, root=str(root), **{**defaults, **options})
    return list(datamodule.loader("train"))


def names(loaded):
    return sorted(name for batch in loaded for name in batch["name"])


def test_gray_image_is_replaced_by_the_next_usable_one(root):
    assert {f"train/{number:02d}.png" for number in (0, 3, 6, 9)} <= set(names(batches(root)))
    # 0 becomes 1, 3 becomes 4, ...; 11 can't be read, and 0, which follows it, is gray
    expected = [1, 1, 1, 2, 4, 4, 5, 7, 7, 8, 10, 10]
    loaded = batches(root, min_colorfulness=5)
    assert names(loaded) == [f"train/{number:02d}.png" for number in expected]
    for batch in loaded:
        for image, id_, name in zip(batch["rgb"], batch["id"], batch["name"], strict=True):
            assert ab_range(image.permute(1, 2, 0).numpy()) >= 5
            assert len(id_) == 32, name
    assert sum(len(batch["broken"]) for batch in loaded) == 1


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_batches_do_not_depend_on_the_number_of_workers(root):
    without, with_workers = batches(root, min_colorfulness=5), batches(root, min_colorfulness=5, num_workers=4)
    for expected, batch in zip(without, with_workers, strict=True):
        assert batch["id"] == expected["id"]
        assert torch.equal(batch["rgb"], expected["rgb"])


def test_colorfulness_is_measured_on_the_crop(tmp_path):
    """A gray crop is skipped even if the image has color in a corner."""
    (tmp_path / "train").mkdir()
    for number, columns in enumerate((1, 160)):
        image = np.full((160, 160, 3), 120, np.uint8)
        image[:, :columns] = np.random.default_rng(0).integers(0, 256, (160, columns, 3))
        Image.fromarray(image).save(tmp_path / f"train/{number}.png")
    options = {"min_colorfulness": 5, "batch_size": 8}
    assert set(names(batches(tmp_path, train_size=16, seed=1, **options))) == {"train/1.png"}
    assert set(names(batches(tmp_path, train_size=160, **options))) == {"train/0.png", "train/1.png"}


def test_error_if_all_images_are_gray(tmp_path):
    (tmp_path / "train").mkdir()
    for number in range(3):
        Image.new("RGB", (20, 20), (number * 50,) * 3).save(tmp_path / f"train/{number}.png")
    with pytest.raises(ValueError, match=r"data.min_colorfulness=5: all 3 .* Use data.min_colorfulness=0"):
        batches(tmp_path, min_colorfulness=5)
    assert len(names(batches(tmp_path))) == 4
    with pytest.raises(ValueError, match="data.min_colorfulness=-1: must be"):
        batches(tmp_path, min_colorfulness=-1)


def test_evaluation_keeps_gray_images(root):
    datamodule = PhotoDataModule(Folder, root=str(root), train_size=16, min_colorfulness=5, val_fraction=0.5)
    (batch,) = datamodule.loader("val")
    assert len(batch["name"]) == len(datamodule.source.splits()["val"]) > 2
    assert {int(name[6:8]) % 3 for name in batch["name"]} >= {0}
