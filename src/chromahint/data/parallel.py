"""Parallel processing of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from chromahint.data.dataset import init_worker


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(items: Dataset[Any], num_workers: int) -> Iterator[Any]:
    """Yield all items in order, computed by `num_workers` processes; 0 uses the calling process.

    Raises:
        ValueError: A worker process was killed.
    """
    count = len(items)  # type: ignore[arg-type]
    loader: DataLoader[Any] = DataLoader(
        items, None, num_workers=min(num_workers, count), worker_init_fn=init_worker, collate_fn=_identity
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ValueError(
            f"--num-workers {num_workers}: a worker process was killed, usually because it ran out of memory. "
            "Try --num-workers 1."
        ) from None


def _identity(item: Any) -> Any:
    return item
