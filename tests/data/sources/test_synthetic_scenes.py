"""Synthetic scenes are reproducible, cached on disk, and statistically similar to photos."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.sources.synthetic_scenes import VALIDATION_START, Scenes
from chromahint.data.synthetic import cache as scene_cache
from chromahint.data.synthetic.scene import VERSION, draw_scene


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def small_source(**options) -> Scenes:
    return Scenes(**{"num_train": 40, "scene_size": 48, "num_val": 20, **options})


DIGEST = """
import hashlib, sys, cv2
cv2.setNumThreads(int(sys.argv[1]))
from chromahint.data.synthetic.scene import draw_scene
print(hashlib.sha256(b"".join(draw_scene(3, n, 64).tobytes() for n in (5, 2))).hexdigest())
"""


def test_scenes_depend_on_neither_process_nor_threads():
    expected = hashlib.sha256(draw_scene(3, 5, 64).tobytes() + draw_scene(3, 2, 64).tobytes()).hexdigest()
    for threads in "1", "4":
        done = subprocess.run([sys.executable, "-c", DIGEST, threads], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
    assert not np.array_equal(draw_scene(3, 5, 64), draw_scene(4, 5, 64))


def test_scenes_resemble_photos():
    """Natural photos at 256 px: 22.6 dB PSNR of the gray image, mean chroma 17, standard deviation of L 22."""
    rgb = torch.from_numpy(np.stack([draw_scene(0, index, 256) for index in range(32)])).permute(0, 3, 1, 2)
    lightness, ab = rgb_to_lab(rgb)
    gray = lab_to_rgb8(lightness, torch.zeros_like(ab)).float()
    psnr = 10 * torch.log10(255**2 / (gray - rgb).square().mean((1, 2, 3)))
    assert 20 < psnr.mean() < 26
    assert 12 < ab.norm(dim=1).mean() < 22
    assert 14 < lightness.std((1, 2, 3)).mean() < 26
    assert 35 < lightness.mean() < 60
    assert 0.1 < (ab.norm(dim=1) < 5).float().mean() < 0.45
    # lightness has more detail than color
    steps = [(field[..., 1:] - field[..., :-1]).norm(dim=1).mean() for field in (lightness, ab)]
    assert steps[0] > 1.2 * steps[1]
    assert 1.5 < steps[0] < 4.5


def test_reads_cached_scenes(cache):
    source = small_source()
    source.prepare()
    train, val = source.photos("train"), source.photos("val")
    assert (len(train), len(val)) == (40, 20)
    assert np.array_equal(train.read(17), draw_scene(0, 17, 48))
    assert np.array_equal(val.read(3), draw_scene(0, VALIDATION_START + 3, 48))
    assert train.identify(17) == f"scenes/{VERSION}/0/17"
    assert val.identify(3) == f"scenes/{VERSION}/0/{VALIDATION_START + 3}"
    ids = [photos.identify(index) for photos in (train, val) for index in range(len(photos))]
    assert len(set(ids)) == 60


def test_max_images_limits_the_number_of_drawn_files(cache):
    small_source().prepare(max_images=8)
    assert len(list(cache.rglob("*.npy"))) == 2
    assert len(small_source().photos("train", max_images=8)) == 8


def test_interrupted_drawing_resumes_and_damaged_files_are_redrawn(cache, monkeypatch):
    small_source(num_val=16).prepare()
    files = sorted(cache.rglob("*.npy"))
    assert len(files) == 4
    before = {path: path.stat().st_mtime_ns for path in files}
    files[1].unlink()
    files[2].write_bytes(files[2].read_bytes()[:-100])
    files[0].write_bytes(b"something else")
    small_source(num_val=16).prepare()
    after = {path: path.stat().st_mtime_ns for path in files}
    assert [after[path] != before[path] for path in files] == [True, True, True, False]
    # a file that is damaged later is redrawn on access
    files[0].write_bytes(b"")
    assert np.array_equal(small_source().photos("train").read(1), draw_scene(0, 1, 48))
    # there are no leftover files, and nothing is drawn again
    assert sorted(cache.rglob("*")) == sorted(
        {*files, *(parent for path in files for parent in list(path.parents)[:2])}
    )
    monkeypatch.setattr(scene_cache, "write_shard", None)
    small_source(num_val=16).prepare()


def test_interrupted_write_leaves_no_partial_file(cache, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        scene_cache.write_shard(cache / "a.npy", 0, 0, 32)
    assert list(cache.iterdir()) == []


def test_error_if_the_cache_is_not_writable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="CHROMAHINT_CACHE"):
        small_source().prepare(max_images=1)


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMAHINT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert scene_cache.cache_folder() == tmp_path / "chromahint"


def test_loaders_yield_scenes_for_training_and_natural_photos_for_the_test():
    datamodule = PhotoDataModule(
        Scenes, num_train=20, num_val=2, scene_size=64, train_size=32, eval_size=64, max_images=4, batch_size=2
    )
    datamodule.prepare_data()
    assert [batch["rgb"].shape for batch in datamodule.train_dataloader()] == [(2, 3, 32, 32)] * 2
    assert [batch["id"] for batch in datamodule.val_dataloader()] == [
        [f"scenes/{VERSION}/0/{VALIDATION_START + n}" for n in range(2)]
    ]
    (test,) = datamodule.test_dataloader()
    assert test["name"][0] == "astronaut-0-0"


def test_user_errors():
    with pytest.raises(ValueError, match="data.num_train=0"):
        Scenes(num_train=0)
    with pytest.raises(ValueError, match="data.scene_size=8"):
        Scenes(scene_size=8)


def test_clean_cache_deletes_only_scenes(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    Scenes(num_train=1, scene_size=32, num_val=1).prepare()
    (tmp_path / "cache/mine.txt").write_text("mine")
    cleared = command("data", "clean-cache")
    assert cleared.status == 0, cleared.err
    assert "deleted 0.1 MB" in cleared.out
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mine.txt"]
    assert command("data", "clean-cache").out.startswith("deleted 0.0 MB")
