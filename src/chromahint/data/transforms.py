"""How a photo of any size becomes one of the batch's size. The only file that knows about albumentations."""

from __future__ import annotations

import functools
import os
from typing import Any, Literal

# it would ask a server for its newest version
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2

from chromahint.images.decode import RGBImage

Fit = Literal["squash", "random_crop", "random_resized_crop"]


class ResizeOrCrop:
    """Fit a photo into size x size for training; random choices depend on the seed of the call only.

    Args:
        fit: `squash` resizes height and width, whatever their ratio; `random_crop` cuts a square at random;
            `random_resized_crop` cuts a quarter to all of the photo at random and resizes that.
        size: side of the result in pixels.
        shorter_side: for `random_crop`, resize the photo first until its shorter side is this; None: as it is.
    """

    def __init__(self, fit: Fit, size: int, shorter_side: int | None = None) -> None:
        if fit == "random_crop" and shorter_side is not None and shorter_side < size:
            raise ValueError(
                f"data.shorter_side={shorter_side} is less than data.train_size={size}, and a crop can't be larger than the "
                f"photo it is cut from. Type data.shorter_side={size} or more, or a smaller data.train_size."
            )
        self.fit, self.size, self.shorter_side = fit, size, shorter_side
        self._resized_crop = A.Compose(
            [A.RandomResizedCrop((size, size), scale=(0.25, 1.0), interpolation=cv2.INTER_AREA)], seed=0
        )

    def __call__(self, picture: RGBImage, seed: int) -> RGBImage:
        """Fit HxWx3 uint8 into size x size x 3 uint8."""
        if self.fit == "squash":
            return resize_square(picture, self.size)
        steps = self._resized_crop if self.fit == "random_resized_crop" else _crop(self._side(picture))
        steps.set_random_seed(seed % 2**32)
        return resize_square(steps(image=picture)["image"], self.size)

    def _side(self, picture: RGBImage) -> int:
        """Side of the square that becomes size x size: to cut before resizing takes a quarter of the time."""
        shorter: int = min(picture.shape[:2])
        wanted = self.shorter_side if self.shorter_side is not None else max(shorter, self.size)
        return max(1, round(self.size * shorter / wanted))


@functools.lru_cache(maxsize=1024)
def _crop(side: int) -> Any:
    return A.Compose([A.RandomCrop(side, side)], seed=0)


def resize_square(picture: RGBImage, size: int) -> RGBImage:
    """Resize to size x size, whatever the ratio: how the published systems evaluate."""
    return resize(picture, size, size)


def resize(picture: RGBImage, height: int, width: int) -> RGBImage:
    """Resize uint8; averaging what shrinks, so that nothing aliases."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    resized: RGBImage = cv2.resize(
        picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    return resized
