"""Resizing and cropping of training images. The only module that uses albumentations."""

from __future__ import annotations

import functools
import math
import os
from typing import Any, Literal, NamedTuple

# without it, albumentations would check for a newer version online
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np

from chromahint.images.decode import RGBImage
from chromahint.images.resize import resize_square

_MIN_AREA, _MIN_ASPECT = 0.25, 3 / 4
"""Smallest area and aspect ratio of a random crop that is resized; the ratio is the default of albumentations."""
ResizeMode = Literal["squash", "random_crop", "random_resized_crop"]


class Box(NamedTuple):
    """Part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


class ResizeOrCrop:
    """Resize or crop an image to size x size for training. Randomness depends only on the seed of the call.

    Args:
        mode: `squash` resizes to a square, ignoring the aspect ratio; `random_crop` crops a random square;
            `random_resized_crop` crops a random quarter to all of the image and resizes the crop.
        size: Height and width of the result in pixels.
        shorter_side: For `random_crop`, resize the image so that its shorter side has this length, then crop; None
            crops at the original resolution.
    """

    def __init__(self, mode: ResizeMode, size: int, shorter_side: int | None = None) -> None:
        if mode == "random_crop" and shorter_side is not None and shorter_side < size:
            raise ValueError(
                f"data.shorter_side={shorter_side}: a crop of data.train_size={size} is larger than the resized image. "
                f"Use data.shorter_side={size} or more, or a smaller data.train_size."
            )
        self.mode, self.size, self.shorter_side = mode, size, shorter_side
        self._resized_crop = A.Compose(
            [A.RandomResizedCrop((size, size), scale=(_MIN_AREA, 1.0), interpolation=cv2.INTER_AREA)],
            seed=0,
            save_applied_params=True,
        )
        self.min_side = self._min_side()

    def _min_side(self) -> int | None:
        """Return the shorter side that an image needs so that nothing is enlarged; None is its original size."""
        if self.mode == "squash":
            return self.size
        if self.mode == "random_crop":
            return self.shorter_side
        return math.ceil(self.size / math.sqrt(_MIN_AREA * _MIN_ASPECT))

    def __call__(self, image: RGBImage, seed: int) -> RGBImage:
        """Transform HxWx3 uint8 to size x size x 3 uint8."""
        if self.mode == "squash":
            return resize_square(image, self.size)
        return resize_square(self._crop(image, seed)["image"], self.size)

    def box(self, height: int, width: int, seed: int) -> Box:
        """Return the part of an image of this size that is resized to size x size for the same seed."""
        if self.mode == "squash":
            return Box(0, 0, height, width)
        blank = np.broadcast_to(np.uint8(0), (height, width, 3))
        [(_, parameters)] = self._crop(blank, seed)["applied_transforms"]
        left, top, right, bottom = parameters["crop_coords"]
        return Box(top, left, bottom - top, right - left)

    def _crop(self, image: RGBImage, seed: int) -> dict[str, Any]:
        random_resized = self.mode == "random_resized_crop"
        crop = self._resized_crop if random_resized else _random_crop(self._crop_size(*image.shape[:2]))
        crop.set_random_seed(seed % 2**32)
        cropped: dict[str, Any] = crop(image=image)
        return cropped

    def _crop_size(self, height: int, width: int) -> int:
        """Return the side length, at the original resolution, of the crop that is resized to `size`.

        Cropping before resizing takes a quarter of the time.
        """
        shorter = min(height, width)
        target = self.shorter_side if self.shorter_side is not None else max(shorter, self.size)
        return max(1, round(self.size * shorter / target))


@functools.lru_cache(maxsize=1024)
def _random_crop(size: int) -> Any:
    return A.Compose([A.RandomCrop(size, size)], seed=0, save_applied_params=True)
