"""Work on pictures that is spread over processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from chromahint.data.dataset import start_worker


def available_cores() -> int:
    """How many processes may work at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(items: Dataset[Any], workers: int) -> Iterator[Any]:
    """Give all items in their order, made by `workers` processes, or in this one for 0.

    Raises:
        ValueError: a process was ended from outside.
    """
    count = len(items)  # type: ignore[arg-type]
    loader: DataLoader[Any] = DataLoader(
        items, None, num_workers=min(workers, count), worker_init_fn=start_worker, collate_fn=_as_it_is
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ValueError(
            "A process that reads pictures was ended from outside, mostly for want of memory. "
            "Type the same with --workers 1."
        ) from None


def _as_it_is(item: Any) -> Any:
    return item
