"""Resizing of images."""

from __future__ import annotations

import cv2

from chromahint.images.decode import RGBImage


def resize_square(image: RGBImage, size: int) -> RGBImage:
    """Resize to size x size, ignoring the aspect ratio, as the published systems do for evaluation."""
    return resize(image, size, size)


def resize(image: RGBImage, height: int, width: int) -> RGBImage:
    """Resize a uint8 image: area averaging when it shrinks, to avoid aliasing, else bicubic."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    resized: RGBImage = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return resized
