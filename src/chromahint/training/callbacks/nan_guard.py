"""A loss that is no number stops training at that step, with what is needed to find out why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from chromahint.atomic_write import atomic_write
from chromahint.data.dataset import Batch
from chromahint.training.lightning_module import ColorizationModule


class NaNGuard(Callback):
    """Stops before a loss of nan or inf reaches the weights, saves the batch, and names the first tensor that has one.

    Args:
        folder: where the batch is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.batch: Batch | None = None
        self.number = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Keep the batch at hand."""
        self.batch, self.number = batch, batch_idx

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Look at the loss."""
        if bool(torch.isfinite(loss)):
            return
        assert isinstance(pl_module, ColorizationModule)
        assert self.batch is not None
        file = self.folder / f"batch-of-step-{trainer.global_step + 1}-process-{trainer.global_rank}.pt"
        with atomic_write(file) as opened:
            torch.save({**self.batch, "rgb": self.batch["rgb"].cpu(), "batch": self.number}, opened)
        with trainer.precision_plugin.train_step_context(), torch.no_grad():
            where = find_first_nonfinite(pl_module, self.batch, self.number)
        value = float(loss.detach())
        raise ValueError(
            f"the loss of step {trainer.global_step + 1} is {value}; what first holds such a number is {where}. "
            f"The batch is in {file}. Try a lower optimizer.lr, a lower trainer.gradient_clip_val, or trainer.precision=32-true"
        )


def find_first_nonfinite(task: ColorizationModule, batch: Batch, number: int) -> str:
    """Name what first holds a nan or inf when a batch is colored: a parameter, what a layer gives, or the loss."""
    for name, tensor in task.network.named_parameters():
        if not bool(torch.isfinite(tensor).all()):
            return f"the weight network.{name}"
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            tensors = [output] if isinstance(output, Tensor) else [part for part in output if isinstance(part, Tensor)]
            if not found and not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
                found.append(name)

        return hook

    hooks = [module.register_forward_hook(look(name)) for name, module in task.network.named_modules() if name]
    try:
        task.compute_loss(batch, number)
    finally:
        for hook in hooks:
            hook.remove()
    return f"what the layer network.{found[0]} gives" if found else "the loss itself"
