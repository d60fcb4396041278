"""Lightning data module: builds the data loaders of a source of photos."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import lightning as L

from chromahint.data.dataloader import PhotoLoader
from chromahint.data.dataset import Batch, EvalDataset, TrainDataset
from chromahint.data.gpu_decoding import GPUDecodingUnavailableError, JPEGDecoder, decode_batch, find_decoder
from chromahint.data.samplers import EvalSampler, TrainSampler
from chromahint.data.sources.base import PhotoSource, Split
from chromahint.data.transforms import ResizeMode, ResizeOrCrop
from chromahint.ranges import BatchSize, Count, ImageSize, NonNegative, NumWorkers, Seed, validate_arguments


def check_batch_size(batch_size: int, devices: int) -> None:
    """Raise ValueError unless a batch can be split evenly over devices."""
    if batch_size % devices:
        near = [size for size in (batch_size // devices * devices, -(-batch_size // devices) * devices) if size]
        raise ValueError(
            f"data.batch_size={batch_size}: can't be split evenly over {devices} devices. Use "
            f"{' or '.join(f'data.batch_size={size}' for size in near)}, or another number of devices."
        )


class PhotoDataModule(L.LightningDataModule):
    """Data loaders of uint8 RGB batches from any source of photos.

    Create the trainer with `use_distributed_sampler=False`: the samplers shard the images over processes themselves.

    Args:
        source: Source of the photos, or a class that is called with `source_options`.
        resize_mode: How a photo becomes a training image: `squash`, `random_crop` or `random_resized_crop`.
        train_size: Height and width of training images in pixels.
        shorter_side: For `random_crop`, resize the photo so that its shorter side has this length, then crop; None
            crops the photo at its original resolution.
        eval_size: Height and width that photos are squashed to for validation and test.
        batch_size: Training images per batch on all devices together, a multiple of their number.
        eval_batch_size: Images per step on each device in validation and test.
        num_workers: Worker processes for each device; 0 loads in the training process.
        decode_on: `gpu` decodes JPEG files, crops and resizes them on the GPU that trains, if it can; `workers` on the
            CPU.
        max_images: Use at most this many images of each split; None uses all.
        seed: Seed of the order and the crops.
        min_colorfulness: Skip training images whose `ab_range` is below this, in Lab units; 0 keeps all.
        source_options: Arguments of `source`, if it is a class.
    """

    @validate_arguments("data")
    def __init__(
        self,
        source: PhotoSource | Callable[..., PhotoSource],
        resize_mode: ResizeMode = "random_crop",
        train_size: ImageSize = 128,
        shorter_side: ImageSize | None = None,
        eval_size: ImageSize = 256,
        batch_size: BatchSize = 16,
        eval_batch_size: BatchSize = 8,
        num_workers: NumWorkers = 0,
        decode_on: Literal["workers", "gpu"] = "workers",
        max_images: Count | None = None,
        seed: Seed = 0,
        min_colorfulness: NonNegative = 0.0,
        **source_options: Any,
    ) -> None:
        super().__init__()
        if decode_on == "gpu" and min_colorfulness > 0:
            raise ValueError(
                f"data.min_colorfulness={min_colorfulness:g}: workers skip gray photos, so that they have to decode "
                "them. Use data.min_colorfulness=0 or data.decode_on=workers."
            )
        self.source: PhotoSource = source(**source_options) if callable(source) else source
        self.train_transform = ResizeOrCrop(resize_mode, train_size, shorter_side)
        self.eval_size, self.batch_size, self.eval_batch_size = eval_size, batch_size, eval_batch_size
        self.num_workers, self.max_images, self.seed = num_workers, max_images, seed
        self.min_colorfulness, self.decode_on = min_colorfulness, decode_on
        self._decoding: tuple[JPEGDecoder, TrainDataset] | None = None

    def prepare_data(self) -> None:
        """Let the source build its caches. Lightning calls this in one process."""
        self.source.prepare(self.max_images)

    def write_lists(self, folder: Path) -> list[Path]:
        """Write the image list of each split, so that others can reproduce a source that samples its images.

        Returns:
            The files written; empty if the source does not need lists.
        """
        write = getattr(self.source, "write_lists", None)
        return [] if write is None else write(folder, self.max_images)

    def train_dataloader(self) -> PhotoLoader:
        """Return the training batches, in a new order each epoch."""
        return self.loader("train")

    def val_dataloader(self) -> PhotoLoader:
        """Return the validation batches, in a fixed order."""
        return self.loader("val")

    def test_dataloader(self) -> PhotoLoader:
        """Return the test batches, in a fixed order."""
        return self.loader("test")

    def loader(self, split: Split) -> PhotoLoader:
        """Return the loader of a split, with or without a trainer. Every split but `train` is loaded for evaluation."""
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        photos = self.source.photos(split, self.max_images)
        if split == "train":
            check_batch_size(self.batch_size, world_size)
            decoder = self._find_decoder()
            train_set = TrainDataset(
                photos, self.train_transform, self.seed, self.min_colorfulness, leave_encoded=decoder is not None
            )
            self._decoding = None if decoder is None else (decoder, train_set)
            train_sampler = TrainSampler(len(photos), self.batch_size, self.seed, rank, world_size)
            return PhotoLoader(train_set, train_sampler, self.num_workers)
        eval_sampler = EvalSampler(len(photos), self.eval_batch_size, rank, world_size)
        return PhotoLoader(EvalDataset(photos, self.eval_size), eval_sampler, self.num_workers)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Decode on the GPU what workers left encoded."""
        if self._decoding is not None and batch["encoded"]:
            decode_batch(batch, *self._decoding)
        return batch

    def _find_decoder(self) -> JPEGDecoder | None:
        """Return the decoder on the GPU that trains; None if workers decode."""
        if self.decode_on == "workers" or self.trainer is None:
            return None
        try:
            return find_decoder(self.trainer.strategy.root_device)
        except GPUDecodingUnavailableError as reason:
            if self.trainer.is_global_zero:  # a warning would not be shown: those of Lightning are hidden in a run
                print(f"data.decode_on=gpu: {reason}. Workers decode instead.", file=sys.stderr)  # noqa: T201
            return None
