"""A strip of the same few photos, drawn as training goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from chromahint.data.sources.base import Photos
from chromahint.data.transforms import resize_square
from chromahint.evaluation.hint_counts import Network
from chromahint.evaluation.image_grid import image_grid
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.images.decode import UnreadableImageError
from chromahint.visualization.hint_overlay import Picture


def draw_strip(
    networks: Network | Mapping[str, Network],
    photos: Photos,
    protocol: HintProtocol,
    device: torch.device,
    most: int = 4,
    hints: int = 100,
) -> Picture:
    """Draw gray, hints, prediction and truth of a few photos, spread evenly over the collection.

    Args:
        networks: one, or several by the title of their column, ready to color, on `device`.
        photos: at most `most` of them are drawn.
        protocol: where the hints lie.
        device: where the networks are.
        most: rows.
        hints: in each picture.
    """
    rows = min(most, len(photos))
    chosen = [row * len(photos) // rows for row in range(rows)]
    pictures, ids = [], []
    for index in chosen:
        with contextlib.suppress(UnreadableImageError):
            pictures.append(resize_square(photos.read(index), protocol.size))
            ids.append(photos.identify(index))
    if not pictures:
        raise ValueError(f"none of {rows} pictures can be read; the first: {photos.name(chosen[0])}")
    rgb = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device)
    return image_grid(networks, rgb, ids, protocol, min(hints, protocol.max_hints))


class ImageLogger(Callback):
    """Shows W&B a strip of the same test photos after every validation."""

    def __init__(self, num_images: int = 4, num_hints: int = 100) -> None:
        if num_images < 1 or num_hints < 0:
            raise ValueError(
                f"callbacks.image_logger: photos={num_images} must be 1 or more, hints={num_hints} 0 or more"
            )
        self.photos = num_images
        self.hints = num_hints

    @rank_zero_only
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw and log; the weights are those that were validated."""
        loggers = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
        if not loggers:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        photos = data.source.photos("test", data.max_images)
        network, protocol = pl_module.network, pl_module.protocol
        picture = draw_strip(network, photos, protocol, pl_module.device, self.photos, self.hints)  # type: ignore[arg-type]
        for logger in loggers:
            logger.log_image("pictures/strip", [picture], file_type=["jpg"])
