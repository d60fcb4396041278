"""Drawn scenes: always the same, kept on disk, and like photos in what matters."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.synthetic_scenes import VALIDATION_START, Scenes, scenes_data
from chromahint.data.synthetic import cache as scene_cache
from chromahint.data.synthetic.scene import VERSION, draw_scene


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def small(**options) -> Scenes:
    return Scenes(**{"images": 40, "size": 48, "val_images": 20, **options})


DIGEST = """
import hashlib, sys, cv2
cv2.setNumThreads(int(sys.argv[1]))
from chromahint.data.synthetic.scene import draw_scene
print(hashlib.sha256(b"".join(draw_scene(3, n, 64).tobytes() for n in (5, 2))).hexdigest())
"""


def test_same_in_another_process_and_with_other_threads():
    mine = hashlib.sha256(draw_scene(3, 5, 64).tobytes() + draw_scene(3, 2, 64).tobytes()).hexdigest()
    for threads in "1", "4":
        done = subprocess.run([sys.executable, "-c", DIGEST, threads], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == mine
    assert not np.array_equal(draw_scene(3, 5, 64), draw_scene(4, 5, 64))


def test_scenes_resemble_photos():
    """Bounds are about natural photos squashed to 256 px: gray is 22.6 dB from them, mean chroma 17, L deviation 22."""
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


def test_reads_what_was_drawn(cache):
    source = small()
    source.prepare()
    train, val = source.photos("train"), source.photos("val")
    assert (len(train), len(val)) == (40, 20)
    assert np.array_equal(train.read(17), draw_scene(0, 17, 48))
    assert np.array_equal(val.read(3), draw_scene(0, VALIDATION_START + 3, 48))
    assert train.identify(17) == f"scenes/{VERSION}/0/17"
    assert val.identify(3) == f"scenes/{VERSION}/0/{VALIDATION_START + 3}"
    ids = [photos.identify(index) for photos in (train, val) for index in range(len(photos))]
    assert len(set(ids)) == 60


def test_a_limit_draws_one_file_a_split(cache):
    small().prepare(max_images=8)
    assert len(list(cache.rglob("*.npy"))) == 2
    assert len(small().photos("train", max_images=8)) == 8


def test_goes_on_where_it_was(cache, monkeypatch):
    small(val_images=16).prepare()
    files = sorted(cache.rglob("*.npy"))
    assert len(files) == 4
    before = {path: path.stat().st_mtime_ns for path in files}
    files[1].unlink()
    files[2].write_bytes(files[2].read_bytes()[:-100])
    files[0].write_bytes(b"something else")
    small(val_images=16).prepare()
    after = {path: path.stat().st_mtime_ns for path in files}
    assert [after[path] != before[path] for path in files] == [True, True, True, False]
    # a file that is damaged later is drawn when it is read
    files[0].write_bytes(b"")
    assert np.array_equal(small().photos("train").read(1), draw_scene(0, 1, 48))
    # nothing is left over, and nothing drawn again
    assert sorted(cache.rglob("*")) == sorted(
        {*files, *(parent for path in files for parent in list(path.parents)[:2])}
    )
    monkeypatch.setattr(scene_cache, "write_shard", None)
    small(val_images=16).prepare()


def test_a_killed_drawing_leaves_no_half_file(cache, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        scene_cache.write_shard(cache / "a.npy", 0, 0, 32)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_explained(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="CHROMAHINT_CACHE"):
        small().prepare(max_images=1)


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMAHINT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert scene_cache.cache_folder() == tmp_path / "chromahint"


def test_loaders_give_scenes_and_natural_photos():
    made = scenes_data(images=20, val_images=2, image_size=64, size=32, eval_size=64, limit=4, batch_size=2)
    made.prepare_data()
    assert [batch["rgb"].shape for batch in made.train_dataloader()] == [(2, 3, 32, 32)] * 2
    assert [batch["id"] for batch in made.val_dataloader()] == [
        [f"scenes/{VERSION}/0/{VALIDATION_START + n}" for n in range(2)]
    ]
    (test,) = made.test_dataloader()
    assert test["name"][0] == "astronaut-0-0"


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="data.num_train=0"):
        Scenes(images=0)
    with pytest.raises(ValueError, match="data.scene_size=8"):
        Scenes(size=8)


def test_the_cache_is_cleared_of_scenes_and_nothing_else(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    Scenes(images=1, size=32, val_images=1).prepare()
    (tmp_path / "cache/mine.txt").write_text("mine")
    cleared = command("data", "clean-cache")
    assert cleared.status == 0, cleared.err
    assert "deleted 0.1 MB" in cleared.out
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mine.txt"]
    assert command("data", "clean-cache").out.startswith("deleted 0.0 MB")
