"""Early stopping on the model-selection metric."""

from __future__ import annotations

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping


def early_stopping(patience: int = 5, min_delta: float = 0.01) -> Callback:
    """End training after `patience` validations without a `val/psnr` that is `min_delta` dB better."""
    return EarlyStopping(monitor="val/psnr", mode="max", patience=patience, min_delta=min_delta)
