"""Folders: finding images and assigning them to splits."""

import shutil
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.dataset import TrainDataset
from chromahint.data.samplers import SampleIndex
from chromahint.data.sources.base import Subset, read_reduced
from chromahint.data.sources.folder import FilePhotos, Folder, find_images
from chromahint.data.transforms import ResizeOrCrop
from chromahint.images.decode import UnreadableImageError


def write_images(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        value = int.from_bytes(blake2b(name.encode(), digest_size=3).digest(), "big")
        Image.new("RGB", (4, 3), (value >> 16, value >> 8 & 255, value & 255)).save(path, "PNG")


def names(source: Folder, split: str) -> list[str]:
    photos = source.photos(split)
    return [photos.name(index) for index in range(len(photos))]


def test_finds_images_in_any_tree(tmp_path):
    write_images(tmp_path, "b.PNG", "a.png", "x/y/c.JpEg", "x/d.webp", ".hidden.png", ".cache/e.png")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    write_images(tmp_path, "folder.png/f.tif")
    assert find_images(tmp_path) == ["a.png", "b.PNG", "folder.png/f.tif", "x/d.webp", "x/y/c.JpEg"]


def test_follows_links_but_visits_no_folder_twice(tmp_path):
    write_images(tmp_path / "elsewhere", "e.png")
    write_images(tmp_path / "photos", "sub/a.png")
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "sub" / "loop").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert find_images(tmp_path / "photos") == ["linked/e.png", "sub/a.png"]


def test_subfolders_define_the_splits(tmp_path):
    write_images(tmp_path, "train/a.png", "train/b.png", "val/c.png", "test/deep/d.png", "ignored.png")
    source = Folder(str(tmp_path))
    assert source.has_splits
    assert names(source, "train") == ["train/a.png", "train/b.png"]
    assert names(source, "val") == ["val/c.png"]
    assert names(source, "test") == ["test/deep/d.png"]
    assert names(source, "all") == ["test/deep/d.png", "train/a.png", "train/b.png", "val/c.png"]


def test_missing_split_is_taken_from_train(tmp_path):
    write_images(tmp_path, *(f"train/{n}.png" for n in range(40)), "test/z.png")
    source = Folder(str(tmp_path), val_fraction=0.25)
    train, val = names(source, "train"), names(source, "val")
    assert sorted(train + val) == sorted(f"train/{n}.png" for n in range(40))
    assert 3 <= len(val) <= 18
    assert names(source, "test") == ["test/z.png"]


def test_folder_without_splits_is_split_by_hash(tmp_path):
    write_images(tmp_path, *(f"{n}.png" for n in range(100)))
    source = Folder(str(tmp_path), val_fraction=0.2, test_fraction=0.1)
    assert not source.has_splits
    splits = {split: set(names(source, split)) for split in ("train", "val", "test")}
    assert len(set.union(*splits.values())) == sum(map(len, splits.values())) == 100
    assert 10 <= len(splits["val"]) <= 30
    assert 3 <= len(splits["test"]) <= 18
    # images stay in their split when others are added
    write_images(tmp_path, *(f"new/{n}.png" for n in range(30)))
    later = Folder(str(tmp_path), val_fraction=0.2, test_fraction=0.1)
    for split, before in splits.items():
        assert before <= set(names(later, split))
    other = Folder(str(tmp_path), val_fraction=0.2, test_fraction=0.1, seed=1)
    assert set(names(other, "val")) != set(names(later, "val"))


def test_split_is_a_hash_of_seed_and_path(tmp_path):
    write_images(tmp_path, *(f"{n}.png" for n in range(60)))
    source = Folder(str(tmp_path), val_fraction=0.2, test_fraction=0.1, seed=7)
    for split, (low, high) in {"val": (0, 0.2), "test": (0.2, 0.3), "train": (0.3, 1)}.items():
        for name in names(source, split):
            number = int.from_bytes(blake2b(f"7/{name}".encode(), digest_size=8).digest(), "little")
            assert low <= number / 2**64 < high


@pytest.mark.parametrize("count", [3, 4, 6])
def test_few_images_are_split_without_loss(tmp_path, count):
    write_images(tmp_path, *(f"{n}.png" for n in range(count)))
    source = Folder(str(tmp_path))
    assigned = [name for split in ("train", "val", "test") for name in names(source, split)]
    assert sorted(assigned) == sorted(f"{n}.png" for n in range(count))


