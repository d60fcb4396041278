"""Random numbers from raw Philox output, which is stable across NumPy versions, unlike `numpy.random.Generator`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from chromahint.data.samplers import derive_seed

Floats = npt.NDArray[np.float32]
T = TypeVar("T")


class Philox:
    """Stream of random numbers that depends only on `parts`.

    >>> Philox("scene", 1).uniform(0, 1) == Philox("scene", 1).uniform(0, 1)
    True
    """

    def __init__(self, *parts: int | str) -> None:
        self._philox = np.random.Philox(key=derive_seed(*parts))
        self._pool: list[float] = []

    def random(self) -> float:
        """Return a number from the uniform distribution over [0, 1)."""
        if not self._pool:
            self._pool = ((self._philox.random_raw(512) >> np.uint64(11)) * 2.0**-53).tolist()
        return self._pool.pop()

    def uniform(self, low: float, high: float) -> float:
        """Return a number from the uniform distribution over [low, high)."""
        return low + (high - low) * self.random()

    def integer(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability

    def normal(self, deviation: float = 1.0) -> float:
        """Return a number from the normal distribution around 0."""
        return deviation * math.sqrt(-2 * math.log(1 - self.random())) * math.cos(2 * math.pi * self.random())

    def choice(self, items: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Return one of the items, with probabilities proportional to `weights`."""
        if weights is None:
            return items[self.integer(0, len(items) - 1)]
        remaining = self.random() * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            remaining -= weight
            if remaining < 0:
                return item
        return items[-1]

    def uniforms(self, low: float, high: float, *shape: int) -> Floats:
        """Return an array of numbers from the uniform distribution over [low, high)."""
        raw = self._philox.random_raw(math.prod(shape))
        return (low + (high - low) * ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24))).reshape(shape)

    def noise(self, *shape: int) -> Floats:
        """Return an array of approximately standard normal numbers: sums of four uniform ones, which are fast."""
        raw = self._philox.random_raw(math.prod(shape)).view(np.uint16).reshape(-1, 4)
        sums: Floats = raw.astype(np.float32).sum(axis=1)
        sums -= np.float32(2 * 65535)
        sums *= np.float32(math.sqrt(3) / 65536)
        return sums.reshape(shape)
