"""Photos -> batches of uint8 RGB, made in a worker."""

from __future__ import annotations

import signal
from typing import TypedDict

import cv2
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chromahint.data.colorfulness import ab_range
from chromahint.data.samplers import SampleIndex, draw_seed
from chromahint.data.sources.base import Photos
from chromahint.data.transforms import ResizeOrCrop, resize_square
from chromahint.images.decode import RGBImage, UnreadableImageError


class Batch(TypedDict):
    """What a loader gives.

    Attributes:
        rgb: B3HW uint8, a channels-first view of channels-last memory.
        id: the pictures' ids.
        name: their short names.
        weight: float32 B; 0 for a picture that only fills up, or that can't be read in evaluation.
        broken: `path: reason` of what could not be read.
    """

    rgb: Tensor
    id: list[str]
    name: list[str]
    weight: Tensor
    broken: list[str]


class TrainDataset(Dataset[Batch]):
    """Photos fitted at random; one that can't be read, or is too gray, is replaced by the next that will do.

    Args:
        photos: to learn from.
        fit: how each becomes a training picture.
        seed: of the fits.
        min_ab_range: a fitted picture whose colors span less than this is too gray; 0 takes all.
    """

    def __init__(self, photos: Photos, fit: ResizeOrCrop, seed: int, min_ab_range: float = 0.0) -> None:
        self.photos, self.fit, self.seed, self.min_ab_range = photos, fit, seed, min_ab_range

    def __getitems__(self, draws: list[SampleIndex]) -> Batch:
        """Make a whole batch."""
        batch = BatchBuilder(len(draws), self.fit.size)
        for draw in draws:
            picture, index = self._fitted(draw, batch)
            batch.add(picture, self.photos, index, draw.weight)
        return batch.done()

    def _fitted(self, draw: SampleIndex, batch: BatchBuilder) -> tuple[RGBImage, int]:
        """The fitted picture that was drawn, or the next that will do, with its number."""
        seed = draw_seed(self.seed, "fit", draw.epoch, draw.photo)
        count, gray = len(self.photos), 0
        for step in range(count):
            index = (draw.photo + step) % count
            try:
                picture = self.fit(self.photos.read(index), seed)
            except UnreadableImageError as error:
                batch.broken.append(str(error))
                continue
            if self.min_ab_range == 0 or ab_range(picture) >= self.min_ab_range:
                return picture, index
            gray += 1
        if gray:
            raise ValueError(
                f"All of the {gray} training pictures that can be read span less color than "
                f"data.min_colorfulness={self.min_ab_range:g}. Type data.min_colorfulness=0, or data.root=PATH with others."
            )
        raise ValueError(
            f"None of the {count} training pictures can be read; the first that was tried: {batch.broken[0]}. "
            "Type `chromahint data check ROOT` for all of them, or data.root=PATH with other pictures."
        )


class EvalDataset(Dataset[Batch]):
    """Photos squashed to size x size; one that can't be read weighs nothing."""

    def __init__(self, photos: Photos, size: int) -> None:
        self.photos, self.size = photos, size

    def __getitems__(self, draws: list[SampleIndex]) -> Batch:
        """Make a whole batch."""
        batch = BatchBuilder(len(draws), self.size)
        for draw in draws:
            try:
                batch.add(resize_square(self.photos.read(draw.photo), self.size), self.photos, draw.photo, draw.weight)
            except UnreadableImageError as error:
                batch.add_nothing(self.photos.name(draw.photo))
                if draw.weight:
                    batch.broken.append(str(error))
        return batch.done()


class BatchBuilder:
    def __init__(self, count: int, size: int) -> None:
        self.rgb_BHW3 = torch.zeros(count, size, size, 3, dtype=torch.uint8)
        self.pixels = self.rgb_BHW3.numpy()
        self.ids: list[str] = []
        self.names: list[str] = []
        self.weights: list[float] = []
        self.broken: list[str] = []

    def add(self, picture: RGBImage, photos: Photos, index: int, weight: float) -> None:
        self.pixels[len(self.ids)] = picture
        self.ids.append(photos.identify(index))
        self.names.append(photos.name(index))
        self.weights.append(weight)

    def add_nothing(self, name: str) -> None:
        self.ids.append(f"broken/{name}")
        self.names.append(name)
        self.weights.append(0.0)

    def done(self) -> Batch:
        return Batch(
            rgb=self.rgb_BHW3.permute(0, 3, 1, 2),
            id=self.ids,
            name=self.names,
            weight=torch.tensor(self.weights),
            broken=self.broken,
        )


def identity_collate(batch: Batch) -> Batch:
    """Collate nothing: a worker makes whole batches."""
    return batch


def start_worker(_: int) -> None:
    """Keep a worker to one core, and alive when all processes of a job are asked to leave: training ends it then."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
