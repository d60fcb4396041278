"""Learning rate, speed, gradient norm, and waiting for data during training."""

from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from chromahint.training.callbacks import training_stats
from chromahint.training.callbacks.training_stats import TrainingStats
from chromahint.training.loggers.csv import MetricsCSVLogger


class Clock:
    """Time that passes only when something is slow."""

    now = 0.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(Clock, "now", 0.0)
    monkeypatch.setattr(training_stats, "time", SimpleNamespace(perf_counter=lambda: Clock.now))


class Slow(LightningModule):
    """A loss with a gradient that is known. Each step takes `seconds`."""

    def __init__(self, seconds=1.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2))
        self.seconds = seconds

    def training_step(self, batch, batch_idx):
        Clock.now += self.seconds
        return (self.weight * torch.tensor([3.0, 4.0])).sum() * batch["rgb"].float().mean()

    def configure_optimizers(self):
        groups = [{"params": [self.weight], "lr": 0.25}]
        return torch.optim.SGD(groups)


class Photos(torch.utils.data.Dataset):
    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def __len__(self):
        return 24

    def __getitem__(self, index):
        Clock.now += self.seconds
        return {"rgb": torch.ones(3, 2, 2)}


def logged(folder, module, seconds_of_loading=0.0, **options):
    trainer = Trainer(
        max_epochs=1, log_every_n_steps=2, accelerator="cpu", callbacks=[TrainingStats()],
        logger=MetricsCSVLogger(folder), enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, **options,
    )  # fmt: skip
    trainer.fit(module, DataLoader(Photos(seconds_of_loading), batch_size=4))
    rows = {}
    for step, _, name, value in MetricsCSVLogger(folder).read_rows():
        rows.setdefault(name, {})[step] = value
    return rows


def test_gradient_norm_is_that_before_clipping_and_the_rate_that_of_the_optimizer(tmp_path):
    rows = logged(tmp_path, Slow(), gradient_clip_val=0.5)
    assert set(rows["train/grad_norm"].values()) == {5.0}
    assert set(rows["train/lr"].values()) == {0.25}
    assert len(rows["train/grad_norm"]) == 3


def test_accumulated_batches_count_as_images_of_one_step(tmp_path):
    rows = logged(tmp_path, Slow(), accumulate_grad_batches=2)
    assert len(rows["train/images_per_second"]) == len(rows["train/lr"]) == 1


def test_accumulated_images_and_seconds_give_the_rate(tmp_path):
    rows = logged(tmp_path, Slow(0.25), 0.01, accumulate_grad_batches=2)
    # four batches of four images
    assert list(rows["train/images_per_second"].values()) == pytest.approx([16 / (4 * 0.25 + 4 * 0.04)])


def test_waiting_is_the_share_of_loading(tmp_path):
    rows = logged(tmp_path, Slow(0.16), 0.01)
    assert list(rows["train/data_wait"].values()) == pytest.approx([0.2] * 3)
    assert list(rows["train/images_per_second"].values()) == pytest.approx([20] * 3)


def test_parameter_groups_that_differ_have_a_rate_each(tmp_path):
    class Two(Slow):
        def configure_optimizers(self):
            other = torch.nn.Parameter(torch.zeros(1))
            return torch.optim.SGD([{"params": [self.weight], "lr": 0.5}, {"params": [other], "lr": 0.125}])

    rows = logged(tmp_path, Two())
    assert set(rows["train/lr_0"].values()) == {0.5}
    assert set(rows["train/lr_1"].values()) == {0.125}
    assert "train/lr" not in rows
