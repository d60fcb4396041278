"""Data loader that keeps its position, so that training can resume in the middle of an epoch."""

from __future__ import annotations

import atexit
import multiprocessing
import weakref
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from chromahint.data.dataset import Batch, identity_collate, init_worker
from chromahint.data.samplers import EvalSampler, ResumableBatchSampler, TrainSampler

_workers: weakref.WeakSet[BaseProcess] = weakref.WeakSet()
"""Worker processes of all loaders."""


@atexit.register
def _end_workers() -> None:
    """Kill the workers that are left when the process ends, for example because another one was killed.

    multiprocessing would send them SIGTERM, which they ignore, and wait for them forever.
    """
    for worker in _workers:
        worker.kill()


class PhotoLoader(DataLoader[Batch]):
    """Data loader with a state: the epoch and the number of batches it has yielded in that epoch.

    After `load_state_dict`, the next pass over the saved epoch starts after these batches. Every other epoch starts at
    its beginning.

    Args:
        dataset: Dataset that builds whole batches in `__getitems__`.
        sampler: Order of the images.
        num_workers: Worker processes; 0 loads in the calling process.
    """

    def __init__(self, dataset: Dataset[Batch], sampler: TrainSampler | EvalSampler, num_workers: int = 0) -> None:
        self._batches = ResumableBatchSampler(sampler)
        self._epoch, self._num_yielded = 0, 0
        self._resume_at: tuple[int, int] | None = None
        super().__init__(
            dataset,
            batch_sampler=self._batches,
            num_workers=num_workers,
            collate_fn=identity_collate,  # type: ignore[arg-type]  # `__getitems__` returns a whole batch
            worker_init_fn=init_worker,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=num_workers > 0,
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        self._epoch = getattr(self._batches.sampler, "epoch", 0)
        resume, self._resume_at = self._resume_at, None
        start = resume[1] if resume is not None and resume[0] == self._epoch else 0
        self._num_yielded = self._batches.start = start
        others = multiprocessing.active_children()
        batches = super().__iter__()
        _workers.update(set(multiprocessing.active_children()).difference(others))
        for batch in batches:
            self._num_yielded += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return the current epoch and the number of batches yielded in it."""
        return {"epoch": self._epoch, "batches": self._num_yielded}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume after the batches that were yielded before the state was saved."""
        self._resume_at = (state["epoch"], state["batches"])
        self._epoch, self._num_yielded = self._resume_at
