"""Random numbers that stay the same for years: NumPy's `Generator` may change between versions, raw Philox does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from chromahint.data.samplers import draw_seed

Floats = npt.NDArray[np.float32]
T = TypeVar("T")


class Philox:
    """A stream of random numbers that depends on `parts` only.

    >>> Philox("scene", 1).uniform(0, 1) == Philox("scene", 1).uniform(0, 1)
    True
    """

    def __init__(self, *parts: int | str) -> None:
        self._philox = np.random.Philox(key=draw_seed(*parts))
        self._pool: list[float] = []

    def unit(self) -> float:
        """One number, evenly from [0, 1)."""
        if not self._pool:
            self._pool = ((self._philox.random_raw(512) >> np.uint64(11)) * 2.0**-53).tolist()
        return self._pool.pop()

    def uniform(self, low: float, high: float) -> float:
        """One number, evenly from [low, high)."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """One whole number from low to high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def normal(self, deviation: float = 1.0) -> float:
        """One number, normally distributed about 0."""
        return deviation * math.sqrt(-2 * math.log(1 - self.unit())) * math.cos(2 * math.pi * self.unit())

    def pick(self, things: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the things, each as likely as its weight says."""
        if weights is None:
            return things[self.integer(0, len(things) - 1)]
        left = self.unit() * sum(weights)
        for thing, weight in zip(things, weights, strict=True):
            left -= weight
            if left < 0:
                return thing
        return things[-1]

    def uniforms(self, low: float, high: float, *shape: int) -> Floats:
        """An array of numbers, evenly from [low, high)."""
        raw = self._philox.random_raw(math.prod(shape))
        return (low + (high - low) * ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24))).reshape(shape)

    def noise(self, *shape: int) -> Floats:
        """An array of nearly normal numbers, mean 0 and deviation 1: sums of four even ones, which is quick."""
        raw = self._philox.random_raw(math.prod(shape)).view(np.uint16).reshape(-1, 4)
        sums: Floats = raw.astype(np.float32).sum(axis=1)
        sums -= np.float32(2 * 65535)
        sums *= np.float32(math.sqrt(3) / 65536)
        return sums.reshape(shape)
