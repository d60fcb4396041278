"""In which order pictures come: the same on all machines, whatever the number of workers and processes."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class SampleIndex(NamedTuple):
    """What a worker is asked for.

    Attributes:
        epoch: a random crop differs between epochs.
        photo: the picture's number in its collection.
        weight: 0 for one that only fills up a batch.
    """

    epoch: int
    photo: int
    weight: float


def draw_seed(*parts: int | str) -> int:
    """A seed in 0..2**64-1 that depends on all of `parts`."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def permutation(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The order of `count` pictures in one epoch, from raw Philox output, which does not change between versions."""
    raw = np.random.Philox(key=draw_seed(seed, "order", epoch)).random_raw(count)
    return np.argsort(raw, kind="stable")


class TrainSampler:
    """A new order each epoch; the rank's share of each step's pictures.

    Lightning calls `set_epoch`. A step takes `batch_size * world` pictures, whatever their ranks, so two processes with
    batch 8 see the same pictures a step as one with batch 16. What is left over waits for another epoch; where there
    are fewer pictures than a step takes, they are repeated to fill one.
    """

    def __init__(self, count: int, batch_size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        assert count > 0
        self.count, self.batch_size, self.seed, self.rank, self.world = count, batch_size, seed, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Turn to another epoch."""
        self.epoch = epoch

    def batches(self) -> int:
        """Steps in an epoch."""
        return max(1, self.count // (self.batch_size * self.world))

    def __len__(self) -> int:
        return self.batches() * self.batch_size

    def __iter__(self) -> Iterator[SampleIndex]:
        order = np.resize(permutation(self.seed, self.epoch, self.count), len(self) * self.world)
        return (SampleIndex(self.epoch, int(index), 1.0) for index in order[self.rank :: self.world])


class EvalSampler:
    """The fixed order, dealt out to ranks; each rank has as many, filled up with weight 0."""

    def __init__(self, count: int, batch_size: int, rank: int = 0, world: int = 1) -> None:
        assert count > 0
        self.count, self.batch_size, self.rank, self.world = count, batch_size, rank, world

    def batches(self) -> int:
        """Batches of each rank; the last may be smaller."""
        return -(-len(self) // self.batch_size)

    def __len__(self) -> int:
        return -(-self.count // self.world)

    def __iter__(self) -> Iterator[SampleIndex]:
        for index in range(self.rank, len(self) * self.world, self.world):
            yield SampleIndex(0, index, 1.0) if index < self.count else SampleIndex(0, self.count - 1, 0.0)


class ResumableBatchSampler:
    """Batches of draws, from batch number `start` on.

    `sampler` is where Lightning looks for `set_epoch`.
    """

    def __init__(self, sampler: TrainSampler | EvalSampler) -> None:
        self.sampler = sampler
        self.batch_size = sampler.batch_size
        self.drop_last = False
        self.start = 0

    def __len__(self) -> int:
        return self.sampler.batches()

    def __iter__(self) -> Iterator[list[SampleIndex]]:
        draws = list(self.sampler)
        for at in range(self.start * self.batch_size, len(draws), self.batch_size):
            yield draws[at : at + self.batch_size]
