"""Compilation of the network."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class CompileModel(Callback):
    """Compiles the network in place when training starts, which keeps the parameter names of checkpoints."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Request compilation, which takes place at the first step."""
        pl_module.network.compile()  # type: ignore[union-attr]
