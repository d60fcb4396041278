"""The composition of 2022: drawn from two roots, the same everywhere, and handed on as lists."""

import os
import shlex
import shutil

import pytest
from PIL import Image

from chromahint.data.sources import folder
from chromahint.data.sources.folder import folder_data
from chromahint.data.sources.places_imagenet import PlacesImagenet, places_imagenet_data

COUNTS = {"images": 21, "val_images": 6, "test_images": 4}


@pytest.fixture
def roots(tmp_path):
    """Two trees of 40 and 30 images, all of other bytes."""
    for number in range(70):
        kind, below = ("places", f"a/{number % 3}") if number < 40 else ("imagenet/train", f"n{number % 4}")
        path = tmp_path / "data" / kind / below / f"{number:02d}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (3 * number, 255 - number, 9)).save(path, "PNG")
    return [str(tmp_path / "data/places"), str(tmp_path / "data/imagenet")]


def names(photos):
    return [photos.name(index) for index in range(len(photos))]


def splits(source):
    return {split: names(source.photos(split)) for split in ("train", "val", "test")}


def test_one_half_comes_from_each(roots):
    source = PlacesImagenet(*roots, **COUNTS)
    drawn = splits(source)
    assert {split: len(paths) for split, paths in drawn.items()} == {"train": 21, "val": 6, "test": 4}
    assert [sum(name.startswith("places/") for name in paths) for paths in drawn.values()] == [11, 3, 2]
    assert len(set().union(*drawn.values())) == 31
    assert names(source.photos("all")) == sorted(set().union(*drawn.values()))
    assert source.photos("val").read(0).shape == (8, 8, 3)
    assert len(source.photos("train", max_images=5)) == 5
    assert set(names(source.photos("train", max_images=5))) < set(drawn["train"])


def test_neither_place_nor_order_matter(roots, tmp_path, monkeypatch):
    before = splits(PlacesImagenet(*roots, **COUNTS))
    shutil.move(tmp_path / "data", tmp_path / "moved")
    real = os.scandir
    monkeypatch.setattr(folder.os, "scandir", lambda path: sorted(real(path), key=lambda e: e.name, reverse=True))
    moved = [root.replace("/data/", "/moved/") for root in roots]
    assert splits(PlacesImagenet(*moved, **COUNTS)) == before
    assert splits(PlacesImagenet(*moved, **COUNTS, seed=1)) != before
    # what is drawn is drawn at random: from all folders, not the first
    assert {name.split("/")[2] for name in before["train"] if name.startswith("places")} == {"0", "1", "2"}
    # other counts leave the training images as they are
    assert splits(PlacesImagenet(*moved, 21, 8, 9))["train"] == before["train"]


def test_a_file_that_comes_changes_few(roots, tmp_path):
    before = PlacesImagenet(*roots, **COUNTS).splits()
    shutil.copy(tmp_path / "data/places/a/0/00.JPEG", tmp_path / "data/places/00.JPEG")
    after = PlacesImagenet(*roots, **COUNTS).splits()
    assert len(set(before["train"]) - set(after["train"])) <= 1


def test_lists_are_for_the_next_person(roots, tmp_path, monkeypatch):
    made = places_imagenet_data(*roots, **COUNTS, size=8, workers=0)
    (tmp_path / "run").mkdir()
    files = made.write_lists(tmp_path / "run")
    assert [file.name for file in files] == ["train.txt", "val.txt", "test.txt", "lists.txt"]
    typed = shlex.split((tmp_path / "run/lists.txt").read_text().splitlines()[-1])
    assert typed[0] == "data=folder"
    monkeypatch.chdir(tmp_path)
    options = dict(word.removeprefix("data.").split("=", 1) for word in typed[1:])
    again = folder_data(**options)
    assert splits(again.source) == splits(made.source)
    for split in ("train", "val", "test"):
        mine, theirs = made.source.photos(split), again.source.photos(split)
        assert [mine.identify(n) for n in range(len(mine))] == [theirs.identify(n) for n in range(len(theirs))]
    # a source without a composition of its own writes none
    assert folder_data(roots[0]).write_lists(tmp_path / "run") == []


def test_the_lists_of_a_limited_run_are_what_it_saw(roots, tmp_path):
    made = places_imagenet_data(*roots, **COUNTS, limit=3)
    made.write_lists(tmp_path)
    assert (tmp_path / "train.txt").read_text().split() == names(made.source.photos("train", 3))


def test_too_few_images(roots):
    source = PlacesImagenet(*roots, images=60, val_images=8, test_images=4)
    with pytest.raises(ValueError, match=r"data.imagenet_root=.*imagenet has 30 images, and 36 are.*\(30 for train"):
        source.prepare()
    with pytest.raises(ValueError, match="Type data.imagenet_root=PATH with more, or draw fewer: .*data.num_train="):
        source.prepare()


def test_roots_that_will_not_do(roots, tmp_path):
    with pytest.raises(
        ValueError, match=r"data.imagenet_root=.*nowhere: folder not found. Pass data.imagenet_root=PATH"
    ):
        PlacesImagenet(roots[0], str(tmp_path / "nowhere"))
    for pair in ([roots[0], roots[0]], [roots[0], str(tmp_path / "data")]):
        with pytest.raises(ValueError, match="one lies in the other"):
            PlacesImagenet(*pair)
    with pytest.raises(ValueError, match="data.num_val=1: must be an integer >= 2"):
        PlacesImagenet(*roots, val_images=1)


def test_the_published_numbers_are_the_default(roots):
    counts = PlacesImagenet(*roots).counts
    assert (counts["train"], counts["val"]) == (10_000, 2_000)
