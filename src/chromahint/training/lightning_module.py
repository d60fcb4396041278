"""LightningModule that trains a colorization network on simulated hints.

It needs nothing but a network and images, under any Lightning trainer:

    module = ColorizationModule(network=UNet(width=8))
    Trainer(max_steps=1000).fit(module, DataLoader(images, batch_size=16), DataLoader(val_images, batch_size=8))
    module = ColorizationModule.load_from_checkpoint("last.ckpt", weights_only=True)

Shape suffixes: B batch, H height, W width.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.dataset import Batch
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.metrics import MeanPerImage
from chromahint.evaluation.protocols.base import HintProtocol, InteractiveProtocol, LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.global_sampler import WithGlobalHints
from chromahint.hints.hints import Hints
from chromahint.hints.samplers import LogUniformPixels
from chromahint.models.ab_bins import HasColorClasses
from chromahint.models.auxiliary_loss import HasAuxiliaryLoss
from chromahint.training.augmentation import Augment
from chromahint.training.hyperparameters import Description, build, describe_part
from chromahint.training.losses import Huber, Loss, PlainLoss
from chromahint.training.lr_schedules import Cosine, LRSchedule, torch_scheduler
from chromahint.training.old_photos import OldPhotos
from chromahint.training.optimizers import adam
from chromahint.training.self_play import SelfPlay
from chromahint.training.training_progress import TrainingProgress, trainer_progress

VALIDATION_METRICS = ("psnr", "ssim", "ciede2000")
"""Metrics that are logged, such as `val/psnr` and `val/psnr@10`."""

AnyBatch = Batch | Mapping[str, Any] | list[Tensor] | tuple[Tensor, ...] | Tensor
"""Images as B3HW uint8 RGB: a tensor, the first item of a list or tuple, or `rgb` of a mapping.

