"""Short trials that suggest a learning rate or a batch size."""

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.launch import tune
from chromahint.training.lightning_module import ColorizationModule


def test_the_fastest_fall_of_a_known_curve():
    rates = np.geomspace(1e-6, 1, 100)
    # falls around 1e-3, and rises again from 0.1 on
    losses = 1 - 1 / (1 + np.exp(-4 * (np.log10(rates) + 3))) + 50 * np.maximum(0, np.log10(rates) + 1)
    found = tune.steepest_descent_lr(rates, losses.tolist())
    assert 1e-3 <= found <= 1e-2, "the mean over ten steps lags behind by less than a decade"


def test_one_batch_that_falls_by_chance_is_no_fall():
    rates = np.geomspace(1e-6, 1, 90)
    losses = 1 - 0.4 / (1 + np.exp(-4 * (np.log10(rates) + 3)))
    losses[-1] = 0.1
    assert tune.steepest_descent_lr(rates, losses.tolist()) <= 1e-2


@pytest.mark.parametrize("losses", [[1.0, 2.0, 3.0, 9.0], [float("nan")], np.linspace(1, 9, 50).tolist()])
def test_a_loss_that_never_falls_suggests_nothing(losses):
    with pytest.raises(ValueError, match="nothing to suggest"):
        tune.steepest_descent_lr(np.geomspace(1e-6, 1, 100), losses)


def test_the_smoothed_curve_is_that_of_a_constant():
    np.testing.assert_allclose(tune.smooth([3.0] * 20), 3.0)


def test_a_learning_rate_is_suggested_and_drawn(command, tiny):
    made = command("train", "tune=lr", *tiny, "model=unet")
    assert made.status == 0, made.err
    suggested = float(made.out.partition("optimizer.lr=")[2].split()[0])
    assert tune.LOWEST < suggested < tune.HIGHEST
    [picture] = (made.folder / "runs/tune").iterdir()
    with Image.open(picture) as opened:
        assert min(opened.size) > 300
    assert [path.name for path in (made.folder / "runs").iterdir()] == ["tune"], "no run was made"


def test_the_suggested_rate_learns_better_than_one_far_below(command, tiny, read_metrics):
    # pictures of noise teach the default network nothing: where there is no color to spread, it starts near its best
    tiny = [*tiny, "model=unet"]
    suggested = command("train", "tune=lr", *tiny).out.partition("optimizer.lr=")[2].split()[0]
    losses = {}
    for rate in (suggested, "0.0000001"):
        made = command("train", *tiny, f"optimizer.lr={rate}", "trainer.max_steps=30", "lr_schedule=constant")
        losses[rate] = np.mean(read_metrics(made.run)["train/loss"][-5:])
    assert losses[suggested] < losses["0.0000001"]


def test_a_batch_size_that_fits_is_suggested(command, tiny, monkeypatch):
    real = ColorizationModule.compute_loss

    def compute(task, batch, number):
        if len(batch["id"]) > 4:
            raise torch.OutOfMemoryError("full")
        return real(task, batch, number)

    monkeypatch.setattr(ColorizationModule, "compute_loss", compute)
    made = command("train", "tune=batch", *tiny)
    assert made.status == 0, made.err
    assert int(made.out.partition("data.batch_size=")[2].split()[0]) <= 4
    [row] = [line for line in made.out.splitlines() if "does not fit" in line]
    assert row.split()[0] == "8"
    assert not (made.folder / "runs").exists()


@pytest.mark.parametrize(("speeds", "over"), [((9, 10), False), ((10, 10.2, 10.4), True), ((5, 9, 9.1, 10), False)])
def test_two_doublings_without_gain_are_enough(speeds, over):
    assert tune.has_converged([tune.BatchSizeTrial(2**n, speed, 1) for n, speed in enumerate(speeds)]) is over


def test_the_smallest_of_those_nearly_as_fast_as_the_fastest():
    sizes = [
        tune.BatchSizeTrial(pictures, speed, 1) for pictures, speed in ((1, 10), (2, 19), (4, 39), (8, 40), (16, 38))
    ]
    assert tune.suggest_batch_size(sizes).pictures == 4


def test_memory_for_twice_is_judged_by_the_last_doubling(monkeypatch):
    monkeypatch.setattr(tune.os, "sysconf", lambda name: {"SC_AVPHYS_PAGES": 1000, "SC_PAGE_SIZE": 1}[name])
    assert tune.fits_twice([tune.BatchSizeTrial(1, 1, 100)])
    assert tune.fits_twice([tune.BatchSizeTrial(1, 1, 100), tune.BatchSizeTrial(2, 1, 400)])
    assert not tune.fits_twice([tune.BatchSizeTrial(1, 1, 100), tune.BatchSizeTrial(2, 1, 600)])


@pytest.mark.parametrize("words", [["tune=speed"], ["tune=lr", "model=unett"], ["tune=lr", "data.batch_size=0"]])
def test_refused_with_a_sentence(command, words):
    ended = command("train", *words)
    assert ended.status == 2
    assert words[-1].partition("=")[2] in ended.err
    assert "Traceback" not in ended.err
