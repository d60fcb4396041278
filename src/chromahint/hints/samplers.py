"""Simulated users: samplers that turn a photo's colors into hints, a batch at a time on the photo's device.

Every sampler is called `sampler(ab, generator)`, takes all its chance from the generator and works at any height and
width. Here: single pixels, and mixtures. Patches and cells are in
`chromahint.hints.patches`, scribbles in `chromahint.hints.strokes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Protocol

import torch
from annotated_types import Gt, Le, MaxLen, MinLen
from torch import Tensor

from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import NonNegative, Probability, validate_arguments


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


@validate_arguments("hints")
@dataclass(frozen=True)
class FixedProbabilityPixels:
    """Each photo draws one probability from a list; each of its pixels is then a hint with that probability.

    Args:
        probabilities: each in 0..1, all equally likely. An entry that is listed twice is drawn twice as often.
    """

    probabilities: Annotated[list[Probability], MinLen(1), MaxLen(1000)]

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `Sampler`."""
        choice = torch.randint(len(self.probabilities), (len(ab),), generator=generator, device=ab.device)
        odds = torch.tensor(self.probabilities, dtype=torch.float32, device=ab.device)
        return _reveal_pixels(ab, odds[choice], generator)


@validate_arguments("hints")
@dataclass(frozen=True)
class LogUniformPixels:
    """Each photo draws one probability, log-uniform between two ends: few hints are seen as often as many.

    Args:
        low: smallest probability that a pixel is a hint, above 0.
        high: largest, at most 1.
        none: odds that a photo has no hint at all, 0..1.
    """

    low: Annotated[float, Gt(0), Le(1)] = 1e-5
    high: Annotated[float, Gt(0), Le(1)] = 0.03
    no_hint_probability: Probability = 0.05

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(
                f"hints.low={self.low}: must be <= hints.high={self.high}. Try hints.low=0.0001 hints.high=0.03."
            )

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `Sampler`."""
        chance = torch.rand(2, len(ab), generator=generator, device=ab.device)
        start, end = math.log(self.low), math.log(self.high)
        odds = torch.exp(start + (end - start) * chance[0])
        return _reveal_pixels(ab, odds * (chance[1] >= self.no_hint_probability), generator)


@validate_arguments("hints")
@dataclass(frozen=True)
class Mixture:
    """Each photo picks one of several simulated users.

    Args:
        samplers: the users.
        weights: how often each is picked, relative to the others.
    """

    samplers: list[Sampler]
    weights: Annotated[list[NonNegative], MinLen(1), MaxLen(1000)]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.samplers):
            raise ValueError(
                f"hints.weights={self.weights}: must have one weight for each of the {len(self.samplers)} samplers. "
                f"Try 'hints.weights={[1] * len(self.samplers)}'."
            )
        if not 0 < sum(self.weights) < math.inf:
            raise ValueError(
                f"hints.weights={self.weights}: must have a finite sum > 0. "
                f"Try 'hints.weights={[1] * len(self.weights)}'."
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