def test_lists_define_the_splits(tmp_path):
    write_images(tmp_path, "a.png", "sub/b.png", "c.png")
    (tmp_path / "t.txt").write_text("sub/b.png\n\na.png\n")
    (tmp_path / "v.txt").write_text("c.png")
    source = Folder(str(tmp_path), train_list="t.txt", val_list=str(tmp_path / "v.txt"), test_list="v.txt")
    assert source.has_splits
    assert names(source, "train") == ["a.png", "sub/b.png"]
    assert names(source, "val") == names(source, "test") == ["c.png"]
    with pytest.raises(ValueError, match=r"data.val_list=gone.txt: file not found"):
        Folder(str(tmp_path), train_list="t.txt", val_list="gone.txt").prepare()


def test_id_is_a_hash_of_the_file(tmp_path):
    write_images(tmp_path, "a.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "copy.png")
    photos = Folder(str(tmp_path)).photos("all")
    expected = blake2b((tmp_path / "a.png").read_bytes(), digest_size=16).hexdigest()
    assert [photos.identify(0), photos.identify(1)] == [expected] * 2
    assert photos.read(0).shape == (3, 4, 3)


def test_max_images_are_spread_over_the_sorted_paths(tmp_path):
    write_images(tmp_path, *(f"{n:02d}.png" for n in range(20)))
    photos = Folder(str(tmp_path)).photos("all", max_images=4)
    assert [photos.name(index) for index in range(4)] == ["00.png", "05.png", "10.png", "15.png"]
    assert len(Folder(str(tmp_path)).photos("all", max_images=100)) == 20


def test_user_errors(tmp_path):
    with pytest.raises(ValueError, match=r"data.root=.*nowhere: folder not found"):
        Folder(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"no images found.*\.jpg"):
        Folder(str(tmp_path)).photos("train")
    with pytest.raises(ValueError, match=r"data.val_fraction=1.5"):
        Folder(str(tmp_path), val_fraction=1.5)
    write_images(tmp_path, "val/a.png")
    assert len(Folder(str(tmp_path)).photos("val")) == 1
    with pytest.raises(ValueError, match=r"no images for train .*1 for val"):
        Folder(str(tmp_path)).photos("train")
    with pytest.raises(ValueError, match=r"data.batch_size=0"):
        PhotoDataModule(Folder, root=str(tmp_path), batch_size=0)
    with pytest.raises(ValueError, match=r"data.shorter_side=64: a crop of data.train_size=128 is larger"):
        PhotoDataModule(Folder, root=str(tmp_path), shorter_side=64)


def test_deleted_file_is_unreadable(tmp_path):
    write_images(tmp_path, "a.png", "b.png")
    photos = FilePhotos(tmp_path, ["a.png", "b.png"])
    (tmp_path / "a.png").unlink()
    with pytest.raises(UnreadableImageError, match="file not found"):
        photos.read(0)
    assert np.asarray(photos.read(1)).shape == (3, 4, 3)


def test_training_images_are_decoded_at_a_reduced_size(tmp_path):
    pixels = cv2.resize(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8), (640, 480))
    Image.fromarray(pixels).save(tmp_path / "large.jpg", quality=95)
    photos = Subset(FilePhotos(tmp_path, ["none.jpg", "large.jpg"]), [1])
    assert read_reduced(photos, 0, 100).shape == (120, 160, 3)
    assert read_reduced(photos, 0, None).shape == photos.read(0).shape == (480, 640, 3)
    batches = [
        TrainDataset(source, ResizeOrCrop("squash", 64), seed=0).__getitems__([SampleIndex(0, 0, 1.0)])
        for source in (photos, WholePhotos(photos))
    ]
    reduced, whole = (batch["rgb"].int() for batch in batches)
    assert not reduced.equal(whole)
    assert (reduced - whole).abs().float().mean() < 1


class WholePhotos:
    """Photos that can't be read at a reduced size."""

    def __init__(self, photos):
        self.read, self.name, self.identify, self.count = photos.read, photos.name, photos.identify, len(photos)

    def __len__(self):
        return self.count
