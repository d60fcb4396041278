"""Compile the network for faster steps."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class CompileModel(Callback):
    """Compiles the network in place when training starts, so that names of weights in checkpoints stay as they are."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compile; the work itself happens at the first step."""
        pl_module.network.compile()  # type: ignore[union-attr]
