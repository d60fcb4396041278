"""Schedules against torch's own."""

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
    TrainingProgress,
)

N = 50


def sgd(lr=1.0):
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def torch_rates(scheduler, count=N):
    """Learning rates of torch's scheduler over `count` steps, the first included."""
    rates = []
    for _ in range(count):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def at(fraction):
    return TrainingProgress(step=0, epoch=0.0, fraction=fraction)


def test_constant_is_one_throughout():
    assert {Constant().lr_factor(TrainingProgress(step, step / 10, step / N)) for step in range(N)} == {1.0}


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_steps_equal_multisteplr(unit):
    schedule = PiecewiseConstant([10, 20, 35], [1, 0.1, 0.01, 0.001], unit)
    reference = torch_rates(MultiStepLR(sgd(), [10, 20, 35], gamma=0.1))
    # the unit that is not meant runs far ahead
    courses = [
        TrainingProgress(i, 1e3 + i, 0) if unit == "step" else TrainingProgress(1000 + i, float(i), 0) for i in range(N)
    ]
    assert [schedule.lr_factor(course) for course in courses] == pytest.approx(reference)


def test_steps_change_as_the_milestone_is_reached():
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


def test_no_milestones_is_one_factor():
    assert PiecewiseConstant([], [0.5]).lr_factor(TrainingProgress(9, 9, 0.9)) == 0.5


def test_cosine_equals_cosineannealinglr():
    reference = torch_rates(CosineAnnealingLR(sgd(), T_max=N, eta_min=0.02), N + 1)
    schedule = Cosine(warmup_fraction=0, min_factor=0.02)
    assert [schedule.lr_factor(at(i / N)) for i in range(N + 1)] == pytest.approx(reference)


def test_cosine_warms_up_in_a_straight_line():
    schedule = Cosine(warmup_fraction=0.2, start_factor=0.1, min_factor=0.0)
    assert [schedule.lr_factor(at(f)) for f in (0, 0.1, 0.2, 0.6, 1)] == pytest.approx(
        [0.1, 0.55, 1, 0.5, 0], abs=1e-12
    )


def test_one_cycle_equals_onecyclelr():
    reference = torch_rates(OneCycleLR(sgd(), max_lr=1.0, total_steps=N, final_div_factor=400), N)
    # torch puts its peak at step 0.3 N - 1 of the N - 1 that it counts; its end is start / 400
    schedule = OneCycle(warmup_fraction=(0.3 * N - 1) / (N - 1), start_factor=0.04, min_factor=1e-4)
    assert [schedule.lr_factor(at(i / (N - 1))) for i in range(N)] == pytest.approx(reference)


@pytest.mark.parametrize("lr_schedule", [Cosine(), OneCycle(), Cosine(warmup_fraction=0), OneCycle(warmup_fraction=0)])
def test_a_run_longer_than_planned_stays_at_the_floor(schedule):
    assert schedule.lr_factor(at(1.3)) == pytest.approx(lr_schedule.min_factor)


SCORES = [1, 2, 1.5, 1.9, 1.8, 3, 3, math.nan, 2, 2.5, 2.9, 1, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]


@pytest.mark.parametrize("better", ["max", "min"])
@pytest.mark.parametrize("patience", [0, 2])
def test_plateau_equals_reducelronplateau(better, patience):
    scores = SCORES if better == "max" else [-score for score in SCORES]
    optimizer = sgd()
    reference = ReduceLROnPlateau(optimizer, better, 0.5, patience, threshold=0, min_lr=0.05)
    schedule = ReduceOnPlateau(patience=patience, factor=0.5, min_factor=0.05, mode=better)
    factors = []
    for score in scores:
        schedule.on_validation_score(score)
        reference.step(score)
        factors.append(schedule.lr_factor(at(0.5)))
        assert factors[-1] == optimizer.param_groups[0]["lr"]
    assert factors[0] == 1
    assert factors[-1] < 0.3


def test_plateau_survives_a_resume_at_any_moment():
    unbroken = ReduceOnPlateau(patience=1, factor=0.5)
    resumed = ReduceOnPlateau(patience=1, factor=0.5)
    for score in SCORES:
        successor = ReduceOnPlateau(patience=1, factor=0.5)
        successor.load_state_dict(resumed.state_dict())
        resumed = successor
        for schedule in (unbroken, resumed):
            schedule.on_validation_score(score)
        assert resumed.lr_factor(at(0)) == unbroken.lr_factor(at(0))
    assert unbroken.lr_factor(at(0)) < 0.2


@pytest.mark.parametrize("lr_schedule", [Constant(), PiecewiseConstant([1], [1, 0.1]), Cosine(), OneCycle()])
def test_the_others_neither_listen_nor_remember(schedule):
    course = TrainingProgress(1, 1.0, 0.5)
    before = schedule.lr_factor(course)
    schedule.on_validation_score(-1e9)
    schedule.load_state_dict(schedule.state_dict())
    assert schedule.lr_factor(course) == before
    assert schedule.state_dict() == {}


@pytest.mark.parametrize(
    ("make", "cure"),
    [
        (lambda: PiecewiseConstant([10], [1.0]), "one more than"),
        (lambda: PiecewiseConstant([20, 10], [1, 0.1, 0.01]), "ascend"),
        (lambda: PiecewiseConstant([10, 10], [1, 0.1, 0.01]), "ascend"),
        (lambda: PiecewiseConstant([0], [1, 0.1]), "above 0"),
        (lambda: PiecewiseConstant([10], [1, -0.1]), "0 or more"),
        (lambda: PiecewiseConstant([10], [1, 0.1], "epochs"), "lr_schedule.unit=epoch"),
        (lambda: Cosine(warmup_fraction=1.0), r"lr_schedule\.warmup_fraction=0\.03"),
        (lambda: Cosine(min_factor=2), r"lr_schedule\.min_factor=0\.01"),
        (lambda: OneCycle(start_factor=-0.1), r"lr_schedule\.start_factor=0\.01"),
        (lambda: ReduceOnPlateau(-1, 0.5), r"lr_schedule\.patience=5"),
        (lambda: ReduceOnPlateau(1, 1.0), r"lr_schedule\.factor=0\.5"),
        (lambda: ReduceOnPlateau(1, 0.5, mode="most"), r"lr_schedule\.mode=max"),
    ],
)
def test_bad_options_are_refused_with_the_cure(make, cure):
    with pytest.raises(ValueError, match=cure):
        make()
