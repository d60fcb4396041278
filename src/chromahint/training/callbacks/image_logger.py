"""Log sample colorizations during training."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from chromahint.evaluation.image_grid import sample_grid
from chromahint.ranges import validate_arguments
from chromahint.training.loggers.run_logger import RunLogger


class ImageLogger(Callback):
    """Logs a grid of the same test images after every validation.

    Args:
        num_images: Images in the grid.
        num_hints: Hints per image.
    """

    @validate_arguments("callbacks.image_logger")
    def __init__(
        self,
        num_images: Annotated[int, Ge(1), Le(256)] = 4,
        num_hints: Annotated[int, Ge(0), Le(8192**2)] = 100,
    ) -> None:
        self.num_images = num_images
        self.num_hints = num_hints

    @rank_zero_only
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the grid with the weights that were validated, and log it."""
        loggers = [logger for logger in trainer.loggers if isinstance(logger, RunLogger)]
        if not loggers:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        photos = data.source.photos("test", data.max_images)
        network, protocol = pl_module.network, pl_module.protocol
        grid = sample_grid(network, photos, protocol, pl_module.device, self.num_images, self.num_hints)  # type: ignore[arg-type]
        for logger in loggers:
            logger.log_picture("pictures/strip", grid, trainer.global_step)
