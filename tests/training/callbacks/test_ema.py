"""Exponential moving average, compared with values computed by hand."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader

from chromahint.training.callbacks.ema import EMA


class Counter(LightningModule):
    """Its one weight is 1 after the first step, 2 after the second, and so on; its buffer is 10 times that."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    def training_step(self, batch, batch_idx):
        self.seen += 10
        return -self.weight

    def validation_step(self, batch, batch_idx):
        self.validated = float(self.weight)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


def count_to(steps, decay, **options):
    model = Counter()
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", callbacks=[EMA(decay)], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, **options,
    )  # fmt: skip
    trainer.fit(model, DataLoader(range(steps * options.get("accumulate_grad_batches", 1))), DataLoader(range(1)))
    return model


# the first step replaces the average; after that its decay is 2/11, 3/12, 4/13
EXPECTED = {1: 1.0, 2: 1 * 2 / 11 + 2 * 9 / 11, 3: 1.8181818 * 3 / 12 + 3 * 9 / 12, 4: 2.7045455 * 4 / 13 + 4 * 9 / 13}


@pytest.mark.parametrize("steps", EXPECTED)
def test_decay_warms_up(steps):
    model = count_to(steps, decay=0.998)
    assert float(model.weight) == pytest.approx(EXPECTED[steps], rel=1e-6)


def test_buffers_are_averaged():
    assert float(count_to(3, decay=0.998).seen) == pytest.approx(10 * EXPECTED[3], rel=1e-6)


def test_decay_is_an_upper_bound():
    # decay 0.1: 1, then 1.9, then 2.89
    assert float(count_to(3, decay=0.1).weight) == pytest.approx(2.89, rel=1e-6)
    assert float(count_to(3, decay=0.0).weight) == 3


def test_validation_uses_the_average():
    model = count_to(3, decay=0.998)
    assert model.validated == pytest.approx(EXPECTED[3], rel=1e-6)


def test_average_follows_optimizer_steps_with_accumulation():
    model = count_to(3, decay=0.998, accumulate_grad_batches=2)
    assert float(model.weight) == pytest.approx(EXPECTED[3], rel=1e-6)


@pytest.mark.parametrize("decay", [-0.1, 1, 1.5])
def test_invalid_decay_is_reported(decay):
    with pytest.raises(ValueError, match=r"callbacks\.ema\.decay="):
        EMA(decay)
