"""How a photo of any size becomes one of the batch's size. The only file that knows about albumentations."""

from __future__ import annotations

import os
from typing import Any, Literal

# it would ask a server for its newest version
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2

from chromahint.data.photos import Picture

Fit = Literal["squash", "random_crop", "random_resized_crop"]


class TrainingFit:
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
                f"data.shorter_side={shorter_side} is less than data.size={size}, and a crop can't be larger than the "
                f"photo it is cut from. Type data.shorter_side={size} or more, or a smaller data.size."
            )
        self.size = size
        self.shorter_side = (shorter_side or None) if fit == "random_crop" else None
        self._needs = size if fit == "random_crop" else 1
        steps: dict[Fit, list[Any]] = {
            "squash": [],
            "random_crop": [A.RandomCrop(size, size)],
            "random_resized_crop": [
                A.RandomResizedCrop((size, size), scale=(0.25, 1.0), interpolation=cv2.INTER_AREA),
            ],
        }
        self._random = A.Compose(steps[fit], seed=0) if steps[fit] else None

    def __call__(self, picture: Picture, seed: int) -> Picture:
        """Fit HxWx3 uint8 into size x size x 3 uint8."""
        if self._random is None:
            return squash(picture, self.size)
        self._random.set_random_seed(seed % 2**32)
        fitted: Picture = self._random(image=self._resized(picture))["image"]
        return fitted

    def _resized(self, picture: Picture) -> Picture:
        shorter = min(picture.shape[:2])
        wanted = self.shorter_side if self.shorter_side is not None else max(shorter, self._needs)
        if shorter == wanted:
            return picture
        height, width = (max(wanted, round(side * wanted / shorter)) for side in picture.shape[:2])
        return resize(picture, height, width)


def squash(picture: Picture, size: int) -> Picture:
    """Resize to size x size, whatever the ratio: how the published systems evaluate."""
    return resize(picture, size, size)


def resize(picture: Picture, height: int, width: int) -> Picture:
    """Resize uint8; averaging what shrinks, so that nothing aliases."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    resized: Picture = cv2.resize(
        picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    return resized
