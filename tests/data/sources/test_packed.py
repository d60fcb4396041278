"""Packs hold the images of a folder, resume after an interruption, and detect damage."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.atomic_write import WriteError
from chromahint.data import pack as pack_module
from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.sources import packed as packed_module
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.packed import Pack, Packed, PackedPhotos
from chromahint.images.decode import UnreadableImageError, read_photo
from chromahint.images.resize import resize

SIZES = [(50, 40), (40, 90), (20, 25), (64, 32), (33, 32), (120, 31), (32, 32), (47, 48), (70, 70), (34, 80)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(pack_module, "PACK_SHARD_SIZE", 4)


@pytest.fixture
def root(tmp_path) -> Path:
    """10 images of different sizes in train/ and val/, and one file that is not an image."""
    for number, (width, height) in enumerate(SIZES):
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        path = tmp_path / "photos" / ("val" if number > 6 else "train/sub folder") / f"ü{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(path)
    (tmp_path / "photos/train/zz.jpg").write_bytes(b"not an image")
    return tmp_path / "photos"


def names(photos):
    return [photos.name(index) for index in range(len(photos))]


def create_pack(root, output, side=32, **options):
    return pack_module.pack(Folder(str(root)), output, side, **options)


@pytest.fixture
def pack(root, tmp_path):
    create_pack(root, tmp_path / "pack")
    return tmp_path / "pack"


@pytest.mark.parametrize("workers", [0, 2])
def test_images_are_shrunk_and_keep_their_ids(root, tmp_path, workers):
    progress = []
    result = create_pack(root, tmp_path / "pack", num_workers=workers, advance=progress.append)
    assert result.images == 10
    assert sum(progress) == 11
    assert result.broken == ["train/zz.jpg: not an image in a supported format"]
    assert (tmp_path / "pack/broken.txt").read_text() == "train/zz.jpg: not an image in a supported format\n"
    files, photos = Folder(str(root)), Packed(str(tmp_path / "pack")).photos("all")
    originals = files.photos("all")
    where = {name: index for index, name in enumerate(names(originals))}
    assert sorted(names(photos)) == sorted(where.keys() - {"train/zz.jpg"})
    for index, name in enumerate(names(photos)):
        original, packed = read_photo(root / name), photos.read(index)
        shorter = min(original.shape[:2])
        assert min(packed.shape[:2]) == min(shorter, 32)
        if shorter <= 32:
            assert np.array_equal(packed, original)
        else:
            assert np.array_equal(packed, resize(original, *packed.shape[:2]))
            height, width = original.shape[:2]
            assert packed.shape[1] / packed.shape[0] == pytest.approx(width / height, rel=0.03)
        assert photos.identify(index) == originals.identify(where[name])


def test_splits_are_those_of_the_folder(root, tmp_path):
    (root / "train/zz.jpg").unlink()
    create_pack(root, tmp_path / "pack")
    packed, folder = Packed(str(tmp_path / "pack")), Folder(str(root))
    assert packed.has_splits
    assert packed.splits() == folder.splits()
    # without subfolders, images are split by the same hash
    flat = tmp_path / "flat"
    shutil.copytree(root / "val", flat)
    shutil.copytree(root / "train/sub folder", flat / "more")
    create_pack(flat, tmp_path / "flat-pack")
    fractions = {"val_fraction": 0.3, "test_fraction": 0.3}
    packed, folder = Packed(str(tmp_path / "flat-pack"), **fractions), Folder(str(flat), **fractions)
    assert not packed.has_splits
    assert packed.splits() == folder.splits()


def test_only_listed_images_are_packed(root, tmp_path):
    (tmp_path / "t.txt").write_text("train/sub folder/ü1.png\nval/ü8.png\n")
    (tmp_path / "v.txt").write_text("train/sub folder/ü4.png\n")
    lists = {"train_list": str(tmp_path / "t.txt"), "val_list": str(tmp_path / "v.txt"), "test_list": None}
    lists["test_list"] = lists["val_list"]
    pack_module.pack(Folder(str(root), **lists), tmp_path / "pack", 32)
    source = Packed(str(tmp_path / "pack"))
    assert source.splits() == Folder(str(root), **lists).splits()
    assert len(source.photos("all")) == 3
    (tmp_path / "other.txt").write_text("val/ü8.png\nval/ü7.png\n")
    photos = Packed(str(tmp_path / "pack"), val_list=str(tmp_path / "other.txt")).photos("val")
    assert names(photos) == ["val/ü7.png", "val/ü8.png"]
    with pytest.raises(UnreadableImageError, match=r"val/ü7.png: not among the packed photos in"):
        photos.read(0)
    assert photos.read(1).shape == (32, 32, 3)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_the_folder_if_nothing_is_shrunk(root, tmp_path, workers):
    (root / "train/zz.jpg").unlink()
    create_pack(root, tmp_path / "pack", side=1000)
    options = {"train_size": 16, "eval_size": 24, "batch_size": 2, "num_workers": workers}
    for split in ("train", "val"):
        expected = list(PhotoDataModule(Folder, root=str(root), **options).loader(split))
        batches = list(PhotoDataModule(Packed, root=str(tmp_path / "pack"), **options).loader(split))
        assert len(batches) == len(expected) > 0
        for batch, expected_batch in zip(batches, expected, strict=True):
            assert batch["id"] == expected_batch["id"]
            assert batch["name"] == expected_batch["name"]
            assert torch.equal(batch["rgb"], expected_batch["rgb"])


def test_squashed_pack_gives_the_batches_of_the_folder(root, tmp_path):
    (root / "train/zz.jpg").unlink()
    create_pack(root, tmp_path / "pack", side=24, squash=True)
    options = {"resize_mode": "squash", "train_size": 24, "eval_size": 24, "batch_size": 2, "num_workers": 0}
    for split in ("train", "val"):
        expected = list(PhotoDataModule(Folder, root=str(root), **options).loader(split))
        batches = list(PhotoDataModule(Packed, root=str(tmp_path / "pack"), **options).loader(split))
        assert len(batches) == len(expected) > 0
        for batch, expected_batch in zip(batches, expected, strict=True):
            assert torch.equal(batch["rgb"], expected_batch["rgb"])


def test_number_of_open_shards_is_limited(pack, monkeypatch):
    monkeypatch.setattr(packed_module, "MAX_OPEN_SHARDS", 1)
    opened = Pack(pack)
    first = [opened.read(row).copy() for row in range(10)]
    assert len(opened._open) == 1
    assert all(np.array_equal(opened.read(row), first[row]) for row in reversed(range(10)))


# --- interrupted and repeated


def test_interrupted_packing_resumes(root, tmp_path, monkeypatch):
    uninterrupted = tmp_path / "uninterrupted"
    create_pack(root, uninterrupted)

    class Killed(BaseException):
        pass

    decoded = []
    decode_rgb = pack_module.decode_rgb

    def decode_or_die(data, path):
        decoded.append(path)
        if len(decoded) == 7:
            raise Killed
        return decode_rgb(data, path)

    monkeypatch.setattr(pack_module, "decode_rgb", decode_or_die)
    with pytest.raises(Killed):
        create_pack(root, tmp_path / "pack")
    with pytest.raises(ValueError, match="incomplete. Repeat the `chromahint data pack` command"):
        Packed(str(tmp_path / "pack"))
    (tmp_path / "pack/shards/.000001.rgb.123").write_text("part of a shard, written by a killed process")
    create_pack(root, tmp_path / "pack")
    assert len(decoded) == 7 + 7, "the four images of the first shard are kept"
    create_pack(root, tmp_path / "pack")
    assert len(decoded) == 14, "nothing is packed again"
    for file in uninterrupted.rglob("*"):
        if file.is_file():
            assert (tmp_path / "pack" / file.relative_to(uninterrupted)).read_bytes() == file.read_bytes()
    assert not list((tmp_path / "pack").rglob(".*"))


def test_repeated_packing_adds_new_and_removes_deleted_images(root, pack):
    (root / "train/zz.jpg").unlink()
    Image.new("RGB", (40, 50), "red").save(root / "val/ü9.png")
    for number in (0, 1, 2, 3):
        (root / f"train/sub folder/ü{number}.png").unlink()
    create_pack(root, pack)
    photos = Packed(str(pack)).photos("all")
    assert names(photos) == [f"train/sub folder/ü{n}.png" for n in (4, 5, 6)] + [f"val/ü{n}.png" for n in (7, 8, 9)]
    assert photos.read(5).reshape(-1, 3).max(0).tolist() == [255, 0, 0]
    assert not (pack / "broken.txt").exists()
    assert sorted(file.name for file in (pack / "shards").glob("*.rgb")) == ["000000.rgb", "000001.rgb"]


def test_user_errors(root, pack, tmp_path):
    with pytest.raises(ValueError, match="has images of side 32. Use --side 32"):
        create_pack(root, pack, side=64)
    with pytest.raises(ValueError, match="already exists and is not a pack"):
        create_pack(root, root)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="-o "):
        create_pack(root, tmp_path / "file")
    with pytest.raises(WriteError, match="Not a directory"):
        create_pack(root, tmp_path / "file/below")
    with pytest.raises(ValueError, match="--squash: is given, unlike when .* Leave out --squash"):
        create_pack(root, pack, squash=True)
    create_pack(root, tmp_path / "squares", squash=True)
    with pytest.raises(ValueError, match="--squash: is not given, unlike when .* Add --squash"):
        create_pack(root, tmp_path / "squares")
    with pytest.raises(ValueError, match="--side 0"):
        create_pack(root, tmp_path / "new", side=0)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"none of the 1 images can be read"):
        create_pack(tmp_path / "bad", tmp_path / "new")
    with pytest.raises(ValueError, match="not a pack, it has no pack.json"):
        PhotoDataModule(Packed, root=str(root))


# --- damaged


def read_all(pack, verify):
    source = Packed(str(pack))
    photos = PackedPhotos(source.pack, source.pack.names, verify)
    broken = []
    for index in range(len(photos)):
        try:
            assert photos.read(index).shape[2] == 3
            assert len(photos.identify(index)) == 32
        except UnreadableImageError as error:
            broken.append(str(error))
    return broken


def test_changed_pixel_is_detected_and_repaired(root, pack):
    file = pack / "shards/000001.rgb"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert read_all(pack, verify=False) == []
    (line,) = read_all(pack, verify=True)
    assert "000001.rgb has changed: its checksum does not match" in line
    create_pack(root, pack)
    assert read_all(pack, verify=True) == []


def test_truncated_or_missing_shards_are_detected_and_repaired(root, pack):
    content = (pack / "shards/000000.rgb").read_bytes()
    (pack / "shards/000000.rgb").write_bytes(content[:-1])
    (pack / "shards/000001.rgb").unlink()
    (pack / "shards/000002.rgb").write_bytes(b"")
    broken = read_all(pack, verify=False)
    assert len(broken) == 7, "one image of the first shard, and all six of the others"
    assert "000000.rgb is truncated" in broken[0]
    assert "000001.rgb is missing" in broken[1]
    create_pack(root, pack)
    assert read_all(pack, verify=True) == []


def advice(pack):
    """What the error message tells the user to do, if there is an error."""
    try:
        assert read_all(pack, verify=True) == []
    except ValueError as error:
        return next(words for words in ("chromahint data pack", "Pack the photos again") if words in str(error))
    return ""


@pytest.mark.parametrize("name", ["pack.json", "names.json", "index.npy", "shards/000001.json"])
def test_damaged_file_is_reported_and_repaired(root, pack, name):
    original = (pack / name).read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(40):
        content = bytearray(original)
        if trial % 2:
            del content[rng.integers(len(content)) :]
        else:
            content[rng.integers(len(content))] = rng.integers(256)
        (pack / name).write_bytes(content)
        assert advice(pack) in ("", "chromahint data pack", "Pack the photos again")
        if name.startswith("shards"):
            create_pack(root, pack)
            assert (pack / name).read_bytes() == original


def test_shard_with_extra_bytes_is_packed_again(root, pack):
    original = (pack / "shards/000000.rgb").read_bytes()
    (pack / "shards/000000.rgb").write_bytes(original + b"more")
    create_pack(root, pack)
    assert (pack / "shards/000000.rgb").read_bytes() == original


def test_pickles_are_not_loaded(pack):
    metadata = json.loads((pack / "pack.json").read_text())
    np.save(pack / "index.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    metadata["checksums"]["index.npy"] = packed_module.digest((pack / "index.npy").read_bytes()).hex()
    (pack / "pack.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="the pack is damaged: .*allow_pickle=False"):
        Packed(str(pack))


# --- the command


def test_printed_command_trains_on_squares(root, tmp_path, command):
    pack = tmp_path / "squares"
    packed = command("data", "pack", root, "-o", pack, "--side", 64, "--squash", "--num-workers", 0)
    assert packed.status == 0, packed.err
    assert f"train data=packed data.root={pack} data.resize_mode=squash data.train_size=64" in packed.out
    options = ("data.resize_mode=squash", "data.train_size=64", "debug=smoke", "logger=none", "trainer=cpu")
    trained = command("train", "data=packed", f"data.root={pack}", "model.width=4", *options)
    assert trained.status == 0, trained.err


def test_pack_and_check_commands(root, tmp_path, command):
    packed = command("data", "pack", root, "-o", tmp_path / "my pack", "--side", 32, "--num-workers", 0)
    assert packed.status == 0, packed.err
    assert "packed 10 images" in packed.out
    assert str(tmp_path / "my pack/broken.txt") in packed.out
    assert f"chromahint train data=packed 'data.root={tmp_path / 'my pack'}'" in packed.out
    assert command("data", "check", tmp_path / "my pack", "--num-workers", 0).status == 0
    with (tmp_path / "my pack/shards/000000.rgb").open("r+b") as file:
        file.write(b"changed")
    checked = command("data", "check", tmp_path / "my pack", "--num-workers", 0, "--json")
    assert checked.status == 1, checked.err
    report = json.loads(checked.out)
    assert report["images"] == 10
    assert [image["path"] for image in report["broken"]] == ["train/sub folder/ü0.png"]
