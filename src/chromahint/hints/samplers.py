"""Hint samplers: simulated users that reveal part of a photo's colors, a batch at a time on the device.

Call a sampler as `sampler(ab, generator)`. It draws all random numbers from the generator and accepts images of any
size. This file has samplers of single pixels and mixtures of samplers; see `chromahint.hints.patches` for patches and
cells, and `chromahint.hints.strokes` for strokes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Protocol

import torch
from annotated_types import Gt, Le, MaxLen, MinLen
from torch import Tensor

from chromahint.hints.hints import Hints, hints_from_mask, select_hints
from chromahint.ranges import NonNegative, Probability, validate_arguments


class Sampler(Protocol):
    """Interface of all samplers."""

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints for a batch of photos.

        Args:
            ab: B2HW float32, colors of the photos in Lab units.
            generator: Random generator on the device of `ab`, the only source of randomness.

        Returns:
            Hints with the batch size, height and width of `ab`.
        """
        ...


@validate_arguments("hints")
@dataclass(frozen=True)
class FixedProbabilityPixels:
    """Draws one probability per photo from a list; each pixel of the photo becomes a hint with that probability.

    Args:
        probabilities: Probabilities to draw from, all equally likely. An entry that is listed twice is drawn twice as
            often.
    """

    probabilities: Annotated[list[Probability], MinLen(1), MaxLen(1000)]

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints; see `Sampler`."""
        choice = torch.randint(len(self.probabilities), (len(ab),), generator=generator, device=ab.device)
        probabilities = torch.tensor(self.probabilities, dtype=torch.float32, device=ab.device)
        return _sample_pixels(ab, probabilities[choice], generator)


@validate_arguments("hints")
@dataclass(frozen=True)
class LogUniformPixels:
    """Draws one hint probability per photo from a log-uniform distribution, so few hints are as frequent as many.

    Args:
        low: Minimum probability that a pixel becomes a hint.
        high: Maximum probability that a pixel becomes a hint.
        no_hint_probability: Probability that a photo gets no hints at all.
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
        """Sample hints; see `Sampler`."""
        uniform = torch.rand(2, len(ab), generator=generator, device=ab.device)
        start, end = math.log(self.low), math.log(self.high)
        probability = torch.exp(start + (end - start) * uniform[0])
        return _sample_pixels(ab, probability * (uniform[1] >= self.no_hint_probability), generator)


@validate_arguments("hints")
@dataclass(frozen=True)
class Mixture:
    """Picks one of several samplers per photo.

    Args:
        samplers: Samplers to pick from.
        weights: Relative frequency of each sampler.
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
        """Sample hints; see `Sampler`."""
        weights = torch.tensor(self.weights, dtype=torch.float32, device=ab.device)
        choice = torch.multinomial(weights, len(ab), replacement=True, generator=generator)
        hints = self.samplers[0](ab, generator)
        # run every sampler on the whole batch, because selecting photos first would synchronize the device
        for index, sampler in enumerate(self.samplers[1:], start=1):
            hints = select_hints(choice == index, sampler(ab, generator), hints)
        return hints


def _sample_pixels(ab_B2HW: Tensor, probability_B: Tensor, generator: torch.Generator) -> Hints:
    uniform = torch.rand(ab_B2HW[:, :1].shape, generator=generator, device=ab_B2HW.device)
    return hints_from_mask(ab_B2HW, (uniform < probability_B.view(-1, 1, 1, 1)).float())
