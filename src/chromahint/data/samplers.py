"""Order of the images, independent of the machine and of the number of workers and processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class SampleIndex(NamedTuple):
    """Request for one image.

    Attributes:
        epoch: Epoch, which random crops depend on.
        photo: Index of the image.
        weight: 0 for padding, else 1.
    """

    epoch: int
    photo: int
    weight: float


def derive_seed(*parts: int | str) -> int:
    """Return a seed in 0..2**64-1 that depends on all of `parts`."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def permutation(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """Return the order of `count` images in an epoch.

    It is sorted by raw Philox output, which does not change between NumPy versions.
    """
    raw = np.random.Philox(key=derive_seed(seed, "order", epoch)).random_raw(count)
    return np.argsort(raw, kind="stable")


class TrainSampler:
    """Random order of the training images, another one each epoch, sharded over ranks.

    Lightning calls `set_epoch`. A batch is split over the ranks, so any number of processes sees the same images in a
    batch. Leftover images are dropped for the epoch. If there are fewer images than one batch, they are repeated.

    Args:
        count: Number of images.
        batch_size: Images per batch on all ranks together, a multiple of `world_size`.
        seed: Seed of the order.
        rank: Index of this process.
        world_size: Number of processes.

    Attributes:
        batch_size: Images per batch on each rank.
    """

    def __init__(self, count: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        assert count > 0
        assert batch_size % world_size == 0
        self.count, self.seed, self.rank, self.world_size = count, seed, rank, world_size
        self.batch_size = batch_size // world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Select the epoch of the next pass."""
        self.epoch = epoch

    def num_batches(self) -> int:
        """Return the number of steps in an epoch."""
        return max(1, self.count // (self.batch_size * self.world_size))

    def __len__(self) -> int:
        return self.num_batches() * self.batch_size

    def __iter__(self) -> Iterator[SampleIndex]:
        order = np.resize(permutation(self.seed, self.epoch, self.count), len(self) * self.world_size)
        return (SampleIndex(self.epoch, int(index), 1.0) for index in order[self.rank :: self.world_size])


class EvalSampler:
    """Fixed order of the evaluation images, sharded over ranks and padded with weight 0 to equal length.

    Args:
        count: Number of images.
        batch_size: Images per batch on each rank.
        rank: Index of this process.
        world_size: Number of processes.
    """

    def __init__(self, count: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        assert count > 0
        self.count, self.batch_size, self.rank, self.world_size = count, batch_size, rank, world_size

    def num_batches(self) -> int:
        """Return the number of batches on each rank; the last one may be smaller."""
        return -(-len(self) // self.batch_size)

    def __len__(self) -> int:
        return -(-self.count // self.world_size)

    def __iter__(self) -> Iterator[SampleIndex]:
        for index in range(self.rank, len(self) * self.world_size, self.world_size):
            yield SampleIndex(0, index, 1.0) if index < self.count else SampleIndex(0, self.count - 1, 0.0)


class ResumableBatchSampler:
    """Batch sampler that can start at batch number `start`.

    Lightning calls `set_epoch` on the attribute `sampler`.
    """

    def __init__(self, sampler: TrainSampler | EvalSampler) -> None:
        self.sampler = sampler
        self.batch_size = sampler.batch_size
        self.drop_last = False
        self.start = 0

    def __len__(self) -> int:
        return self.sampler.num_batches()

    def __iter__(self) -> Iterator[list[SampleIndex]]:
        # an epoch of millions of images is not listed at once
        samples = itertools.islice(self.sampler, self.start * self.batch_size, None)
        while batch := list(itertools.islice(samples, self.batch_size)):
            yield batch
