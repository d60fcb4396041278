"""Failing runs explain what happened and what to type."""

import json
import subprocess
import sys

import pytest
import torch

from chromahint.training.lightning_module import ColorizationModule

pytestmark = pytest.mark.usefixtures("no_figures")


def metadata(run):
    return json.loads((run / "run.json").read_text())


@pytest.mark.parametrize("clip", ["1.0", "null"])
def test_nan_loss_stops_training(command, tiny, clip):
    ended = command(
        "train", *tiny, "optimizer=sgd", "optimizer.lr=1e38", "trainer.max_steps=9",
        f"trainer.gradient_clip_val={clip}",
    )  # fmt: skip
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert "step 2: the loss is" in ended.err
    assert "the first non-finite tensor is " in ended.err
    assert "optimizer.lr" in ended.err
    assert metadata(ended.run)["state"] == "failed"
    batch = torch.load(ended.run / "batch-of-step-2-process-0.pt", weights_only=True)
    assert batch["rgb"].dtype == torch.uint8
    assert batch["rgb"].shape == (2, 3, 64, 64)
    assert len(batch["id"]) == 2


def test_nan_loss_names_the_layer(command, tiny, monkeypatch):
    from chromahint.models.unet import Up

    original = Up.forward

    def broken(self, x, skip):
        return original(self, x, skip) / 0

    monkeypatch.setattr(Up, "forward", broken)
    ended = command("train", *tiny)
    assert ended.status == 2
    assert "step 1: the loss is" in ended.err
    assert "the output of network.up1" in ended.err


def failing(monkeypatch, error):
    def step(module, batch, batch_idx):
        raise error

    monkeypatch.setattr(ColorizationModule, "training_step", step)


@pytest.mark.parametrize("reason", ["closed", "reset"])
def test_a_process_that_lost_another_says_so(command, tiny, monkeypatch, reason):
    failing(monkeypatch, RuntimeError(f"[gloo/transport/tcp/pair.cc:553] Connection {reason} by peer [127.0.0.1]:1"))
    ended = command("train", *tiny)
    assert ended.status == 1
    assert "another of its processes has ended. Continue with `chromahint resume " in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: can't allocate memory: you"),
     MemoryError()],
)  # fmt: skip
def test_out_of_memory_suggests_a_smaller_batch(command, tiny, monkeypatch, error):
    failing(monkeypatch, error)
    ended = command("train", *tiny, "data.batch_size=6", "trainer.accumulate_grad_batches=2")
    assert ended.status == 1
    assert "data.batch_size=6" in ended.err
    assert "data.batch_size=3 trainer.accumulate_grad_batches=4" in ended.err
    assert "out of memory" in metadata(ended.run)["error"]


@pytest.mark.slow
def test_killed_worker_is_explained(tiny, tmp_path):
    """In a process of its own, which has to end although the other worker is alive."""
    code = (
        "import os, sys\n"
        "from chromahint.cli.main import main\n"
        "from chromahint.data.sources.folder import FilePhotos\n"
        "FilePhotos.read = lambda self, index: os._exit(1)\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "train", *tiny, "data.num_workers=2"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "a data loading worker was killed" in ended.stderr
    assert "data.num_workers=1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_image_deleted_during_training_is_skipped(command, tiny, make_photos, tmp_path, monkeypatch):
    photos = make_photos(tmp_path / "photos", 12)
    original = ColorizationModule.training_step

    def step(module, batch, batch_idx):
        for number in range(4):
            (photos / f"photo-{number}.png").unlink(missing_ok=True)
        return original(module, batch, batch_idx)

    monkeypatch.setattr(ColorizationModule, "training_step", step)
    ended = command("train", *tiny, f"data.root={photos}", "data.max_images=null", "trainer.max_steps=12")
    assert ended.status == 0, ended.err
    assert "could not be read and were skipped" in ended.out
    listed = {line.partition(": ")[0] for line in (ended.run / "broken.txt").read_text().splitlines()}
    assert listed
    assert listed <= {str(photos / f"photo-{number}.png") for number in range(4)}
