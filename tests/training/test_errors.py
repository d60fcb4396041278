"""Runs that end badly say what happened and what to type."""

import errno
import json
import os
from pathlib import Path

import pytest
import torch

from chromahint.data.sources.folder import FilePhotos
from chromahint.training.lightning_module import ColorizationModule


def about(run):
    return json.loads((run / "run.json").read_text())


@pytest.mark.parametrize("clip", ["1.0", "null"])
def test_a_loss_that_is_no_number_stops_at_that_step(command, tiny, clip):
    ended = command(
        "train", *tiny, "model=unet", "optimizer=sgd", "optimizer.lr=1e38", "trainer.max_steps=9",
        f"trainer.gradient_clip_val={clip}",
    )  # fmt: skip
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert "the loss of step 2 is" in ended.err
    assert "what first holds such a number is " in ended.err
    assert "optimizer.lr" in ended.err
    assert about(ended.run)["state"] == "failed"
    batch = torch.load(ended.run / "batch-of-step-2-process-0.pt", weights_only=True)
    assert batch["rgb"].dtype == torch.uint8
    assert batch["rgb"].shape == (2, 3, 64, 64)
    assert len(batch["id"]) == 2


def test_the_layer_that_fails_is_named(command, tiny, monkeypatch):
    from chromahint.models.unet import Up

    real = Up.forward

    def broken(self, x, skip):
        return real(self, x, skip) / 0

    monkeypatch.setattr(Up, "forward", broken)
    ended = command("train", *tiny, "model=unet")
    assert ended.status == 2
    assert "the loss of step 1 is" in ended.err
    assert "what the layer network.up1 gives" in ended.err


def failing(monkeypatch, error):
    def step(task, batch, batch_idx):
        raise error

    monkeypatch.setattr(ColorizationModule, "training_step", step)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: can't allocate memory: you"),
     MemoryError()],
)  # fmt: skip
def test_out_of_memory_names_the_batch_size_and_what_to_type(command, tiny, monkeypatch, error):
    failing(monkeypatch, error)
    ended = command("train", *tiny, "data.batch_size=6", "trainer.accumulate_grad_batches=2")
    assert ended.status == 1
    assert "data.batch_size=6" in ended.err
    assert "data.batch_size=3 trainer.accumulate_grad_batches=4" in ended.err
    assert "out of memory" in about(ended.run)["error"]


def test_a_worker_that_dies_is_a_sentence(command, tiny, monkeypatch):
    monkeypatch.setattr(FilePhotos, "read", lambda self, index: os._exit(1))
    ended = command("train", *tiny, "data.num_workers=2")
    assert ended.status == 1
    assert "a process that loads pictures was ended" in ended.err
    assert "data.num_workers=1" in ended.err
    assert "Traceback" not in ended.err


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half(command, tiny, monkeypatch):
    written = []
    real = os.fsync

    def fsync(handle):
        if ".ckpt" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            written.append(handle)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    ended = command("train", *tiny)
    assert written
    assert ended.status == 1
    assert "no room left in" in ended.err
    assert f"resume={ended.run.relative_to(ended.folder)}" in ended.err
    assert list((ended.run / "checkpoints").iterdir()) == []


def test_a_photo_that_vanishes_midway_is_left_out(command, tiny, make_photos, tmp_path, monkeypatch):
    photos = make_photos(tmp_path / "photos", 12)
    real = ColorizationModule.training_step

    def step(task, batch, batch_idx):
        for number in range(4):
            (photos / f"photo-{number}.png").unlink(missing_ok=True)
        return real(task, batch, batch_idx)

    monkeypatch.setattr(ColorizationModule, "training_step", step)
    ended = command("train", *tiny, f"data.root={photos}", "data.max_images=null", "trainer.max_steps=12")
    assert ended.status == 0, ended.err
    assert "could not be read and were left out" in ended.out
    vanished = {line.partition(": ")[0] for line in (ended.run / "broken.txt").read_text().splitlines()}
    assert vanished
    assert vanished <= {str(photos / f"photo-{number}.png") for number in range(4)}
