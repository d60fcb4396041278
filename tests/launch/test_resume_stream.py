"""Training on shards, in one process and in two: killed and resumed in the middle of an epoch, or on the folder."""

import json

import pytest
import torch

from chromahint.data import pack_shards as pack_module
from chromahint.data.sources.folder import Folder

pytestmark = pytest.mark.slow

FAILURE = """
import os
import signal
from pathlib import Path

from lightning.pytorch import Callback


class Kill(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == 6 and trainer.is_global_zero and not Path("killed").exists():
            batches = trainer.num_training_batches
            Path("killed").write_text(f"epoch {trainer.current_epoch}, batch {batch_idx} of {batches}")
            os.kill(os.getpid(), signal.SIGKILL)
"""
KILL = "+callbacks.kill._target_=failure.Kill"
CASES = [
    (1, 0),
    (2, 2),
    pytest.param(1, 2, marks=pytest.mark.nightly),
    pytest.param(2, 0, marks=pytest.mark.nightly),
]


@pytest.fixture(scope="module")
def sets(tmp_path_factory, make_photos):
    """A folder of 18 training photos and a few others, and shards of a few each."""
    root = tmp_path_factory.mktemp("sets")
    photos = root / "photos"
    for split, count in {"train": 18, "val": 3, "test": 2}.items():
        make_photos(photos / split, count, seed=count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack_module, "SHARD_BYTES", 40_000)
        pack_module.pack_shards(Folder(str(photos)), root / "stream")
    assert len(list((root / "stream").glob("chunk-*.bin"))) > 3
    return {"folder": photos, "stream": root / "stream"}


@pytest.fixture(scope="module")
def train(tmp_path_factory, process, tiny, sets):
    """Train 10 steps of 4 photos, 4 to an epoch; resume if the run was killed. Returns its folder."""

    def run(data, devices, workers, *words):
        folder = tmp_path_factory.mktemp("run")
        (folder / "failure.py").write_text(FAILURE)
        words = [
            *tiny, f"data={data}", f"data.root={sets[data]}", "data.shorter_side=64", "data.max_images=null",
            "data.batch_size=4", f"data.num_workers={workers}", f"trainer.devices={devices}", "trainer.max_steps=10",
            "trainer.val_check_interval=5", "callbacks.checkpoint.every_n_steps=5", "optimizer.lr=0.01",
            "data.train_size=32", "protocol.size=32",
            *words,
        ]  # fmt: skip
        done = process(folder, "train", *words)
        [run] = folder.glob("runs/*/*")
        if KILL in words:
            assert done.status != 0
            assert (folder / "killed").read_text() == "epoch 1, batch 2 of 4"
            done = process(folder, "resume", run)
            assert "resuming from step 5" in done.err, done.err
        assert done.status == 0, done.err
        assert json.loads((run / "run.json").read_text())["processes"] == devices
        return run

    return run


@pytest.fixture(scope="module")
def undisturbed(train):
    """Runs on shards that were not killed, by processes; workers do not change them."""
    return {devices: train("stream", devices, 0) for devices in (1, 2)}


def weights(run):
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


def assert_same_run(one, other):
    assert (one / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("devices", "workers"), CASES)
def test_a_killed_run_ends_with_the_same_bits(train, undisturbed, devices, workers):
    assert_same_run(train("stream", devices, workers, KILL), undisturbed[devices])


@pytest.mark.parametrize("devices", [1, 2])
def test_shards_train_like_the_folder(train, undisturbed, devices):
    assert_same_run(train("folder", devices, 0), undisturbed[devices])
