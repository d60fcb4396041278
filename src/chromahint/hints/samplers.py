"""Simulated users: samplers that turn a photo's colors into hints, a batch at a time on the photo's device.

Every sampler is called `sampler(ab, generator)`, takes all its chance from the generator and works at any height and
width. Here: single pixels, and mixtures. Patches and cells are in
`chromahint.hints.patches`, scribbles in `chromahint.hints.strokes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from chromahint.hints.hints import Hints, hints_from_mask


class Sampler(Protocol):
    """What every simulated user can do."""

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints for a batch of photos.

        Args:
            ab: B2HW float32, the photos' colors in Lab units.
            generator: on the device of `ab`; the only source of chance.

        Returns:
            Hints of the same batch, height and width.
        """
        ...


@dataclass(frozen=True)
class FixedProbabilityPixels:
    """Each photo draws one probability from a list; each of its pixels is then a hint with that probability.

    Args:
        probabilities: each in 0..1, all equally likely. An entry that is listed twice is drawn twice as often.
    """

    probabilities: list[float]

    def __post_init__(self) -> None:
        if not self.probabilities or not all(0 <= q <= 1 for q in self.probabilities):
            raise ValueError(
                f"hints.probabilities={self.probabilities}: one or more numbers between 0 and 1 are allowed, "
                "the odds that a pixel is a hint. Type for example 'hints.probabilities=[0.03,0.01,0.005]'."
            )

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `Sampler`."""
        choice = torch.randint(len(self.probabilities), (len(ab),), generator=generator, device=ab.device)
        odds = torch.tensor(self.probabilities, dtype=torch.float32, device=ab.device)
        return _reveal_pixels(ab, odds[choice], generator)


@dataclass(frozen=True)
class LogUniformPixels:
    """Each photo draws one probability, log-uniform between two ends: few hints are seen as often as many.

    Args:
        low: smallest probability that a pixel is a hint, above 0.
        high: largest, at most 1.
        none: odds that a photo has no hint at all, 0..1.
    """

    low: float = 1e-5
    high: float = 0.03
    no_hint_probability: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high <= 1:
            raise ValueError(
                f"hints.low={self.low} and hints.high={self.high}: 0 < low <= high <= 1 is allowed. "
                "Type for example 'hints.low=0.00001 hints.high=0.03'."
            )
        if not 0 <= self.no_hint_probability <= 1:
            raise ValueError(
                f"hints.no_hint_probability={self.no_hint_probability}: the odds of no hint at all are between 0 and 1. "
                "Type for example hints.no_hint_probability=0.05."
            )

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `Sampler`."""
        chance = torch.rand(2, len(ab), generator=generator, device=ab.device)
        start, end = math.log(self.low), math.log(self.high)
        odds = torch.exp(start + (end - start) * chance[0])
        return _reveal_pixels(ab, odds * (chance[1] >= self.no_hint_probability), generator)


@dataclass(frozen=True)
class Mixture:
    """Each photo picks one of several simulated users.

    Args:
        samplers: the users.
        weights: how often each is picked, relative to the others.
    """

    samplers: list[Sampler]
    weights: list[float]

    def __post_init__(self) -> None:
        if not self.samplers or len(self.weights) != len(self.samplers):
            raise ValueError(
                f"hints.weights={self.weights} for {len(self.samplers)} hints.samplers: one weight for each of one or "
                f"more samplers is allowed. Type for example 'hints.weights={[1] * max(1, len(self.samplers))}'."
            )
        if min(self.weights) < 0 or not 0 < sum(self.weights) < math.inf:
            raise ValueError(
                f"hints.weights={self.weights}: weights are 0 or more, and one of them more than 0. "
                f"Type for example 'hints.weights={[1] * len(self.weights)}'."
            )

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `Sampler`."""
        weights = torch.tensor(self.weights, dtype=torch.float32, device=ab.device)
        choice = torch.multinomial(weights, len(ab), replacement=True, generator=generator).view(-1, 1, 1, 1)
        chosen = self.samplers[0](ab, generator)
        # each user marks the whole batch: picking the photos first would make the device wait for their number
        for index, sampler in enumerate(self.samplers[1:], start=1):
            other = sampler(ab, generator)
            chosen = Hints(*(torch.where(choice == index, new, old) for new, old in zip(other, chosen, strict=True)))
        return chosen


def _reveal_pixels(ab_B2HW: Tensor, odds_B: Tensor, generator: torch.Generator) -> Hints:
    chance = torch.rand(ab_B2HW[:, :1].shape, generator=generator, device=ab_B2HW.device)
    return hints_from_mask(ab_B2HW, (chance < odds_B.view(-1, 1, 1, 1)).float())
