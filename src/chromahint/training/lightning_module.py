"""The task that every network is trained on: color a photo from the hints that a sampler takes from it.

Shape suffixes: B batch, H height, W width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from chromahint.color import rgb_to_lab
from chromahint.data.dataset import Batch
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.metrics import MeanPerImage
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import HasColorClasses
from chromahint.training.callbacks.training_limits import TrainingLimits
from chromahint.training.lr_schedules import LRSchedule


class Loss(Protocol):
    """A training loss; `needs_classes` asks the network for its color classes too."""

    needs_classes: bool

    def __call__(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compare ab B2HW with ab B2HW, both in Lab units."""
        ...


class ColorizationModule(LightningModule):
    """Train a network on simulated hints, validate it on fixed ones.

    Args:
        network: (lightness B1HW, hints) -> ab B2HW, see `chromahint.models`.
        loss: what training minimizes.
        hints: sampler (ab B2HW, generator) -> Hints.
        augment: (rgb B3HW uint8, generator) -> rgb B3HW float32 in 0..1.
        protocol: the hints of validation.
        optimizer: named parameters -> optimizer.
        lr_schedule: factor on the optimizer's learning rate over the course of training.
        seed: hints and augmentation follow from it, the step and the process.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        hints: Callable[[Tensor, torch.Generator], Hints],
        augment: Callable[[Tensor, torch.Generator], Tensor],
        protocol: HintProtocol,
        optimizer: Callable[[Iterable[tuple[str, nn.Parameter]]], Optimizer],
        lr_schedule: LRSchedule,
        seed: int,
    ) -> None:
        super().__init__()
        if isinstance(network, HasColorClasses) and not loss.needs_classes:
            network.freeze_classes()  # distributed training waits for the gradient of all that is not frozen
        self.network = network
        self.loss = loss
        self.hint_sampler = hints
        self.augment = augment
        self.protocol = protocol
        self.make_optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.seed = seed
        self.psnr = nn.ModuleDict({str(k): MeanPerImage() for k in protocol.hint_counts})
        self.ssim = nn.ModuleDict({str(k): MeanPerImage() for k in protocol.hint_counts})

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch: compare, and log."""
        loss = self.compute_loss(batch, batch_idx)
        self.log("train/loss", loss, batch_size=len(batch["id"]))
        return loss

    def compute_loss(self, batch: Batch, batch_idx: int) -> Tensor:
        """Augment, take hints, color, compare: the same each time for the same batch of the same epoch."""
        generator = self.generator(batch_idx)
        lightness, ab = rgb_to_lab(self.augment(batch["rgb"], generator))
        hints = self.hint_sampler(ab, generator)
        logits = None
        if self.loss.needs_classes:
            assert isinstance(self.network, HasColorClasses)
            prediction, logits = self.network.with_classes(lightness, hints)
        else:
            prediction = self.network(lightness, hints)
        return self.loss(prediction, ab, lightness, logits)

    def generator(self, batch_idx: int) -> torch.Generator:
        """Make the source of this batch's random choices: seed, epoch, batch and process decide it, nothing else."""
        words = f"{self.seed}/{self.current_epoch}/{batch_idx}/{self.global_rank}".encode()
        number = int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "little")
        return torch.Generator(self.device).manual_seed(number >> 1)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Color a batch once for every number of hints."""
        for result in evaluate_hint_counts(self.network, batch["rgb"], batch["id"], self.protocol):
            for metrics, values in ((self.psnr, result.psnr), (self.ssim, result.ssim)):
                metric = metrics[str(result.count)]
                assert isinstance(metric, MeanPerImage)
                metric.update(values, batch["weight"])

    def on_validation_epoch_end(self) -> None:
        """Log each count's means over all processes, and `val/psnr`, which models are chosen by."""
        means: dict[str, Tensor] = {}
        for name, metrics in (("psnr", self.psnr), ("ssim", self.ssim)):
            for k, metric in metrics.items():
                assert isinstance(metric, MeanPerImage)
                means[f"val/{name}@{k}"] = metric.compute()
                metric.reset()
            hinted = [means[f"val/{name}@{k}"] for k in self.protocol.hint_counts if k >= 1]
            means[f"val/{name}"] = torch.stack(hinted or [means[f"val/{name}@0"]]).mean()
        if means["val/psnr"].isnan():
            raise ValueError("none of the validation pictures can be read; broken.txt in the run's folder lists them")
        self.log_dict(means)
        self.lr_schedule.on_validation_score(float(means["val/psnr"]))

    def configure_optimizers(self) -> Any:
        """Optimizer, and the schedule as a factor on its learning rate before every step."""
        optimizer = self.make_optimizer(self.network.named_parameters())
        scheduler = LambdaLR(
            optimizer, lambda _: self.lr_schedule.lr_factor(TrainingLimits.of(self.trainer).progress(self.trainer))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a schedule remembers beside the optimizer's state."""
        checkpoint["lr_schedule"] = self.lr_schedule.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Give a schedule its memory back."""
        self.lr_schedule.load_state_dict(checkpoint["lr_schedule"])
