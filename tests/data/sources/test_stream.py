"""Shards hold the files of a folder unchanged, resume after an interruption, detect damage, and are read from a URL."""

import functools
import http.server
import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.data import pack_shards as pack_module
from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.shards import Shards
from chromahint.data.sources.stream import ShardPhotos, Stream
from chromahint.images.decode import UnreadableImageError


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(pack_module, "SHARD_BYTES", 30_000)


@pytest.fixture
def root(tmp_path) -> Path:
    """12 images in train/ and val/, JPEG and PNG, one file that is not an image, and an empty one."""
    for number in range(12):
        noise = np.random.default_rng(number).integers(0, 256, (60 + number, 90, 3), dtype=np.uint8)
        folder = "val" if number > 8 else "train/sub folder"
        path = tmp_path / "photos" / folder / f"ü{number:02d}.{'png' if number % 4 == 3 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(path)
    (tmp_path / "photos/train/yy.jpg").write_bytes(b"not an image")
    (tmp_path / "photos/train/zz.jpg").write_bytes(b"")
    return tmp_path / "photos"


def create(root, output, **options):
    return pack_module.pack_shards(Folder(str(root)), output, **options)


@pytest.fixture
def shards(root, tmp_path):
    create(root, tmp_path / "shards")
    return tmp_path / "shards"


def names(photos):
    return [photos.name(index) for index in range(len(photos))]


def state(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.parametrize("workers", [0, 2])
def test_files_are_stored_unchanged(root, tmp_path, workers):
    progress = []
    result = create(root, tmp_path / "shards", num_workers=workers, advance=progress.append)
    assert result.images == 13
    assert sum(progress) == 14
    assert len(list((tmp_path / "shards").glob("chunk-*.bin"))) > 2
    assert result.broken == ["train/zz.jpg: the file is empty"]
    assert (tmp_path / "shards/broken.txt").read_text() == "train/zz.jpg: the file is empty\n"
    shards = Shards(str(tmp_path / "shards"))
    for row in np.random.default_rng(0).permutation(13):
        data = shards.read(int(row))
        assert type(data) is bytes
        assert data == (root / shards.names[row]).read_bytes()


def test_litdata_itself_reads_them(root, shards):
    litdata = pytest.importorskip("litdata")
    items = list(litdata.StreamingDataset(str(shards)))
    assert len(items) == 13
    assert all(item["image"] == (root / item["name"]).read_bytes() for item in items)


@pytest.mark.parametrize("split", ["train", "val", "test", "all"])
def test_photos_ids_and_splits_are_those_of_the_folder(root, shards, split):
    (root / "train/zz.jpg").unlink()
    originals, photos = Folder(str(root)).photos(split), Stream(str(shards)).photos(split)
    assert names(photos) == names(originals)
    for index in range(len(photos)):
        assert photos.identify(index) == originals.identify(index)
        if "yy.jpg" in photos.name(index):
            with pytest.raises(UnreadableImageError, match=r"yy.jpg: not an image in a supported format"):
                photos.read(index)
            continue
        assert np.array_equal(photos.read(index), originals.read(index))
        assert np.array_equal(photos.read_reduced(index, 20), originals.read_reduced(index, 20))


def test_lists_travel_with_the_shards(root, tmp_path):
    (tmp_path / "train.txt").write_text("train/sub folder/ü01.jpg\nval/ü09.jpg\n")
    (tmp_path / "val.txt").write_text("val/ü10.jpg\n")
    lists = {"train_list": str(tmp_path / "train.txt"), "val_list": str(tmp_path / "val.txt")}
    source = Folder(str(root), **lists, test_fraction=0)
    pack_module.pack_shards(source, tmp_path / "shards")
    for file in lists.values():
        Path(file).unlink()
    stream = Stream(str(tmp_path / "shards"), test_fraction=0)
    assert names(stream.photos("train")) == ["train/sub folder/ü01.jpg", "val/ü09.jpg"]
    assert names(stream.photos("val")) == ["val/ü10.jpg"]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_the_folder(root, shards, workers):
    (root / "train/zz.jpg").unlink()
    options = {"train_size": 32, "shorter_side": 40, "batch_size": 4, "num_workers": workers, "seed": 3}
    loaders = []
    for source in (Folder(str(root)), Stream(str(shards))):
        module = PhotoDataModule(source, **options)
        loaders.append([*module.train_dataloader(), *module.val_dataloader()])
    for expected, batch in zip(*loaders, strict=True):
        assert torch.equal(batch["rgb"], expected["rgb"])
        assert batch["id"] == expected["id"]


def test_packing_continues_where_it_was_stopped(root, tmp_path, monkeypatch):
    output = tmp_path / "shards"
    write = pack_module.ShardCopier._write

    def stop_at_second(self, number, *arguments):
        write(self, number, *arguments)
        if number == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pack_module.ShardCopier, "_write", stop_at_second)
        with pytest.raises(KeyboardInterrupt):
            create(root, output)
    with pytest.raises(ValueError, match=r"incomplete. Repeat the `chromahint data pack` command"):
        Shards(str(output))
    (output / ".writing-killed").mkdir()
    first = state(output)["chunk-0-0.bin"]
    create(root, output)
    assert state(output)["chunk-0-0.bin"] == first
    create(root, tmp_path / "at once")
    for path in (tmp_path / "at once").iterdir():
        assert path.is_dir() or path.read_bytes() == (output / path.name).read_bytes()
    assert not (output / ".writing-killed").exists()


