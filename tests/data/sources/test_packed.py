"""Packs: made once, read as what they were made of, and never trusted blindly."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.cli.main import main
from chromahint.data import pack as packing
from chromahint.data.sources import packed as packed_module
from chromahint.data.sources.folder import Folder, folder_data
from chromahint.data.sources.packed import Pack, Packed, PackedPhotos, packed_data
from chromahint.data.transforms import resize
from chromahint.images.decode import UnreadableImageError, read_photo

SIZES = [(50, 40), (40, 90), (20, 25), (64, 32), (33, 32), (120, 31), (32, 32), (47, 48), (70, 70), (34, 80)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(packing, "SHARD", 4)


@pytest.fixture
def root(tmp_path) -> Path:
    """10 images of all sizes in train/ and val/, and one file that is none."""
    for number, (width, height) in enumerate(SIZES):
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        path = tmp_path / "photos" / ("val" if number > 6 else "train/sub folder") / f"ü{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(path)
    (tmp_path / "photos/train/zz.jpg").write_bytes(b"no image")
    return tmp_path / "photos"


def names(photos):
    return [photos.name(index) for index in range(len(photos))]


def make(root, output, side=32, **options):
    return packing.pack(Folder(str(root)), output, side, **options)


@pytest.fixture
def pack(root, tmp_path):
    make(root, tmp_path / "pack")
    return tmp_path / "pack"


@pytest.mark.parametrize("workers", [0, 2])
def test_holds_each_image_shrunk_and_under_its_id(root, tmp_path, workers):
    done = []
    made = make(root, tmp_path / "pack", workers=workers, advance=done.append)
    assert made.images == 10
    assert sum(done) == 11
    assert made.broken == ["train/zz.jpg: not an image in a known format"]
    assert (tmp_path / "pack/broken.txt").read_text() == "train/zz.jpg: not an image in a known format\n"
    files, photos = Folder(str(root)), Packed(str(tmp_path / "pack")).photos("all")
    originals = files.photos("all")
    where = {name: index for index, name in enumerate(names(originals))}
    assert sorted(names(photos)) == sorted(where.keys() - {"train/zz.jpg"})
    for index, name in enumerate(names(photos)):
        original, found = read_photo(root / name), photos.read(index)
        shorter = min(original.shape[:2])
        assert min(found.shape[:2]) == min(shorter, 32)
        if shorter <= 32:
            assert np.array_equal(found, original)
        else:
            assert np.array_equal(found, resize(original, *found.shape[:2]))
            height, width = original.shape[:2]
            assert found.shape[1] / found.shape[0] == pytest.approx(width / height, rel=0.03)
        assert photos.identify(index) == originals.identify(where[name])


def test_keeps_the_splits(root, tmp_path):
    (root / "train/zz.jpg").unlink()
    make(root, tmp_path / "pack")
    mine, theirs = Packed(str(tmp_path / "pack")), Folder(str(root))
    assert mine.has_splits
    assert mine.splits() == theirs.splits()
    # without sub-folders images are dealt out by the same hash
    flat = tmp_path / "flat"
    shutil.copytree(root / "val", flat)
    shutil.copytree(root / "train/sub folder", flat / "more")
    make(flat, tmp_path / "flat-pack")
    shares = {"val_fraction": 0.3, "test_fraction": 0.3}
    mine, theirs = Packed(str(tmp_path / "flat-pack"), **shares), Folder(str(flat), **shares)
    assert not mine.has_splits
    assert mine.splits() == theirs.splits()


def test_packs_what_lists_name(root, tmp_path):
    (tmp_path / "t.txt").write_text("train/sub folder/ü1.png\nval/ü8.png\n")
    (tmp_path / "v.txt").write_text("train/sub folder/ü4.png\n")
    lists = {"train_list": str(tmp_path / "t.txt"), "val_list": str(tmp_path / "v.txt"), "test_list": None}
    lists["test_list"] = lists["val_list"]
    packing.pack(Folder(str(root), **lists), tmp_path / "pack", 32)
    source = Packed(str(tmp_path / "pack"))
    assert source.splits() == Folder(str(root), **lists).splits()
    assert len(source.photos("all")) == 3
    (tmp_path / "other.txt").write_text("val/ü8.png\nval/ü7.png\n")
    chosen = Packed(str(tmp_path / "pack"), val_list=str(tmp_path / "other.txt")).photos("val")
    assert names(chosen) == ["val/ü7.png", "val/ü8.png"]
    with pytest.raises(UnreadableImageError, match=r"val/ü7.png: not in the pack"):
        chosen.read(0)
    assert chosen.read(1).shape == (32, 32, 3)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_the_folder(root, tmp_path, workers):
    """Where nothing is shrunk, a pack gives the same batches as the files."""
    (root / "train/zz.jpg").unlink()
    make(root, tmp_path / "pack", side=1000)
    options = {"size": 16, "shorter_side": None, "eval_size": 24, "batch_size": 2, "workers": workers}
    for split in ("train", "val"):
        files = list(folder_data(str(root), **options).loader(split))
        mine = list(packed_data(str(tmp_path / "pack"), **options).loader(split))
        assert len(mine) == len(files) > 0
        for ours, theirs in zip(mine, files, strict=True):
            assert ours["id"] == theirs["id"]
            assert ours["name"] == theirs["name"]
            assert torch.equal(ours["rgb"], theirs["rgb"])


def test_few_shards_are_open_at_once(pack, monkeypatch):
    monkeypatch.setattr(packed_module, "OPEN_SHARDS", 1)
    opened = Pack(pack)
    first = [opened.read(row).copy() for row in range(10)]
    assert len(opened._open) == 1
    assert all(np.array_equal(opened.read(row), first[row]) for row in reversed(range(10)))


# --- stopped, and typed again


def test_goes_on_where_it_was_stopped(root, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    make(root, whole)

    class Killed(BaseException):
        pass

    decoded = []
    real = packing.decode_rgb

    def decode(data, path):
        decoded.append(path)
        if len(decoded) == 7:
            raise Killed
        return real(data, path)

    monkeypatch.setattr(packing, "decode", decode)
    with pytest.raises(Killed):
        make(root, tmp_path / "pack")
    with pytest.raises(ValueError, match="not finished. Type the `chromahint data pack`"):
        Packed(str(tmp_path / "pack"))
    (tmp_path / "pack/shards/.000001.rgb.123").write_text("half of a shard, of a process that was killed")
    make(root, tmp_path / "pack")
    assert len(decoded) == 7 + 7, "the four images of the first shard are kept"
    make(root, tmp_path / "pack")
    assert len(decoded) == 14, "all is there"
    for file in whole.rglob("*"):
        if file.is_file():
            assert (tmp_path / "pack" / file.relative_to(whole)).read_bytes() == file.read_bytes()
    assert not list((tmp_path / "pack").rglob(".*"))


def test_packs_what_is_new_and_forgets_what_is_gone(root, pack):
    (root / "train/zz.jpg").unlink()
    Image.new("RGB", (40, 50), "red").save(root / "val/ü9.png")
    for number in (0, 1, 2, 3):
        (root / f"train/sub folder/ü{number}.png").unlink()
    make(root, pack)
    photos = Packed(str(pack)).photos("all")
    assert names(photos) == [f"train/sub folder/ü{n}.png" for n in (4, 5, 6)] + [f"val/ü{n}.png" for n in (7, 8, 9)]
    assert photos.read(5).reshape(-1, 3).max(0).tolist() == [255, 0, 0]
    assert not (pack / "broken.txt").exists()
    assert sorted(file.name for file in (pack / "shards").glob("*.rgb")) == ["000000.rgb", "000001.rgb"]


def test_refuses_what_is_not_its_own(root, pack, tmp_path):
    with pytest.raises(ValueError, match="has images of side 32. Type --side 32"):
        make(root, pack, side=64)
    with pytest.raises(ValueError, match="is there already and is not a pack"):
        make(root, root)
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(ValueError, match="-o "):
            make(root, output)
    with pytest.raises(ValueError, match="--side 0"):
        make(root, tmp_path / "new", side=0)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.png").write_text("no image")
    with pytest.raises(ValueError, match=r"None of the 1 images .* can be read"):
        make(tmp_path / "bad", tmp_path / "new")
    with pytest.raises(ValueError, match="is not a pack: it has no pack.json"):
        packed_data(str(root))


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


def test_a_changed_pixel_is_found_and_mended(root, pack):
    file = pack / "shards/000001.rgb"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert read_all(pack, verify=False) == []
    (line,) = read_all(pack, verify=True)
    assert "000001.rgb has changed: its checksum is another" in line
    make(root, pack)
    assert read_all(pack, verify=True) == []


def test_a_shard_that_is_cut_off_or_gone(root, pack):
    whole = (pack / "shards/000000.rgb").read_bytes()
    (pack / "shards/000000.rgb").write_bytes(whole[:-1])
    (pack / "shards/000001.rgb").unlink()
    (pack / "shards/000002.rgb").write_bytes(b"")
    found = read_all(pack, verify=False)
    assert len(found) == 7, "one image of the first shard, and all six of the others"
    assert "000000.rgb is cut off" in found[0]
    assert "000001.rgb is missing" in found[1]
    make(root, pack)
    assert read_all(pack, verify=True) == []


def _said(pack):
    """What a person is told to do, if anything."""
    try:
        assert read_all(pack, verify=True) == []
    except ValueError as error:
        return next(words for words in ("chromahint data pack", "Pack it again") if words in str(error))
    return ""


@pytest.mark.parametrize("name", ["pack.json", "names.json", "index.npy", "shards/000001.json"])
def test_no_change_of_a_file_ends_in_a_traceback(root, pack, name):
    whole = (pack / name).read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(40):
        content = bytearray(whole)
        if trial % 2:
            del content[rng.integers(len(content)) :]
        else:
            content[rng.integers(len(content))] = rng.integers(256)
        (pack / name).write_bytes(content)
        assert _said(pack) in ("", "chromahint data pack", "Pack it again")
        if name.startswith("shards"):
            make(root, pack)
            assert (pack / name).read_bytes() == whole


def test_bytes_too_many_are_packed_again(root, pack):
    whole = (pack / "shards/000000.rgb").read_bytes()
    (pack / "shards/000000.rgb").write_bytes(whole + b"more")
    make(root, pack)
    assert (pack / "shards/000000.rgb").read_bytes() == whole


def test_nothing_is_unpickled(pack):
    about = json.loads((pack / "pack.json").read_text())
    np.save(pack / "index.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    about["checksums"]["index.npy"] = packed_module.digest((pack / "index.npy").read_bytes()).hex()
    (pack / "pack.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="this pack is damaged: .*allow_pickle=False"):
        Packed(str(pack))


# --- the command


def test_pack_and_check_from_the_terminal(root, tmp_path, capsys):
    assert main(["data", "pack", str(root), "-o", str(tmp_path / "my pack"), "--side", "32", "--num-workers", "0"]) == 0
    out = capsys.readouterr().out
    assert "packed 10 images" in out
    assert "1 could not be read and are left out" in out
    assert f"chromahint train data=packed 'data.root={tmp_path / 'my pack'}'" in out
    assert main(["data", "check", str(tmp_path / "my pack"), "--num-workers", "0"]) == 0
    with (tmp_path / "my pack/shards/000000.rgb").open("r+b") as file:
        file.write(b"changed")
    assert main(["data", "check", str(tmp_path / "my pack"), "--num-workers", "0", "--json"]) == 1
    text = capsys.readouterr().out
    found = json.loads(text[text.index("{") :])
    assert found["images"] == 10
    assert [each["path"] for each in found["broken"]] == ["train/sub folder/ü0.png"]
