"""Datasets that build whole batches of uint8 RGB images in a worker."""

from __future__ import annotations

import signal
from typing import NamedTuple, TypedDict

import cv2
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chromahint.data.colorfulness import ab_range
from chromahint.data.samplers import SampleIndex, derive_seed
from chromahint.data.sources.base import Photos, read_file, read_reduced
from chromahint.data.transforms import Box, ResizeOrCrop
from chromahint.images.decode import RGBImage, UnreadableImageError, read_jpeg_size
from chromahint.images.resize import resize_square


class EncodedImage(NamedTuple):
    """A JPEG file in the place of an image of a batch.

    Attributes:
        row: Position of the image in the batch.
        data: Content of the file.
        box: Part of the photo that is resized.
        photo: Index of the photo.
        seed: Seed of the crop.
    """

    row: int
    data: bytes
    box: Box
    photo: int
    seed: int


class Batch(TypedDict):
    """Batch of images.

    Attributes:
        rgb: B3HW uint8, a channels-first view of channels-last memory.
        id: B image ids.
        name: B short names.
        weight: B float32; 0 for padding, and in evaluation for unreadable images.
        broken: `path: reason` of every image that could not be read.
        encoded: Images that are still to be decoded into `rgb`, where they are black.
    """

    rgb: Tensor
    id: list[str]
    name: list[str]
    weight: Tensor
    broken: list[str]
    encoded: list[EncodedImage]


class TrainDataset(Dataset[Batch]):
    """Randomly cropped or resized training images.

    An image that is unreadable or too gray is replaced by the next usable one.

    Args:
        photos: Training images.
        transform: Resizes or crops an image to the training size.
        seed: Seed of the crops.
        min_colorfulness: Images whose `ab_range` after the transform is below this are too gray; 0 keeps all.
        leave_encoded: Leave JPEG files encoded, for `chromahint.data.gpu_decoding`.
    """

    def __init__(
        self,
        photos: Photos,
        transform: ResizeOrCrop,
        seed: int,
        min_colorfulness: float = 0.0,
        leave_encoded: bool = False,
    ) -> None:
        self.photos, self.transform, self.seed, self.min_colorfulness = photos, transform, seed, min_colorfulness
        self.leave_encoded = leave_encoded

    def __getitems__(self, samples: list[SampleIndex]) -> Batch:
        """Build a whole batch."""
        builder = BatchBuilder(len(samples), self.transform.size)
        for sample in samples:
            # "fit" is part of the seed: another word would change the crops of every run
            seed = derive_seed(self.seed, "fit", sample.epoch, sample.photo)
            file = self._find_file(sample.photo, seed) if self.leave_encoded else None
            if file is None:
                image, index = self.load_usable(sample.photo, seed, builder.broken)
                builder.add(image, self.photos, index, sample.weight)
            else:
                builder.add_encoded(*file, self.photos, sample.photo, seed, sample.weight)
        return builder.build()

    def _find_file(self, photo: int, seed: int) -> tuple[bytes, Box] | None:
        """Return the JPEG file of a photo, and its crop; None if this process has to decode or enlarge it."""
        try:
            data = read_file(self.photos, photo)
            size = None if data is None else read_jpeg_size(data, self.photos.name(photo))
        except UnreadableImageError:
            return None
        if data is None or size is None:
            return None
        box = self.transform.box(*size, seed)
        return (data, box) if min(box.height, box.width) >= self.transform.size else None

    def load_usable(self, photo: int, seed: int, broken: list[str]) -> tuple[RGBImage, int]:
        """Return an image after the transform, or the next usable one, with its index.

        Args:
            photo: Index of the image.
            seed: Seed of the crop.
            broken: Receives `path: reason` of images that can't be read.
        """
        count, gray = len(self.photos), 0
        for step in range(count):
            index = (photo + step) % count
            try:
                image = self.transform(read_reduced(self.photos, index, self.transform.min_side), seed)
            except UnreadableImageError as error:
                broken.append(str(error))
                continue
            if self.min_colorfulness == 0 or ab_range(image) >= self.min_colorfulness:
                return image, index
            gray += 1
        if gray:
            raise ValueError(
                f"data.min_colorfulness={self.min_colorfulness:g}: all {gray} readable training images are less "
                "colorful. Use data.min_colorfulness=0, or data.root=PATH of a folder with other images."
            )
        raise ValueError(
            f"data: none of the {count} training images can be read; the first error is: {broken[0]}. "
            "List them all with `chromahint data check ROOT`, or use data.root=PATH of a folder with other images."
        )


class EvalDataset(Dataset[Batch]):
    """Images resized to size x size for evaluation. Unreadable images get weight 0."""

    def __init__(self, photos: Photos, size: int) -> None:
        self.photos, self.size = photos, size

    def __getitems__(self, samples: list[SampleIndex]) -> Batch:
        """Build a whole batch."""
        builder = BatchBuilder(len(samples), self.size)
        for sample in samples:
            try:
                image = resize_square(self.photos.read(sample.photo), self.size)
                builder.add(image, self.photos, sample.photo, sample.weight)
            except UnreadableImageError as error:
                builder.add_unreadable(self.photos.name(sample.photo))
                if sample.weight:
                    builder.broken.append(str(error))
        return builder.build()


class BatchBuilder:
    """Collects the images of one batch in preallocated memory."""

    def __init__(self, count: int, size: int) -> None:
        self.rgb_BHW3 = torch.zeros(count, size, size, 3, dtype=torch.uint8)
        self.pixels = self.rgb_BHW3.numpy()
        self.ids: list[str] = []
        self.names: list[str] = []
        self.weights: list[float] = []
        self.broken: list[str] = []
        self.encoded: list[EncodedImage] = []

    def add(self, image: RGBImage, photos: Photos, index: int, weight: float) -> None:
        """Add an image (size x size x 3) with its id and name."""
        self.pixels[len(self.ids)] = image
        self._describe(photos, index, weight)

    def add_encoded(self, data: bytes, box: Box, photos: Photos, index: int, seed: int, weight: float) -> None:
        """Add a JPEG file, of which a crop with this seed becomes the image."""
        self.encoded.append(EncodedImage(len(self.ids), data, box, index, seed))
        self._describe(photos, index, weight)

    def _describe(self, photos: Photos, index: int, weight: float) -> None:
        self.ids.append(photos.identify(index))
        self.names.append(photos.name(index))
        self.weights.append(weight)

    def add_unreadable(self, name: str) -> None:
        """Add a black image of weight 0."""
        self.ids.append(f"broken/{name}")
        self.names.append(name)
        self.weights.append(0.0)

    def build(self) -> Batch:
        """Return the batch."""
        return Batch(
            rgb=self.rgb_BHW3.permute(0, 3, 1, 2),
            id=self.ids,
            name=self.names,
            weight=torch.tensor(self.weights),
            broken=self.broken,
            encoded=self.encoded,
        )


def identity_collate(batch: Batch) -> Batch:
    """Return the batch as it is: datasets build whole batches."""
    return batch


def init_worker(_: int) -> None:
    """Limit a worker to one core, and ignore SIGTERM: the training process stops its workers itself."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
