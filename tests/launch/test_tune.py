"""Short trials that suggest a learning rate or a batch size."""

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.launch import tune
from chromahint.training.lightning_module import ColorizationModule


def test_steepest_descent_of_a_known_curve():
    rates = np.geomspace(1e-6, 1, 100)
    # falls around 1e-3, and rises again from 0.1 on
    losses = 1 - 1 / (1 + np.exp(-4 * (np.log10(rates) + 3))) + 50 * np.maximum(0, np.log10(rates) + 1)
    found = tune.steepest_descent_lr(rates, losses.tolist())
    assert 1e-3 <= found <= 1e-2, "the average over ten steps lags by less than a decade"


def test_single_low_loss_is_ignored():
    rates = np.geomspace(1e-6, 1, 90)
    losses = 1 - 0.4 / (1 + np.exp(-4 * (np.log10(rates) + 3)))
    losses[-1] = 0.1
    assert tune.steepest_descent_lr(rates, losses.tolist()) <= 1e-2


@pytest.mark.parametrize("losses", [[1.0, 2.0, 3.0, 9.0], [float("nan")], np.linspace(1, 9, 50).tolist()])
def test_loss_that_never_falls(losses):
    with pytest.raises(ValueError, match="nothing to suggest"):
        tune.steepest_descent_lr(np.geomspace(1e-6, 1, 100), losses)


def test_smoothing_keeps_a_constant():
    np.testing.assert_allclose(tune.smooth([3.0] * 20), 3.0)


def test_suggested_learning_rate_and_its_figure(command, tiny):
    result = command("tune", "lr", *tiny, "model=unet")
    assert result.status == 0, result.err
    suggested = float(result.out.partition("optimizer.lr=")[2].split()[0])
    assert tune.MIN_LR < suggested < tune.MAX_LR
    [figure] = (result.folder / "runs/tune").iterdir()
    with Image.open(figure) as opened:
        assert min(opened.size) > 300
    assert [path.name for path in (result.folder / "runs").iterdir()] == ["tune"], "no run was created"


@pytest.mark.slow
def test_suggested_rate_learns_faster_than_a_tiny_one(command, tiny, read_metrics):
    # not the default network, which can't learn much from these images: it starts near its best
    tiny = [*tiny, "model=unet"]
    suggested = command("tune", "lr", *tiny).out.partition("optimizer.lr=")[2].split()[0]
    losses = {}
    for rate in (suggested, "0.0000001"):
        result = command("train", *tiny, f"optimizer.lr={rate}", "trainer.max_steps=30", "lr_schedule=constant")
        losses[rate] = np.mean(read_metrics(result.run)["train/loss"][-5:])
    assert losses[suggested] < losses["0.0000001"]


def test_suggested_batch_size_fits_into_memory(command, tiny, monkeypatch):
    real = ColorizationModule.compute_loss

    def compute(module, batch, number):
        if len(batch["id"]) > 4:
            raise torch.OutOfMemoryError("full")
        return real(module, batch, number)

    monkeypatch.setattr(ColorizationModule, "compute_loss", compute)
    result = command("tune", "batch-size", *tiny)
    assert result.status == 0, result.err
    assert int(result.out.partition("data.batch_size=")[2].split()[0]) <= 4
    [row] = [line for line in result.out.splitlines() if "does not fit" in line]
    assert row.split()[0] == "8"
    assert not (result.folder / "runs").exists()


@pytest.mark.parametrize(
    ("speeds", "converged"), [((9, 10), False), ((10, 10.2, 10.4), True), ((5, 9, 9.1, 10), False)]
)
def test_search_ends_after_two_doublings_without_speedup(speeds, converged):
    assert tune.has_converged([tune.BatchSizeTrial(2**n, speed, 1) for n, speed in enumerate(speeds)]) is converged


def test_smallest_batch_size_that_is_nearly_as_fast_as_the_fastest():
    sizes = [tune.BatchSizeTrial(size, speed, 1) for size, speed in ((1, 10), (2, 19), (4, 39), (8, 40), (16, 38))]
    assert tune.suggest_batch_size(sizes).batch_size == 4


def test_memory_is_predicted_from_the_last_doubling(monkeypatch):
    monkeypatch.setattr(tune.os, "sysconf", lambda name: {"SC_AVPHYS_PAGES": 1000, "SC_PAGE_SIZE": 1}[name])
    assert tune.doubling_fits([tune.BatchSizeTrial(1, 1, 100)])
    assert tune.doubling_fits([tune.BatchSizeTrial(1, 1, 100), tune.BatchSizeTrial(2, 1, 400)])
    assert not tune.doubling_fits([tune.BatchSizeTrial(1, 1, 100), tune.BatchSizeTrial(2, 1, 600)])


@pytest.mark.parametrize("words", [["speed"], ["lr", "model=unett"], ["lr", "data.batch_size=0"], []])
def test_mistakes_are_reported(command, words):
    result = command("tune", *words)
    assert result.status == 2
    assert (words or ["lr|batch-size"])[-1].rpartition("=")[2] in result.err
    assert "Traceback" not in result.err
