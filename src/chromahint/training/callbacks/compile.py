"""Compilation of the network."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from chromahint.cache_folder import cache_folder

_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


class CompileModel(Callback):
    """Compiles the network in place when training starts, which keeps the parameter names of checkpoints.

    What was compiled is kept in the user's cache folder, so that the next run of the same network starts sooner.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Request compilation, which takes place at the first step."""
        # PyTorch sets the variable on import, to a folder for temporary files
        chosen = os.environ.get(_VARIABLE, "")
        if not chosen or Path(chosen).parent == Path(tempfile.gettempdir()):
            os.environ[_VARIABLE] = str(cache_folder() / "compiled")
        pl_module.network.compile()  # type: ignore[union-attr]
