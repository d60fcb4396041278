"""Learning rate schedules, compared with those of PyTorch."""

import math

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR, OneCycleLR, ReduceLROnPlateau

from chromahint.training.lr_schedules import (
    Constant,
    Cosine,
    OneCycle,
    PiecewiseConstant,
    ReduceOnPlateau,
)
from chromahint.training.training_progress import TrainingProgress

N = 50


def sgd(lr=1.0):
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def torch_rates(scheduler, count=N):
    """Learning rates of a PyTorch scheduler over `count` steps, including the first."""
    rates = []
    for _ in range(count):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def at(fraction):
    return TrainingProgress(step=0, epoch=0.0, fraction=fraction)


def test_constant_is_always_one():
    assert {Constant().lr_factor(TrainingProgress(step, step / 10, step / N)) for step in range(N)} == {1.0}


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_piecewise_constant_matches_multisteplr(unit):
    schedule = PiecewiseConstant([10, 20, 35], [1, 0.1, 0.01, 0.001], unit)
    reference = torch_rates(MultiStepLR(sgd(), [10, 20, 35], gamma=0.1))
    # the other unit runs far ahead
    progress = [
        TrainingProgress(i, 1e3 + i, 0) if unit == "step" else TrainingProgress(1000 + i, float(i), 0) for i in range(N)
    ]
    assert [schedule.lr_factor(each) for each in progress] == pytest.approx(reference)


def test_piecewise_constant_changes_at_the_milestone():
    schedule = PiecewiseConstant([186, 286, 324], [1, 0.1, 0.01, 0.0001], "epoch")
    epochs = [0, 185.99, 186, 285, 286, 323, 324, 337, 10_000]
    assert [schedule.lr_factor(TrainingProgress(0, e, 0)) for e in epochs] == [
        1,
        1,
        0.1,
        0.1,
        0.01,
        0.01,
        1e-4,
        1e-4,
        1e-4,
    ]


def test_piecewise_constant_without_milestones():
    assert PiecewiseConstant([], [0.5]).lr_factor(TrainingProgress(9, 9, 0.9)) == 0.5


def test_cosine_matches_cosineannealinglr():
    reference = torch_rates(CosineAnnealingLR(sgd(), T_max=N, eta_min=0.02), N + 1)
    schedule = Cosine(warmup_fraction=0, min_factor=0.02)
    assert [schedule.lr_factor(at(i / N)) for i in range(N + 1)] == pytest.approx(reference)


def test_cosine_warmup_is_linear():
    schedule = Cosine(warmup_fraction=0.2, start_factor=0.1, min_factor=0.0)
    assert [schedule.lr_factor(at(f)) for f in (0, 0.1, 0.2, 0.6, 1)] == pytest.approx(
        [0.1, 0.55, 1, 0.5, 0], abs=1e-12
    )


def test_one_cycle_matches_onecyclelr():
    reference = torch_rates(OneCycleLR(sgd(), max_lr=1.0, total_steps=N, final_div_factor=400), N)
    # PyTorch reaches the peak at step 0.3 N - 1 of N - 1, and ends at start / 400
    schedule = OneCycle(warmup_fraction=(0.3 * N - 1) / (N - 1), start_factor=0.04, min_factor=1e-4)
    assert [schedule.lr_factor(at(i / (N - 1))) for i in range(N)] == pytest.approx(reference)


@pytest.mark.parametrize("schedule", [Cosine(), OneCycle(), Cosine(warmup_fraction=0), OneCycle(warmup_fraction=0)])
def test_factor_stays_at_the_minimum_after_the_end(schedule):
    assert schedule.lr_factor(at(1.3)) == pytest.approx(schedule.min_factor)


SCORES = [1, 2, 1.5, 1.9, 1.8, 3, 3, math.nan, 2, 2.5, 2.9, 1, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("patience", [0, 2])
def test_reduce_on_plateau_matches_reducelronplateau(mode, patience):
    scores = SCORES if mode == "max" else [-score for score in SCORES]
    optimizer = sgd()
    reference = ReduceLROnPlateau(optimizer, mode, 0.5, patience, threshold=0, min_lr=0.05)
    schedule = ReduceOnPlateau(patience=patience, factor=0.5, min_factor=0.05, mode=mode)
    factors = []
    for score in scores:
        schedule.on_validation_score(score)
        reference.step(score)
        factors.append(schedule.lr_factor(at(0.5)))
        assert factors[-1] == optimizer.param_groups[0]["lr"]
    assert factors[0] == 1
    assert factors[-1] < 0.3


def test_reduce_on_plateau_resumes_at_any_step():
    uninterrupted = ReduceOnPlateau(patience=1, factor=0.5)
    resumed = ReduceOnPlateau(patience=1, factor=0.5)
    for score in SCORES:
        successor = ReduceOnPlateau(patience=1, factor=0.5)
        successor.load_state_dict(resumed.state_dict())
        resumed = successor
        for schedule in (uninterrupted, resumed):
            schedule.on_validation_score(score)
        assert resumed.lr_factor(at(0)) == uninterrupted.lr_factor(at(0))
    assert uninterrupted.lr_factor(at(0)) < 0.2


@pytest.mark.parametrize("schedule", [Constant(), PiecewiseConstant([1], [1, 0.1]), Cosine(), OneCycle()])
def test_other_schedules_ignore_scores_and_have_no_state(schedule):
    progress = TrainingProgress(1, 1.0, 0.5)
    before = schedule.lr_factor(progress)
    schedule.on_validation_score(-1e9)
    schedule.load_state_dict(schedule.state_dict())
    assert schedule.lr_factor(progress) == before
    assert schedule.state_dict() == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PiecewiseConstant([10], [1.0]), r"lr_schedule\.factors=\[1\.0\]: must have one value more than"),
        (lambda: PiecewiseConstant([20, 10], [1, 0.1, 0.01]), "must be strictly ascending"),
        (lambda: PiecewiseConstant([10, 10], [1, 0.1, 0.01]), "must be strictly ascending"),
        (lambda: PiecewiseConstant([0], [1, 0.1]), r"lr_schedule\.milestones=\[0\]: .* >= 1"),
        (lambda: PiecewiseConstant([10], [1, -0.1]), r"lr_schedule\.factors=\[1, -0\.1\]: .* >= 0"),
        (
            lambda: PiecewiseConstant([10], [1, 0.1], "epochs"),
            r"unit=epochs: must be epoch or step\. Try lr_schedule\.unit=epoch",
        ),
        (lambda: Cosine(warmup_fraction=1.0), r"lr_schedule\.warmup_fraction=0\.03"),
        (lambda: Cosine(min_factor=2), r"lr_schedule\.min_factor=2: .* Try lr_schedule\.min_factor=0\.0"),
        (
            lambda: OneCycle(start_factor=-0.1),
            r"start_factor=-0\.1: .* Try lr_schedule\.start_factor=0\.04",
        ),
        (lambda: ReduceOnPlateau(-1, 0.5), r"lr_schedule\.patience=-1: must be an integer >= 0"),
        (lambda: ReduceOnPlateau(1, 1.0), r"lr_schedule\.factor=1\.0: must be a number > 0 and < 1"),
        (lambda: ReduceOnPlateau(1, 0.5, mode="most"), r"lr_schedule\.mode=max"),
    ],
)
def test_invalid_options_are_reported(make, message):
    with pytest.raises(ValueError, match=message):
        make()
