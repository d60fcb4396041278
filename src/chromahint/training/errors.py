"""What a person can do about errors that come from the machine and not from the code."""

from __future__ import annotations

import errno
import shutil
from typing import Any

import torch

from chromahint.runs.run import Run

MIN_FREE_BYTES = 50_000_000
"""Bytes: with less than this, writing fails for want of room."""


def explain_error(error: BaseException, run: Run, config: dict[str, Any]) -> str | None:
    """Say in a sentence what happened and what to type, where the error is one of the machine's.

    Args:
        error: what ended a run.
        run: the run.
        config: its config.

    Returns:
        None for any other error.
    """
    said = str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in said:
        size, accumulate = config["data"]["batch_size"], config["trainer"]["accumulate_grad_batches"]
        smaller = max(1, size // 2)
        advice = f"data.batch_size={smaller} trainer.accumulate_grad_batches={2 * accumulate} gives the same steps with half of it"
        return f"out of memory with data.batch_size={size}; type {advice}, or a smaller model.width or data.train_size"
    if "DataLoader worker" in said:
        return (
            f"a process that loads pictures was ended from outside, mostly for want of memory; type data.num_workers="
            f"{max(0, config['data'].get('num_workers', 0) // 2)}, or resume={run.path} to go on as before"
        )
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or ("PytorchStreamWriter" in said and shutil.disk_usage(run.path).free < MIN_FREE_BYTES):
        return f"no room left in {run.path}; make room and type resume={run.path}: what was saved before is whole"
    return None
