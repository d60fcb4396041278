"""Two processes on the CPU train what one does."""

import json

import pytest
import torch

pytestmark = pytest.mark.slow

PARTS = """
import os
from pathlib import Path

import torch
from lightning.pytorch import Callback
from torch import nn

from chromahint.hints.hints import hints_from_mask
from chromahint.models.layers.lab_scaling import Float32Conv2d


def grid_hints(ab, generator):
    mask = torch.zeros_like(ab[:, :1])
    mask[..., 4::8, 4::8] = 1
    return hints_from_mask(ab, mask)


class Network(nn.Module):
    def __init__(self, width: int = 4, unused: bool = False, batch_norm: bool = False) -> None:
        super().__init__()
        self.head = nn.Conv2d(4, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width) if batch_norm else nn.GroupNorm(1, width)
        self.tail = Float32Conv2d(width, 2, 1)
        if unused:
            self.never_called = nn.Conv2d(1, 1, 1)

    def forward(self, lightness, hints):
        if not self.training:
            with Path("predicted-" + os.environ.get("RANK", "0")).open("a") as file:
                file.write("." * len(lightness))
        x = torch.cat([lightness / 100, hints.ab / 110, hints.mask], dim=1)
        return 110 * self.tail(torch.relu(self.norm(self.head(x))))


class Statistics(Callback):
    def on_validation_start(self, trainer, pl_module):
        torch.save(pl_module.network.norm.running_mean.clone(), f"statistics-{trainer.global_rank}.pt")

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        torch.save(batch["rgb"], f"batch-{trainer.global_rank}-{batch_idx}.pt")
"""


@pytest.fixture(scope="module")
def train(tmp_path_factory, process, make_photos):
    def run(*words):
        folder = tmp_path_factory.mktemp("train")
        make_photos(folder / "photos", 24, seed=3)
        (folder / "parts.py").write_text(PARTS)
        return process(
            folder, "train", "model=unet", "model._target_=parts.Network", "model.width=4",
            "~model.zero_init_head", "hints._target_=parts.grid_hints", "~hints.low",
            "~hints.high", "~hints.no_hint_probability", "+hints._partial_=true", "data=folder", "data.root=photos",
            "data.shorter_side=64", "data.train_size=64", "data.eval_size=64", "protocol.size=64", "data.batch_size=4",
            "protocol.hint_counts=[0,1,10]", "augment=none", "logger=none", "trainer.precision=32-true",
            "trainer.max_minutes=null", "callbacks.image_logger=null", *words,
        )  # fmt: skip

    return run


def test_figures_are_those_of_one_process(train, read_metrics):
    words = ["trainer.max_steps=50", "trainer.val_check_interval=25"]
    one, two = (train(f"trainer={name}", *words) for name in ("cpu", "ddp_cpu"))
    assert (one.status, two.status) == (0, 0), one.err + two.err
    assert json.loads((two.run / "run.json").read_text())["processes"] == 2
    alone, together = read_metrics(one.run), read_metrics(two.run)
    assert alone["val/psnr"][-1] > alone["val/psnr"][0]
    for name in ("val/psnr", "val/psnr@0", "val/psnr@10"):
        assert together[name] == pytest.approx(alone[name], abs=1e-3), name
    tests = [json.loads((run / "evaluation/random_pixels/metrics.json").read_text()) for run in (one.run, two.run)]
    psnr = [[scores["psnr"] for scores in each["by_hints"].values()] for each in tests]
    assert psnr[1] == pytest.approx(psnr[0], abs=1e-3)
    shares = [(two.folder / f"predicted-{rank}").stat().st_size for rank in (0, 1)]
    assert max(shares) < 0.7 * (one.folder / "predicted-0").stat().st_size, "both processes validate and test"
    tables = [(run / "evaluation/random_pixels/images.csv").read_text().splitlines() for run in (one.run, two.run)]
    assert [line.split(",")[:3] for line in tables[1]] == [line.split(",")[:3] for line in tables[0]]
    assert together["train/loss"] == pytest.approx(alone["train/loss"], rel=1e-3), "the mean over both processes"


def test_unused_parameters_are_named_with_the_strategy_that_allows_them(train):
    words = ["trainer=ddp_cpu", "trainer.max_steps=3", "+model.unused=true"]
    refused = train(*words)
    assert refused.status == 1
    assert "Error: trainer.strategy=ddp: never_called.weight, never_called.bias got no gradient" in refused.err
    assert "Traceback" not in refused.err
    allowed = train(*words, "trainer.strategy=ddp_find_unused_parameters_true")
    assert allowed.status == 0, allowed.err


def test_batch_statistics_are_equal_in_all_processes(train):
    done = train("trainer=ddp_cpu", "trainer.max_steps=2", "+model.batch_norm=true", "callbacks.ema=null",
                 "trainer.val_check_interval=2", "+callbacks.statistics._target_=parts.Statistics")  # fmt: skip
    assert done.status == 0, done.err
    first, second = (torch.load(done.folder / f"statistics-{rank}.pt") for rank in (0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(*(torch.load(done.folder / f"batch-{rank}-0.pt") for rank in (0, 1)))
    saved = torch.load(done.run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    torch.testing.assert_close(saved["network.norm.running_mean"], first)