def test_a_set_that_is_packed_again_is_not_read_meanwhile(shards, root, monkeypatch):
    monkeypatch.setattr(pack_module, "_write_index", lambda *_: pytest.fail("stopped here"))
    with pytest.raises(pytest.fail.Exception):
        create(root, shards)
    with pytest.raises(ValueError, match="incomplete"):
        Shards(str(shards))


def test_new_photos_are_added_and_deleted_ones_removed(root, shards):
    for path in (root / "train/sub folder").glob("ü0[4-8]*"):
        path.unlink()
    Image.new("RGB", (20, 20), "red").save(root / "val/zzz.jpg")
    assert create(root, shards).images == 9
    expected = set(names(Folder(str(root)).photos("all"))) - {"train/zz.jpg"}
    assert set(names(Stream(str(shards)).photos("all"))) == expected
    index = json.loads((shards / "index.json").read_text())
    assert {chunk["filename"] for chunk in index["chunks"]} == {path.name for path in shards.glob("chunk-*")}


def test_damage_is_detected_and_repaired(root, shards):
    chunk = sorted(shards.glob("chunk-*.bin"))[0]
    intact = chunk.read_bytes()
    chunk.write_bytes(intact[:-10])
    with pytest.raises(ValueError, match=r"damaged: .*chunk-0-0.bin has .* instead of .*repeat `chromahint data pack`"):
        Shards(str(shards))
    create(root, shards)
    assert chunk.read_bytes() == intact
    chunk.write_bytes(intact[:-30] + bytes(30))
    opened = Shards(str(shards))
    row = json.loads((shards / "index.json").read_text())["chunks"][0]["chunk_size"] - 1
    with pytest.raises(UnreadableImageError, match="its bytes have changed since it was packed"):
        opened.read(row)
    (shards / "names.json").write_text("[]")
    with pytest.raises(ValueError, match=r"names.json has changed: its checksum does not match"):
        Shards(str(shards))


def test_other_folders_are_refused(root, tmp_path):
    with pytest.raises(ValueError, match=r"already exists and holds no shards. Use -o NEW/FOLDER"):
        create(root, root)
    with pytest.raises(ValueError, match=r"no shards, photos.json can't be read .*--format litdata"):
        Stream(str(root))
    with pytest.raises(ValueError, match=r"data.root=ftp://host: must be a folder or a URL that begins with s3://"):
        Stream("ftp://host")
    assert len(names(Folder(str(root)).photos("all"))) == 14


