"""Learning rate schedules.

A schedule maps training progress to a factor on the optimizer's learning rate. It knows neither the optimizer nor the
length of the run, so the same schedule works for runs limited by steps, epochs or minutes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR

from chromahint.ranges import Count, Fraction, NonNegative, validate_arguments
from chromahint.training.training_progress import TrainingProgress

LRFactor = Annotated[float, Ge(0), Le(1)]
"""Factor on the optimizer's learning rate."""


class LRSchedule(ABC):
    """Base class of learning rate schedules."""

    @abstractmethod
    def lr_factor(self, progress: TrainingProgress) -> float:
        """Return the factor on the optimizer's learning rate, >= 0."""

    def on_validation_score(self, score: float) -> None:
        """Called with the score of each validation; no-op by default."""
        return

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save in checkpoints, as plain numbers."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""
        return


class Constant(LRSchedule):
    """Constant learning rate."""

    def lr_factor(self, progress: TrainingProgress) -> float:
        """Return 1."""
        return 1.0


@validate_arguments("lr_schedule")
class PiecewiseConstant(LRSchedule):
    """Constant factors between milestones.

    Args:
        milestones: Ascending steps or epochs at which the factor changes.
        factors: The factor before each milestone, and the one after the last.
        unit: Unit of the milestones.
    """

    def __init__(
        self, milestones: list[Count], factors: list[NonNegative], unit: Literal["epoch", "step"] = "epoch"
    ) -> None:
        example = "Try lr_schedule.milestones=[10,20] lr_schedule.factors=[1,0.1,0.01]."
        if len(factors) != len(milestones) + 1:
            raise ValueError(
                f"lr_schedule.factors={list(factors)}: must have one value more than lr_schedule.milestones="
                f"{list(milestones)}. {example}"
            )
        if sorted(set(milestones)) != list(milestones):
            raise ValueError(f"lr_schedule.milestones={list(milestones)}: must be strictly ascending. {example}")
        self.milestones = list(milestones)
        self.factors = list(factors)
        self.unit = unit

    def lr_factor(self, progress: TrainingProgress) -> float:
        """Return the factor of the current interval."""
        done = progress.epoch if self.unit == "epoch" else progress.step
        return float(self.factors[bisect_right(self.milestones, done)])


@validate_arguments("lr_schedule")
class Cosine(LRSchedule):
    """Linear warmup followed by cosine decay.

    Args:
        warmup_fraction: Fraction of the run during which the factor rises from `start_factor` to 1.
        start_factor: Factor at the first step.
        min_factor: Factor at the end of the run.
    """

    def __init__(
        self, warmup_fraction: Fraction = 0.03, start_factor: LRFactor = 0.01, min_factor: LRFactor = 0.0
    ) -> None:
        self.warmup_fraction = warmup_fraction
        self.start_factor = start_factor
        self.min_factor = min_factor

    def lr_factor(self, progress: TrainingProgress) -> float:
        """Return the factor at this fraction of the run."""
        if progress.fraction < self.warmup_fraction:
            return self.start_factor + (1 - self.start_factor) * progress.fraction / self.warmup_fraction
        return _cosine(1.0, self.min_factor, (progress.fraction - self.warmup_fraction) / (1 - self.warmup_fraction))


@validate_arguments("lr_schedule")
class OneCycle(LRSchedule):
    """Cosine increase followed by cosine decay.

    Args:
        warmup_fraction: Fraction of the run during which the factor rises from `start_factor` to 1.
        start_factor: Factor at the first step.
        min_factor: Factor at the end of the run.
    """

    def __init__(
        self, warmup_fraction: Fraction = 0.3, start_factor: LRFactor = 0.04, min_factor: LRFactor = 1e-4
    ) -> None:
        self.warmup_fraction = warmup_fraction
        self.start_factor = start_factor
        self.min_factor = min_factor

    def lr_factor(self, progress: TrainingProgress) -> float:
        """Return the factor at this fraction of the run."""
        if progress.fraction < self.warmup_fraction:
            return _cosine(self.start_factor, 1.0, progress.fraction / self.warmup_fraction)
        return _cosine(1.0, self.min_factor, (progress.fraction - self.warmup_fraction) / (1 - self.warmup_fraction))


@validate_arguments("lr_schedule")
class ReduceOnPlateau(LRSchedule):
    """Reduction of the learning rate when validation stops improving. A NaN score counts as no improvement.

    Args:
        patience: Validations without improvement before the rate is reduced.
        factor: Multiplier of each reduction.
        min_factor: Lower bound of the total factor.
        mode: Whether a higher (`max`) or a lower (`min`) score is better.
    """

    def __init__(
        self,
        patience: Annotated[int, Ge(0), Le(10**9)],
        factor: Annotated[float, Gt(0), Lt(1)],
        min_factor: LRFactor = 0.0,
        mode: Literal["max", "min"] = "max",
    ) -> None:
        self.patience = patience
        self.factor = factor
        self.min_factor = min_factor
        self.mode = mode
        self._best: float | None = None
        self._num_bad_validations = 0
        self._current_factor = 1.0

    def lr_factor(self, progress: TrainingProgress) -> float:
        """Return the factor after the reductions so far."""
        return self._current_factor

    def on_validation_score(self, score: float) -> None:
        """Reduce the factor after more than `patience` validations without improvement."""
        if self._is_better(score):
            self._best = score
            self._num_bad_validations = 0
            return
        self._num_bad_validations += 1
        if self._num_bad_validations > self.patience:
            self._current_factor = max(self._current_factor * self.factor, self.min_factor)
            self._num_bad_validations = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the best score, the number of validations since, and the current factor."""
        return {"best": self._best, "waited": self._num_bad_validations, "factor": self._current_factor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""
        self._best = state["best"]
        self._num_bad_validations = state["waited"]
        self._current_factor = state["factor"]

    def _is_better(self, score: float) -> bool:
        if math.isnan(score):
            return False
        if self._best is None:
            return True
        return score > self._best if self.mode == "max" else score < self._best


def _cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(fraction, 1.0))) / 2


def torch_scheduler(schedule: Callable[[Optimizer], Any], optimizer: Optimizer) -> dict[str, Any]:
    """Build a scheduler of torch, in the form that Lightning's `configure_optimizers` returns.

    `OneCycleLR` and `CyclicLR` advance with every step, as they are meant to, and all others with every epoch;
    `ReduceLROnPlateau` watches `val/psnr`.

    Raises:
        ValueError: It is not a scheduler.
    """
    scheduler = schedule(optimizer) if callable(schedule) else schedule
    if not isinstance(scheduler, LRScheduler):
        raise ValueError(
            f"lr_schedule: {type(scheduler).__name__} is not a learning rate schedule. It must be an LRSchedule, or a "
            "scheduler of torch.optim.lr_scheduler with _partial_: true."
        )
    every_step = isinstance(scheduler, OneCycleLR | CyclicLR)
    return {"scheduler": scheduler, "interval": "step" if every_step else "epoch", "monitor": "val/psnr"}
