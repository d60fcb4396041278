"""Photos for Lightning: from a source to the loaders of training, validation and test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L

from chromahint.data.dataloader import PhotoLoader
from chromahint.data.dataset import EvalDataset, TrainDataset
from chromahint.data.samplers import EvalSampler, TrainSampler
from chromahint.data.sources.base import PhotoSource, Split
from chromahint.data.transforms import Fit, ResizeOrCrop


class PhotoDataModule(L.LightningDataModule):
    """Makes loaders of uint8 RGB batches from a source of photos.

    Build the trainer with `use_distributed_sampler=False`: the loaders deal pictures out to processes themselves.

    Args:
        source: where the photos come from, or a class that is built from `source_options`.
        resize_mode: how a photo becomes a training image: squashed, a random crop, or a random resized crop.
        train_size: side of a training image in pixels.
        shorter_side: for a random crop, what the photo's shorter side is resized to first; None crops it as it is.
        eval_size: side of an image in validation and test, to which the photo is squashed.
        batch_size: training images per step on each device.
        eval_batch_size: images per step on each device in validation and test.
        num_workers: worker processes for each device; 0 loads in the training process.
        max_images: use at most this many images of each split.
        seed: seed of the order and the crops.
        min_colorfulness: training images whose ab range (see `ab_range`) is below this are skipped.
        source_options: arguments of `source`, where that is a class.
    """

    def __init__(
        self,
        source: PhotoSource | Callable[..., PhotoSource],
        resize_mode: Fit = "random_crop",
        train_size: int = 128,
        shorter_side: int | None = None,
        eval_size: int = 256,
        batch_size: int = 16,
        eval_batch_size: int = 8,
        num_workers: int = 0,
        max_images: int | None = None,
        seed: int = 0,
        min_colorfulness: float = 0.0,
        **source_options: Any,
    ) -> None:
        super().__init__()
        for key, value, least in (
            ("train_size", train_size, 1),
            ("eval_size", eval_size, 1),
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("num_workers", num_workers, 0),
            ("max_images", max_images, 1),
            ("min_colorfulness", min_colorfulness, 0),
        ):
            if value is not None and value < least:
                raise ValueError(f"data.{key}={value} is too small. Type data.{key}=N with N of {least} or more.")
        self.source: PhotoSource = source(**source_options) if callable(source) else source
        self.train_transform = ResizeOrCrop(resize_mode, train_size, shorter_side)
        self.eval_size, self.batch_size, self.eval_batch_size = eval_size, batch_size, eval_batch_size
        self.num_workers, self.max_images, self.seed = num_workers, max_images, seed
        self.min_colorfulness = min_colorfulness

    def prepare_data(self) -> None:
        """Make the source's caches, in one process."""
        self.source.prepare(self.max_images)

    def write_lists(self, folder: Path) -> list[Path]:
        """Write down which pictures are for what, for the next person, where the source draws them from many.

        Returns:
            The files that were written; none for a source whose pictures need no list.
        """
        write = getattr(self.source, "write_lists", None)
        return [] if write is None else write(folder, self.max_images)

    def train_dataloader(self) -> PhotoLoader:
        """Batches for training, in a new order each epoch."""
        return self.loader("train")

    def val_dataloader(self) -> PhotoLoader:
        """Batches for validation, in a fixed order."""
        return self.loader("val")

    def test_dataloader(self) -> PhotoLoader:
        """Batches for the test, in a fixed order."""
        return self.loader("test")

    def loader(self, split: Split) -> PhotoLoader:
        """A loader of one split, with or without a trainer; all but `train` give evaluation pictures."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        photos = self.source.photos(split, self.max_images)
        if split == "train":
            order = TrainSampler(len(photos), self.batch_size, self.seed, rank, world)
            return PhotoLoader(
                TrainDataset(photos, self.train_transform, self.seed, self.min_colorfulness), order, self.num_workers
            )
        return PhotoLoader(
            EvalDataset(photos, self.eval_size),
            EvalSampler(len(photos), self.eval_batch_size, rank, world),
            self.num_workers,
        )
