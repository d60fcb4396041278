"""Photos of any `LightningDataModule`, read from the datasets of its data loaders."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import ConcatDataset, Dataset, IterableDataset

from chromahint.data.sources.base import Photos, Split, limit_to
from chromahint.images.decode import RGBImage

_CONTRACT = (
    "It must be a LightningDataModule whose data loaders have datasets of uint8 RGB images: tensors 3xHxW, arrays "
    "HxWx3, PIL images, tuples that begin with one, or dicts with one as `rgb` or `image`"
)


class DataModuleSource:
    """The photos of a data module: those of its datasets, which Chromahint crops, batches, and shares among processes.

    Args:
        module: The data module. Without a `test_dataloader`, its validation photos are the test photos, too.
    """

    def __init__(self, module: L.LightningDataModule) -> None:
        if not isinstance(module, L.LightningDataModule):
            raise ValueError(f"data.module: {type(module).__name__} is no LightningDataModule. {_CONTRACT}.")
        self.module = module
        self._photos: dict[str, DatasetPhotos] = {}

    def prepare(self, max_images: int | None = None) -> None:
        """Let the module download what it needs."""
        self.module.prepare_data()

    def photos(self, split: Split, max_images: int | None = None) -> Photos:
        """Return the photos of a split: all of them, or the first `max_images`.

        Raises:
            ValueError: The module has no such photos, or they are no uint8 RGB images.
        """
        if split not in self._photos:
            try:
                self._photos[split] = self._load(split)
            except Exception as error:  # whatever the user's code raises
                name = type(self.module).__name__
                raise ValueError(
                    f"data.module: {name} has no {split} photos: {type(error).__name__}: {error}. {_CONTRACT}."
                ) from error
        return limit_to(self._photos[split], max_images)

    def _load(self, split: Split) -> DatasetPhotos:
        if split == "all":
            parts: list[Split] = ["train", "val", "test"] if self._has_test else ["train", "val"]
            return DatasetPhotos(ConcatDataset([self._load(part).dataset for part in parts]), split)
        if not self._photos:
            self.module.prepare_data()
        loader_name = split if split != "test" or self._has_test else "val"
        self.module.setup("test" if loader_name == "test" else "fit")
        loader = getattr(self.module, f"{loader_name}_dataloader")()
        dataset: Any = getattr(loader, "dataset", None)
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
            raise TypeError(
                f"{loader_name}_dataloader() returned {type(loader).__name__} without a dataset of known size"
            )
        photos = DatasetPhotos(dataset, split)
        photos.read(0)
        return photos

    @property
    def _has_test(self) -> bool:
        return type(self.module).test_dataloader is not L.LightningDataModule.test_dataloader


class DatasetPhotos:
    """Photos of a map-style dataset.

    Args:
        dataset: Its items are uint8 RGB images; see `DataModuleSource`.
        split: Name of the split, for names of photos.
    """

    def __init__(self, dataset: Dataset[Any], split: Split) -> None:
        self.dataset, self.split = dataset, split
        self._last: tuple[int, RGBImage] | None = None

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # the source has checked it

    def read(self, index: int) -> RGBImage:
        """Return a photo as HxWx3 uint8 RGB.

        Raises:
            TypeError: The item is no uint8 RGB image.
        """
        # a photo is read and then identified
        if self._last is None or self._last[0] != index:
            self._last = (index, self._read(index))
        return self._last[1]

    def _read(self, index: int) -> RGBImage:
        item = self.dataset[index]
        if isinstance(item, Mapping):
            item = item.get("rgb", item.get("image"))
        elif isinstance(item, tuple | list):
            item = item[0]
        image = item.permute(1, 2, 0).numpy() if isinstance(item, torch.Tensor) and item.ndim == 3 else np.asarray(item)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise TypeError(f"photo {index} is {image.dtype} {image.shape}")
        return np.ascontiguousarray(image)

    def name(self, index: int) -> str:
        """Return the split and the number of a photo."""
        return f"{self.split}-{index:06d}"

    def identify(self, index: int) -> str:
        """Return a hash of the pixels."""
        return blake2b(self.read(index).tobytes(), digest_size=16).hexdigest()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_last": None}