def test_a_name_that_is_not_in_the_shards_is_unreadable(shards):
    with pytest.raises(UnreadableImageError, match="not among the packed photos in"):
        ShardPhotos(Shards(str(shards)), ["other.jpg"]).read(0)


def test_the_extra_is_named_if_it_is_missing(root, shards, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "litdata", None)
    message = r"needs the package litdata, which is not installed. Run pip install 'chromahint\[stream\]'"
    with pytest.raises(ValueError, match=message):
        Stream(str(shards))
    with pytest.raises(ValueError, match=message):
        create(root, tmp_path / "others")


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """Serve a folder over HTTP; returns a function from a folder to its URL and the paths that were requested."""
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    servers = []

    def start(folder):
        requests = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                requests.append(self.path)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", requests

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("workers", [0, 2])
def test_shards_are_read_from_a_url(root, shards, serve, workers):
    url, requests = serve(shards)
    (root / "train/zz.jpg").unlink()
    options = {"train_size": 32, "batch_size": 4, "num_workers": workers}
    expected = list(PhotoDataModule(Folder(str(root)), **options).train_dataloader())
    for _ in range(2):
        batches = list(PhotoDataModule(Stream(url), **options).train_dataloader())
        assert all(torch.equal(batch["rgb"], other["rgb"]) for batch, other in zip(batches, expected, strict=True))
    assert len(requests) == len(set(requests)), "each file is downloaded once"
    assert "/records/000000.json" not in requests


def test_a_shard_is_downloaded_when_it_is_needed(shards, serve):
    url, requests = serve(shards)
    opened = Shards(url)
    assert not [path for path in requests if "chunk" in path]
    opened.read(0)
    assert [path for path in requests if "chunk" in path] == ["/chunk-0-0.bin"]


def test_incomplete_downloads_are_refused(shards, serve):
    url, _ = serve(shards)
    opened = Shards(url)
    chunk = shards / "chunk-0-0.bin"
    chunk.write_bytes(chunk.read_bytes()[:-5])
    with pytest.raises(ValueError, match="damaged: .*delete this file to download it again"):
        opened.read(0)
    chunk.unlink()
    opened = Shards(url)
    (opened.folder / "chunk-0-0.bin").unlink()
    with pytest.raises(ValueError, match="404"):
        opened.read(0)


def test_a_url_without_shards_is_refused(tmp_path, serve):
    (tmp_path / "empty").mkdir()
    url, _ = serve(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"no shards, photos.json can't be read .*404"):
        Stream(url)


def test_other_clouds_are_read_through_litdata(shards, tmp_path, monkeypatch):
    """litdata's own downloader of a folder stands for those of clouds, which need an account."""
    from litdata.streaming import downloader

    class Bucket(downloader.LocalDownloader):
        def download_file(self, remote_filepath, local_filepath):
            super().download_file(remote_filepath.replace("s3://bucket", str(shards.parent)), local_filepath)

    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(downloader._DOWNLOADERS, "s3://", Bucket)
    assert Shards("s3://bucket/shards/").read(3) == Shards(str(shards)).read(3)
    with pytest.raises(ValueError, match=r"no shards, photos.json can't be read .*FileNotFoundError"):
        Shards("s3://bucket/others")
    shutil.rmtree(shards)
    assert Shards("s3://bucket/shards").read(3), "from the cache"


def test_the_command_packs_and_says_how_to_train(command, root):
    done = command("data", "pack", root, "--format", "litdata", "-o", "my shards", "--num-workers", 0)
    assert done.status == 0, done.err
    assert "packed 13 images" in done.out
    assert "train on them: chromahint train data=stream 'data.root=my shards'" in done.out
    refused = command("data", "pack", root, "--format", "litdata", "-o", "other", "--side", 64)
    assert refused.status == 2
    assert "--side 64: shards hold the files unchanged. Leave out --side." in refused.err
