"""Photos for Lightning: from a source to the loaders of training, validation and test."""

from __future__ import annotations

from pathlib import Path

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
        source: where the photos come from.
        fit: how a photo becomes a training picture: squashed, a random crop, or a random crop resized.
        size: side of a training picture in pixels.
        shorter_side: for a random crop, what the photo's shorter side is resized to first; None crops it as it is.
        eval_size: side of a picture in validation and test, to which the photo is squashed.
        batch_size: training pictures a step on each device.
        eval_batch_size: pictures a step on each device in validation and test.
        workers: processes that load pictures, for each device; 0 loads in the training process.
        limit: take at most so many pictures of each split.
        seed: of order and crops.
        min_ab_range: training pictures whose colors span less than this (see `ab_range`) are passed over.
    """

    def __init__(
        self,
        source: PhotoSource,
        fit: Fit = "random_crop",
        size: int = 128,
        shorter_side: int | None = None,
        eval_size: int = 256,
        batch_size: int = 16,
        eval_batch_size: int = 8,
        workers: int = 0,
        limit: int | None = None,
        seed: int = 0,
        min_ab_range: float = 0.0,
    ) -> None:
        super().__init__()
        for key, value, least in (
            ("size", size, 1),
            ("eval_size", eval_size, 1),
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("workers", workers, 0),
            ("limit", limit, 1),
            ("min_ab_range", min_ab_range, 0),
        ):
            if value is not None and value < least:
                raise ValueError(f"data.{key}={value} is too small. Type data.{key}=N with N of {least} or more.")
        self.source = source
        self.fit = ResizeOrCrop(fit, size, shorter_side)
        self.eval_size, self.batch_size, self.eval_batch_size = eval_size, batch_size, eval_batch_size
        self.workers, self.limit, self.seed = workers, limit, seed
        self.min_ab_range = min_ab_range

    def prepare_data(self) -> None:
        """Make the source's caches, in one process."""
        self.source.prepare(self.limit)

    def write_lists(self, folder: Path) -> list[Path]:
        """Write down which pictures are for what, for the next person, where the source draws them from many.

        Returns:
            The files that were written; none for a source whose pictures need no list.
        """
        write = getattr(self.source, "write_lists", None)
        return [] if write is None else write(folder, self.limit)

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
        photos = self.source.photos(split, self.limit)
        if split == "train":
            order = TrainSampler(len(photos), self.batch_size, self.seed, rank, world)
            return PhotoLoader(TrainDataset(photos, self.fit, self.seed, self.min_ab_range), order, self.workers)
        return PhotoLoader(
            EvalDataset(photos, self.eval_size),
            EvalSampler(len(photos), self.eval_batch_size, rank, world),
            self.workers,
        )
