"""The course of training: by what factor the learning rate is multiplied, and when.

A schedule is told where training stands and answers with a factor; it holds neither the optimizer nor the length of
the run, so one schedule serves a run limited by steps, by epochs or by the clock.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class TrainingProgress:
    """Where training stands.

    Attributes:
        step: optimizer steps done.
        epoch: epochs done, with the share of the current one.
        fraction: share of the whole run that is done, 0..1.
    """

    step: int
    epoch: float
    fraction: float


class LRSchedule(ABC):
    """Something that sets the learning rate as training goes on."""

    @abstractmethod
    def lr_factor(self, course: TrainingProgress) -> float:
        """By what the optimizer's learning rate is multiplied, 0 or more."""

    def on_validation_score(self, score: float) -> None:
        """Hear the score of a validation; most schedules don't listen."""
        return

    def state_dict(self) -> dict[str, Any]:
        """What it needs to remember when a run is resumed: plain numbers."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what `state_dict` gave."""
        return


class Constant(LRSchedule):
    """The optimizer's learning rate from beginning to end."""

    def lr_factor(self, course: TrainingProgress) -> float:
        """Always 1."""
        return 1.0


class PiecewiseConstant(LRSchedule):
    """Factors that hold between milestones: `factors[0]` until `milestones[0]`, and so on; the last one stays."""

    def __init__(self, milestones: list[int], factors: list[float], unit: Literal["epoch", "step"] = "epoch") -> None:
        if len(factors) != len(milestones) + 1:
            raise ValueError(
                f"lr_schedule.factors has {len(factors)} values for {len(milestones)} milestones; it needs one more than "
                "there are milestones: lr_schedule.milestones=[10,20] lr_schedule.factors=[1,0.1,0.01]"
            )
        if any(milestone <= 0 for milestone in milestones) or sorted(set(milestones)) != list(milestones):
            raise ValueError(
                f"lr_schedule.milestones is {list(milestones)}; milestones are above 0 and ascend: "
                "lr_schedule.milestones=[10,20]"
            )
        if any(factor < 0 for factor in factors):
            raise ValueError(
                f"lr_schedule.factors is {list(factors)}; a factor is 0 or more: lr_schedule.factors=[1,0.1]"
            )
        if unit not in ("epoch", "step"):
            raise ValueError(f"lr_schedule.unit is {unit!r}; it is epoch or step: lr_schedule.unit=epoch")
        self.milestones = list(milestones)
        self.factors = list(factors)
        self.unit = unit

    def lr_factor(self, course: TrainingProgress) -> float:
        """Look up the factor that holds now."""
        done = course.epoch if self.unit == "epoch" else course.step
        return float(self.factors[bisect_right(self.milestones, done)])


class Cosine(LRSchedule):
    """A straight warm-up from `start` to 1, then half a cosine wave down to `floor` at the end of the run.

    `warmup` is the share of the run that the warm-up takes.
    """

    def __init__(self, warmup_fraction: float = 0.03, start_factor: float = 0.01, min_factor: float = 0.0) -> None:
        _check_share(warmup_fraction)
        _check_level("start", start_factor)
        _check_level("floor", min_factor)
        self.warmup = warmup_fraction
        self.start = start_factor
        self.floor = min_factor

    def lr_factor(self, course: TrainingProgress) -> float:
        """Rise, then fall."""
        if course.fraction < self.warmup:
            return self.start + (1 - self.start) * course.fraction / self.warmup
        return _wave(1.0, self.floor, (course.fraction - self.warmup) / (1 - self.warmup))


class OneCycle(LRSchedule):
    """Half a cosine wave up from `start` to 1 in the first `warmup` share of the run, and down to `floor`."""

    def __init__(self, warmup_fraction: float = 0.3, start_factor: float = 0.04, min_factor: float = 1e-4) -> None:
        _check_share(warmup_fraction)
        _check_level("start", start_factor)
        _check_level("floor", min_factor)
        self.warmup = warmup_fraction
        self.start = start_factor
        self.floor = min_factor

    def lr_factor(self, course: TrainingProgress) -> float:
        """Rise, then fall."""
        if course.fraction < self.warmup:
            return _wave(self.start, 1.0, course.fraction / self.warmup)
        return _wave(1.0, self.floor, (course.fraction - self.warmup) / (1 - self.warmup))


class ReduceOnPlateau(LRSchedule):
    """Multiply by `shrink` when more than `patience` validations in a row bring nothing better, but not below `floor`.

    A score that is not a number counts as no better.
    """

    def __init__(
        self, patience: int, factor: float, min_factor: float = 0.0, mode: Literal["max", "min"] = "max"
    ) -> None:
        if patience < 0:
            raise ValueError(f"lr_schedule.patience is {patience}; it is 0 validations or more: lr_schedule.patience=5")
        if not 0 < factor < 1:
            raise ValueError(f"lr_schedule.factor is {factor}; it lies between 0 and 1: lr_schedule.factor=0.5")
        _check_level("floor", min_factor)
        if mode not in ("max", "min"):
            raise ValueError(f"lr_schedule.mode is {mode!r}; it is max or min: lr_schedule.mode=max")
        self.patience = patience
        self.shrink = factor
        self.floor = min_factor
        self.better = mode
        self._best: float | None = None
        self._waited = 0
        self._factor = 1.0

    def lr_factor(self, course: TrainingProgress) -> float:
        """What the scores so far have left."""
        return self._factor

    def on_validation_score(self, score: float) -> None:
        """Count validations without progress."""
        if self._improves(score):
            self._best = score
            self._waited = 0
            return
        self._waited += 1
        if self._waited > self.patience:
            self._factor = max(self._factor * self.shrink, self.floor)
            self._waited = 0

    def state_dict(self) -> dict[str, Any]:
        """The best score, validations since, and the factor."""
        return {"best": self._best, "waited": self._waited, "factor": self._factor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        self._best = state["best"]
        self._waited = state["waited"]
        self._factor = state["factor"]

    def _improves(self, score: float) -> bool:
        if math.isnan(score):
            return False
        if self._best is None:
            return True
        return score > self._best if self.better == "max" else score < self._best


def _wave(begin: float, end: float, progress: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def _check_share(warmup: float) -> None:
    if not 0 <= warmup < 1:
        raise ValueError(
            f"lr_schedule.warmup_fraction is {warmup}; it is the share of the run that the learning rate rises for, from 0 to "
            "below 1: lr_schedule.warmup_fraction=0.03"
        )


def _check_level(name: str, level: float) -> None:
    if not 0 <= level <= 1:
        raise ValueError(
            f"schedule.{name} is {level}; it is a factor of the optimizer's learning rate, from 0 to 1: "
            f"schedule.{name}=0.01"
        )