A mapping may also contain `id` (B image IDs, which determine the positions of evaluation hints; by default hashes of
the pixels), `weight` (B; images of weight 0 are left out of validation and test metrics) and, for prediction, `hints`.
"""


class ValidationResult(TypedDict):
    """Output of `validation_step`.

    Attributes:
        rgb: The photos, B3HW uint8 RGB.
        predictions: Hint count -> result, B3HW uint8 RGB.
        weight: B; 0 for images that count in no mean: padding, and colorless photos.
    """

    rgb: Tensor
    predictions: dict[int, Tensor]
    weight: Tensor


def default_parts() -> dict[str, Any]:
    """Build the default parts of `ColorizationModule`, which are those of `chromahint train`."""
    return {
        "loss": Huber(delta=0.1),
        "hints": LogUniformPixels(low=1e-4, high=0.03, no_hint_probability=0.05),
        "augment": Augment(flip_horizontal=0.5, lightness=0.15, saturation=0.15, hue=5.0),
        "protocol": RandomPixels(),
        "optimizer": functools.partial(adam, lr=0.002, betas=[0.9, 0.999], eps=1e-8),
        "lr_schedule": Cosine(),
    }


class ColorizationModule(LightningModule):
    """Trains a network on simulated hints; validates, tests and predicts with the fixed hints of a protocol.

    Every part but the network has a default. Checkpoints describe the parts (see `training/hyperparameters.py`), so
    `load_from_checkpoint(path)` rebuilds them. Only parts that are defined outside of Chromahint must be passed again,
    as in `load_from_checkpoint(path, network=MyNetwork())`.

    Args:
        network: (lightness B1HW, hints) -> ab B2HW. See `chromahint.models`.
        loss: Training loss; see `Loss`. Or any function of prediction and target, such as `torch.nn.SmoothL1Loss()`, on
            ab in Lab units.
        hints: Hint sampler, (ab B2HW, generator) -> Hints.
        augment: Augmentation, (rgb B3HW uint8, generator) -> rgb B3HW float32 in 0..1.
        protocol: Hints and metrics of validation, test and prediction, for images of the protocol's size. It can't be
            interactive.
        optimizer: named parameters -> optimizer.
        lr_schedule: Factor on the optimizer's learning rate over the course of training; or optimizer -> any scheduler
            of `torch.optim.lr_scheduler`.
        seed: Seed of hints and augmentation, together with epoch, batch index and rank.

    Attributes:
        progress: Trainer -> progress, which the learning rate schedule follows; by default that of the trainer's
            `max_steps` and `max_epochs`.
    """

    def __init__(
        self,
        network: nn.Module | Description,
        loss: Loss | Callable[[Tensor, Tensor], Tensor] | Description | None = None,
        hints: Callable[[Tensor, torch.Generator], Hints] | Description | None = None,
        augment: Callable[[Tensor, torch.Generator], Tensor] | Description | None = None,
        protocol: HintProtocol | Description | None = None,
        optimizer: Callable[[Iterable[tuple[str, nn.Parameter]]], Optimizer] | Description | None = None,
        lr_schedule: LRSchedule | Callable[[Optimizer], LRScheduler] | Description | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        given: dict[str, Any] = {"network": network, "loss": loss, "hints": hints, "augment": augment}
        given |= {"protocol": protocol, "optimizer": optimizer, "lr_schedule": lr_schedule}
        chosen = default_parts() | {name: part for name, part in given.items() if part is not None}
        parts = {name: build(part) for name, part in chosen.items()}
        # loggers of a run already have its config
        self.save_hyperparameters(
            {name: describe_part(part) for name, part in parts.items()} | {"seed": seed}, logger=False
        )
        self.network: nn.Module = parts["network"]
        self.loss: Loss = parts["loss"] if isinstance(parts["loss"], Loss) else PlainLoss(parts["loss"])
        self.hint_sampler: Callable[[Tensor, torch.Generator], Hints] = parts["hints"]
        self.augment: Callable[[Tensor, torch.Generator], Tensor] = parts["augment"]
        self.protocol: HintProtocol = parts["protocol"]
        if isinstance(self.protocol, InteractiveProtocol):
            raise ValueError(
                f"protocol={self.protocol.name}: its hints depend on the network, which takes too long during "
                "training. Train with another protocol, such as RandomPixels(), and evaluate with this one afterwards."
            )
        self.make_optimizer: Callable[[Iterable[tuple[str, nn.Parameter]]], Optimizer] = parts["optimizer"]
        self.lr_schedule: LRSchedule | Callable[[Optimizer], LRScheduler] = parts["lr_schedule"]
        self.seed = seed
        self.progress: Callable[[Trainer], TrainingProgress] = trainer_progress
        if isinstance(self.network, HasColorClasses) and not self.loss.needs_classes:
            self.network.freeze_classes()  # distributed training waits for the gradients of all unfrozen parameters
        counts = self.protocol.hint_counts
        self.metrics = nn.ModuleDict(
            {name: nn.ModuleDict({str(k): MeanPerImage() for k in counts}) for name in VALIDATION_METRICS}
        )

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict ab B2HW in Lab units from lightness B1HW in 0..100 and hints."""
        ab: Tensor = self.network(lightness, hints)
        return ab

    def training_step(self, batch: AnyBatch, batch_idx: int) -> Tensor:
        """Compute the loss of a batch, and log its mean over all processes."""
        loss = self.compute_loss(batch, batch_idx)
        self.log("train/loss", loss, batch_size=len(_images(batch)), sync_dist=True)
        return loss

    def compute_loss(self, batch: AnyBatch, batch_idx: int) -> Tensor:
        """Augment, sample hints, predict and compute the loss. Reproducible for the same batch of the same epoch."""
        generator = self.generator(batch_idx)
        lightness, ab = rgb_to_lab(self.augment(_images(batch), generator))
        if isinstance(self.augment, OldPhotos):
            lightness = self.augment.age(lightness, generator)
        if isinstance(self.hint_sampler, SelfPlay):
            hints = self.hint_sampler.play(self.network, lightness, ab, generator)
        elif isinstance(self.hint_sampler, WithGlobalHints):
            hints = self.hint_sampler.sample(lightness, ab, generator)
        else:
            hints = self.hint_sampler(ab, generator)
        logits = None
        if isinstance(self.network, HasAuxiliaryLoss):
            prediction, auxiliary = self.network.with_auxiliary_loss(lightness, hints, ab, generator)
            return self.loss(prediction, ab, lightness) + auxiliary
        if self.loss.needs_classes:
            assert isinstance(self.network, HasColorClasses)
            prediction, logits = self.network.with_classes(lightness, hints)
        else:
            prediction = self.network(lightness, hints)
        return self.loss(prediction, ab, lightness, logits)

    def generator(self, batch_idx: int) -> torch.Generator:
        """Create the random generator of a batch, which depends on seed, epoch, batch index and rank only."""
        key = f"{self.seed}/{self.current_epoch}/{batch_idx}/{self.global_rank}".encode()
        number = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
        return torch.Generator(self.device).manual_seed(number >> 1)

    def validation_step(self, batch: AnyBatch, batch_idx: int) -> ValidationResult:
        """Evaluate a batch at every hint count. Colorless photos count only if the protocol keeps them."""
        images = _images(batch)
        weight = batch.get("weight") if isinstance(batch, Mapping) else None
        real = torch.ones(len(images), device=images.device) if weight is None else weight
        predictions: dict[int, Tensor] = {}
        for result in evaluate_hint_counts(self.network, images, _ids(batch), self.protocol):
            counted = real if self.protocol.keeps_colorless else real * ~result.colorless
            predictions[result.count] = result.prediction
            for name, metrics in self.metrics.items():
                metric = metrics[str(result.count)]  # type: ignore[index]
                metric.update(result.scores[name], counted)
        return {"rgb": images, "predictions": predictions, "weight": counted}

    def on_validation_epoch_end(self) -> None:
        """Log the mean metrics, including the model-selection metric `val/psnr`."""
        means = self._log_means("val")
        training = self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking
        if training and isinstance(self.lr_schedule, LRSchedule):
            self.lr_schedule.on_validation_score(float(means["val/psnr"]))

    def test_step(self, batch: AnyBatch, batch_idx: int) -> None:
        """Evaluate a batch at every hint count."""
        self.validation_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        """Log the mean metrics as `test/psnr`, `test/psnr@10` and so on."""
        self._log_means("test")

    def predict_step(self, batch: AnyBatch, batch_idx: int) -> Tensor:
        """Colorize a batch with its own `hints`, or with the protocol's largest hint count, as B3HW uint8 RGB."""
        lightness, ab = rgb_to_lab(_images(batch))
        hints = batch.get("hints") if isinstance(batch, Mapping) else None
        if hints is None:
            truth = LabImages(lightness, ab, _images(batch))
            hints = self.protocol.hints(truth, _ids(batch), self.protocol.hint_counts[-1])
        return lab_to_rgb8(lightness, self(lightness, hints))

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the schedule as a factor on its learning rate before every step."""
        optimizer = self.make_optimizer(self.network.named_parameters())
        schedule = self.lr_schedule
        if not isinstance(schedule, LRSchedule):
            return {"optimizer": optimizer, "lr_scheduler": torch_scheduler(schedule, optimizer)}
        scheduler = LambdaLR(optimizer, lambda _: schedule.lr_factor(self.progress(self.trainer)))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the state of the learning rate schedule."""
        if isinstance(self.lr_schedule, LRSchedule):  # Lightning saves those of torch
            checkpoint["lr_schedule"] = self.lr_schedule.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the state of the learning rate schedule."""
        if isinstance(self.lr_schedule, LRSchedule):
            self.lr_schedule.load_state_dict(checkpoint["lr_schedule"])

    def _log_means(self, stage: str) -> dict[str, Tensor]:
        """Log means over all processes per hint count, and over the counts from 1; then reset the metrics."""
        means: dict[str, Tensor] = {}
        for name, metrics in self.metrics.items():
            for k, metric in metrics.items():  # type: ignore[operator]
                means[f"{stage}/{name}@{k}"] = metric.compute()
                metric.reset()
            hinted = [means[f"{stage}/{name}@{k}"] for k in self.protocol.hint_counts if k >= 1]
            means[f"{stage}/{name}"] = torch.stack(hinted or [means[f"{stage}/{name}@0"]]).mean()
        if means[f"{stage}/psnr"].isnan():
            raise ValueError(
                f"data: none of the {stage} images can be read and has color. Replace those that broken.txt in the run "
                "folder lists, or use protocol.min_chroma=0 for colorless photos."
            )
        self.log_dict(means)
        return means


def _images(batch: AnyBatch) -> Tensor:
    """Return the images B3HW uint8 of a batch."""
    images = batch["rgb"] if isinstance(batch, Mapping) else batch[0] if isinstance(batch, list | tuple) else batch
    if not isinstance(images, Tensor) or images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        got = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"batch of {got}: must be uint8 RGB images of shape (B, 3, H, W).")
    return images


def _ids(batch: AnyBatch) -> list[str]:
    """Return the image IDs of a batch; hashes of the pixels if it has none."""
    if isinstance(batch, Mapping) and "id" in batch:
        return list(batch["id"])
    pixels = _images(batch).cpu().numpy()
    return [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in pixels]
