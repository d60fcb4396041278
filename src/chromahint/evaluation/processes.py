"""Share an evaluation among the processes of a run."""

from __future__ import annotations

from typing import TypeVar

import torch

T = TypeVar("T")


def rank_and_count() -> tuple[int, int]:
    """Return the number of this process and the number of processes; 0 and 1 outside of a distributed run."""
    if not torch.distributed.is_initialized():
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def gather(value: T) -> list[T]:
    """Return the values of all processes, in each process. They must be picklable."""
    _, count = rank_and_count()
    if count == 1:
        return [value]
    values: list[T] = [value] * count
    torch.distributed.all_gather_object(values, value)
    return values


def from_first(value: T) -> T:
    """Return the value of the first process, in each process."""
    return gather(value)[0]
