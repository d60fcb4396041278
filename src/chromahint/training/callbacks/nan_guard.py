"""Stop training on the first NaN or infinite loss."""

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
    """Stops before a non-finite loss reaches the weights, saves the batch and names the first non-finite tensor.

    Args:
        folder: Where the batch is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.batch: Batch | None = None
        self.batch_idx = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Remember the batch."""
        self.batch, self.batch_idx = batch, batch_idx

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Raise ValueError if the loss is not finite."""
        if bool(torch.isfinite(loss)):
            return
        assert isinstance(pl_module, ColorizationModule)
        assert self.batch is not None
        step = trainer.global_step + 1
        file = self.folder / f"batch-of-step-{step}-process-{trainer.global_rank}.pt"
        with atomic_write(file) as handle:
            torch.save({**self.batch, "rgb": self.batch["rgb"].cpu(), "batch": self.batch_idx}, handle)
        with trainer.precision_plugin.train_step_context(), torch.no_grad():
            origin = find_first_nonfinite(pl_module, self.batch, self.batch_idx)
        raise ValueError(
            f"step {step}: the loss is {float(loss.detach())}; the first non-finite tensor is {origin}. Try a lower "
            "optimizer.lr, a lower trainer.gradient_clip_val, or trainer.precision=32-true. "
            f"The batch was saved as {file}."
        )


def find_first_nonfinite(module: ColorizationModule, batch: Batch, batch_idx: int) -> str:
    """Describe where the first NaN or infinity appears for a batch: a parameter, the output of a layer, or the loss."""
    for name, tensor in module.network.named_parameters():
        if not bool(torch.isfinite(tensor).all()):
            return f"the parameter network.{name}"
    found: list[str] = []

    def make_hook(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            tensors = [output] if isinstance(output, Tensor) else [part for part in output if isinstance(part, Tensor)]
            if not found and not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
                found.append(name)

        return hook

    handles = [layer.register_forward_hook(make_hook(name)) for name, layer in module.network.named_modules() if name]
    try:
        module.compute_loss(batch, batch_idx)
    finally:
        for handle in handles:
            handle.remove()
    return f"the output of network.{found[0]}" if found else "the loss itself"
