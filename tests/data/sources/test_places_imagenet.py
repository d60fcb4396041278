"""Places365 and ImageNet: the sample is the same everywhere, and can be passed on as lists."""

import os
import shlex
import shutil

import pytest
from PIL import Image

from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.sources import folder
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.places_imagenet import PlacesImagenet

COUNTS = {"num_train": 21, "num_val": 6, "num_test": 4}


@pytest.fixture
def roots(tmp_path):
    """Two trees of 40 and 30 different images."""
    for number in range(70):
        kind, subfolder = ("places", f"a/{number % 3}") if number < 40 else ("imagenet/train", f"n{number % 4}")
        path = tmp_path / "data" / kind / subfolder / f"{number:02d}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (3 * number, 255 - number, 9)).save(path, "PNG")
    return [str(tmp_path / "data/places"), str(tmp_path / "data/imagenet")]


def names(photos):
    return [photos.name(index) for index in range(len(photos))]


def splits(source):
    return {split: names(source.photos(split)) for split in ("train", "val", "test")}


def test_half_of_each_split_comes_from_each_root(roots):
    source = PlacesImagenet(*roots, **COUNTS)
    sample = splits(source)
    assert {split: len(paths) for split, paths in sample.items()} == {"train": 21, "val": 6, "test": 4}
    assert [sum(name.startswith("places/") for name in paths) for paths in sample.values()] == [11, 3, 2]
    assert len(set().union(*sample.values())) == 31
    assert names(source.photos("all")) == sorted(set().union(*sample.values()))
    assert source.photos("val").read(0).shape == (8, 8, 3)
    assert len(source.photos("train", max_images=5)) == 5
    assert set(names(source.photos("train", max_images=5))) < set(sample["train"])


def test_sample_depends_on_neither_location_nor_file_order(roots, tmp_path, monkeypatch):
    before = splits(PlacesImagenet(*roots, **COUNTS))
    shutil.move(tmp_path / "data", tmp_path / "moved")
    real = os.scandir
    monkeypatch.setattr(folder.os, "scandir", lambda path: sorted(real(path), key=lambda e: e.name, reverse=True))
    moved = [root.replace("/data/", "/moved/") for root in roots]
    assert splits(PlacesImagenet(*moved, **COUNTS)) == before
    assert splits(PlacesImagenet(*moved, **COUNTS, composition_seed=1)) != before
    # the sample comes from all folders
    assert {name.split("/")[2] for name in before["train"] if name.startswith("places")} == {"0", "1", "2"}
    # the training images do not depend on the sizes of the other splits
    assert splits(PlacesImagenet(*moved, 21, 8, 9))["train"] == before["train"]


def test_new_file_changes_few_images(roots, tmp_path):
    before = PlacesImagenet(*roots, **COUNTS).splits()
    shutil.copy(tmp_path / "data/places/a/0/00.JPEG", tmp_path / "data/places/00.JPEG")
    after = PlacesImagenet(*roots, **COUNTS).splits()
    assert len(set(before["train"]) - set(after["train"])) <= 1


def create_datamodule(roots, **options):
    return PhotoDataModule(PlacesImagenet, places_root=roots[0], imagenet_root=roots[1], **COUNTS, **options)


def test_written_lists_reproduce_the_sample(roots, tmp_path, monkeypatch):
    datamodule = create_datamodule(roots)
    (tmp_path / "run").mkdir()
    files = datamodule.write_lists(tmp_path / "run")
    assert [file.name for file in files] == ["train.txt", "val.txt", "test.txt", "lists.txt"]
    arguments = shlex.split((tmp_path / "run/lists.txt").read_text().splitlines()[-1])
    assert arguments[0] == "data=folder"
    monkeypatch.chdir(tmp_path)
    options = dict(word.removeprefix("data.").split("=", 1) for word in arguments[1:])
    folder_source = Folder(**options)
    assert splits(folder_source) == splits(datamodule.source)
    for split in ("train", "val", "test"):
        photos, listed = datamodule.source.photos(split), folder_source.photos(split)
        assert [photos.identify(n) for n in range(len(photos))] == [listed.identify(n) for n in range(len(listed))]


def test_folder_needs_no_lists(roots, tmp_path):
    assert PhotoDataModule(Folder, root=roots[0]).write_lists(tmp_path) == []


def test_lists_contain_only_the_images_of_a_limited_run(roots, tmp_path):
    datamodule = create_datamodule(roots, max_images=3)
    datamodule.write_lists(tmp_path)
    assert (tmp_path / "train.txt").read_text().split() == names(datamodule.source.photos("train", 3))


def test_error_if_there_are_too_few_images(roots):
    source = PlacesImagenet(*roots, num_train=60, num_val=8, num_test=4)
    with pytest.raises(ValueError, match=r"data.imagenet_root=.*imagenet: has 30 images, but 36 are.*\(30 for train"):
        source.prepare()
    with pytest.raises(ValueError, match="Use data.imagenet_root=PATH of a larger folder, or fewer .*data.num_train="):
        source.prepare()


def test_user_errors(roots, tmp_path):
    with pytest.raises(
        ValueError, match=r"data.imagenet_root=.*nowhere: folder not found. Pass data.imagenet_root=PATH"
    ):
        PlacesImagenet(roots[0], str(tmp_path / "nowhere"))
    for pair in ([roots[0], roots[0]], [roots[0], str(tmp_path / "data")]):
        with pytest.raises(ValueError, match="one folder contains the other"):
            PlacesImagenet(*pair)
    with pytest.raises(ValueError, match="data.num_val=1: must be"):
        PlacesImagenet(*roots, num_val=1)


def test_defaults_are_the_published_numbers(roots):
    counts = PlacesImagenet(*roots).counts
    assert (counts["train"], counts["val"]) == (10_000, 2_000)


def test_a_limit_shrinks_what_is_needed(roots):
    source = PlacesImagenet(*roots)  # 13,000 images
    with pytest.raises(ValueError, match="6,500 are needed"):
        source.photos("train")
    assert {split: len(source.photos(split, 8)) for split in ("train", "val", "test")} == {
        "train": 8, "val": 8, "test": 8,
    }  # fmt: skip


def test_debug_run_needs_few_photos(command, roots):
    done = command(
        "train", "experiment=hscaunet_2022", "debug=smoke", "data=places_imagenet", f"data.places_root={roots[0]}",
        f"data.imagenet_root={roots[1]}", "model.width=4", "logger=none", "protocol.hint_counts=[0,1]", "trainer=cpu",
    )  # fmt: skip
    assert done.status == 0, done.err
