"""Explain errors whose cause is the machine, not the code."""

from __future__ import annotations

import shlex
from typing import Any

import torch

from chromahint.atomic_write import explain_write_error
from chromahint.config.instantiate import instantiate_node
from chromahint.runs.run import Run
from chromahint.training.contracts import unused_parameters


def explain_error(error: BaseException, run: Run, config: dict[str, Any]) -> str | None:
    """Explain what happened and what to type, for out-of-memory errors, killed processes and full disks.

    Args:
        error: Exception that ended the run.
        run: The run.
        config: Its config.

    Returns:
        A message, or None for any other error.
    """
    text = str(error)
    resume = shlex.join(["chromahint", "resume", str(run.path)])
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        batch_size, accumulate = config["data"]["batch_size"], config["trainer"]["accumulate_grad_batches"]
        half = f"data.batch_size={max(1, batch_size // 2)} trainer.accumulate_grad_batches={2 * accumulate}"
        return (
            f"data.batch_size={batch_size}: out of memory. Try {half}, which takes the same steps with half the batch "
            "in memory, or a smaller model.width or data.train_size."
        )
    if "DataLoader worker" in text:
        workers = config["data"].get("num_workers", 0)
        return (
            f"data.num_workers={workers}: a data loading worker was killed, usually because it ran out of memory. Try "
            f"data.num_workers={max(0, workers // 2)}, or continue unchanged with `{resume}`."
        )
    if isinstance(error, RuntimeError) and "gloo" in text and "by peer" in text:
        return f"the run stops, because another of its processes has ended. Continue with `{resume}`."
    if "parameters that were not used in producing the loss" in text:
        names = ", ".join(unused_parameters(instantiate_node(config["model"])))
        return (
            f"trainer.strategy=ddp: {names or 'some parameters'} got no gradient in a step. Freeze parameters that the "
            "network does not use, or use trainer.strategy=ddp_find_unused_parameters_true, which takes longer."
        )
    if isinstance(error, OSError) and explain_write_error(error) is not None:
        return (
            f"{error.filename or run.path}: can't be written ({error.strerror}); earlier checkpoints are intact. Free "
            f"some space, then run `{resume}`."
        )
    return None
