"""Early stopping on the model-selection metric."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping

from chromahint.ranges import NonNegative, validate_arguments


@validate_arguments("callbacks.early_stopping")
def early_stopping(patience: Annotated[int, Ge(0), Le(10**6)] = 5, min_delta: NonNegative = 0.01) -> Callback:
    """Stop training when `val/psnr` no longer improves.

    Args:
        patience: Validations without improvement before training stops.
        min_delta: Smallest increase in dB that counts as an improvement.
    """
    return EarlyStopping(monitor="val/psnr", mode="max", patience=patience, min_delta=min_delta)
