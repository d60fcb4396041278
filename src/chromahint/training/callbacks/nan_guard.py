"""Stop training on the first NaN or infinite loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from chromahint.atomic_write import atomic_write
from chromahint.data.dataset import Batch
from chromahint.training.lightning_module import ColorizationModule


class _SeenBatch(NamedTuple):
    step: int
    batch_idx: int
    batch: Batch


class NaNGuard(Callback):
    """Stops training when a loss is not finite, saves the batch and names the first non-finite tensor.

    Such a loss never reaches the weights. To look at each loss would make the host wait for a GPU in every step, so
    there the losses of several steps are looked at together; until then, the gradients lose their non-finite values.

    Args:
        folder: Where the batch is written.
        every_n_batches: Batches whose losses are looked at together; None is every batch on a CPU, and
            `trainer.log_every_n_steps` on a GPU.
    """

    def __init__(self, folder: Path, every_n_batches: int | None = None) -> None:
        self.folder = folder
        self.every_n_batches = every_n_batches
        self._batches: list[_SeenBatch] = []
        self._losses: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose how often to look."""
        if self.every_n_batches is None:
            on_cpu = pl_module.device.type == "cpu"
            self.every_n_batches = 1 if on_cpu else trainer.log_every_n_steps  # type: ignore[attr-defined]  # set late

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Remember the batch."""
        self._batches.append(_SeenBatch(trainer.global_step + 1, batch_idx, batch))

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Remember the loss, and raise ValueError if it is time to look and one is not finite."""
        self._losses.append(loss.detach())
        assert self.every_n_batches is not None
        if len(self._losses) >= self.every_n_batches:
            self._check(trainer, pl_module)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Remove what is not finite from gradients whose losses nobody has looked at."""
        if self._losses:
            for parameter in pl_module.parameters():
                if parameter.grad is not None:
                    parameter.grad.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, while the hints of the batches can be drawn again."""
        self._check(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Look, so that no checkpoint follows a non-finite loss."""
        self._check(trainer, pl_module)

    def _check(self, trainer: Trainer, pl_module: LightningModule) -> None:
        losses, self._losses = self._losses, []
        batches, self._batches = self._batches[: len(losses)], self._batches[len(losses) :]
        if not losses or bool((finite := torch.stack(losses).isfinite()).all()):
            return
        first = finite.tolist().index(False)
        assert isinstance(pl_module, ColorizationModule)
        seen, loss = batches[first], float(losses[first])
        file = self.folder / f"batch-of-step-{seen.step}-process-{trainer.global_rank}.pt"
        with atomic_write(file) as handle:
            torch.save({**seen.batch, "rgb": seen.batch["rgb"].cpu(), "batch": seen.batch_idx}, handle)
        with trainer.precision_plugin.train_step_context(), torch.no_grad():
            origin = find_first_nonfinite(pl_module, seen.batch, seen.batch_idx)
        raise ValueError(
            f"step {seen.step}: the loss is {loss}; the first non-finite tensor is {origin}. Try a lower optimizer.lr, "
            f"a lower trainer.gradient_clip_val, or trainer.precision=32-true. The batch was saved as {file}."
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
