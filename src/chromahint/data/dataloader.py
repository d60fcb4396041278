"""A data loader that knows how far it has come, so that training can go on in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from chromahint.data.dataset import Batch, identity_collate, start_worker
from chromahint.data.samplers import EvalSampler, ResumableBatchSampler, TrainSampler


class PhotoLoader(DataLoader[Batch]):
    """Loads batches in a given order.

    Its state is the epoch and the number of batches that were given out in it. After `load_state_dict`, the next pass
    over that same epoch starts behind them; any other epoch starts from its beginning.
    """

    def __init__(self, dataset: Dataset[Batch], order: TrainSampler | EvalSampler, workers: int = 0) -> None:
        self._batches = ResumableBatchSampler(order)
        self._epoch, self._done = 0, 0
        self._resume: tuple[int, int] | None = None
        super().__init__(
            dataset,
            batch_sampler=self._batches,
            num_workers=workers,
            collate_fn=identity_collate,  # type: ignore[arg-type]  # `__getitems__` has made the batch
            worker_init_fn=start_worker,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=workers > 0,
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        self._epoch = getattr(self._batches.sampler, "epoch", 0)
        resume, self._resume = self._resume, None
        self._done = self._batches.start = resume[1] if resume is not None and resume[0] == self._epoch else 0
        for batch in super().__iter__():
            self._done += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """How far it has come."""
        return {"epoch": self._epoch, "batches": self._done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind the batches that were given out when the state was saved."""
        self._resume = (state["epoch"], state["batches"])
        self._epoch, self._done = self._resume
