"""Equal statistics of batch normalization in all processes of a run."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class BatchNormAverage(Callback):
    """Averages the running statistics of batch normalization over all processes after each batch.

    Each process sees other images. Without this, the statistics of the first process alone would be validated and
    saved. Layers that share their statistics already (`trainer.sync_batchnorm=true`) are left alone.
    """

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Average the statistics, in one message."""
        if trainer.world_size == 1 or not (statistics := local_statistics(pl_module)):
            return
        flat = torch.cat([tensor.flatten() for tensor in statistics])
        torch.distributed.all_reduce(flat)
        means = torch.split(flat / trainer.world_size, [tensor.numel() for tensor in statistics])
        for tensor, mean in zip(statistics, means, strict=True):
            tensor.copy_(mean.view_as(tensor))


def local_statistics(network: nn.Module) -> list[Tensor]:
    """Return the running means and variances that each process computes from its own images."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    own = [layer for layer in layers if not isinstance(layer, nn.SyncBatchNorm)]
    return [x for layer in own for x in (layer.running_mean, layer.running_var) if x is not None]
