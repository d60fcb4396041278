"""Parts of a photo around a place, from small to large, for hints that are to count there only."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb
from torch import Tensor

from chromahint.hints.annotations import Polyline

_SCALES = (15, 40, 100, 250, 600)
"""Larger values give larger segments."""
_MAX_PARTS = 400
_MIN_GROWTH = 1.4
"""Each part is at least this many times as large as the one before."""
_MAX_SHARE = 0.7
"""The largest part of a photo that is worth limiting a hint to."""
_TOLERANCE = 0.7
"""Largest distance of an outline from the pixels of its part."""


class Parts:
    """The parts of a photo, found with a segmentation at each scale. It is made when it is first needed, and kept.

    Args:
        lightness: L 11HW in 0..100.
        ab: Colors 12HW in Lab units, such as those that a network predicts without hints.
    """

    def __init__(self, lightness: Tensor, ab: Tensor) -> None:
        lab = torch.cat([lightness.cpu(), 2 * ab.cpu()], dim=1)[0].permute(1, 2, 0).numpy().astype(np.float32)
        self._smooth: NDArray[np.float32] = cv2.bilateralFilter(lab, 5, 12, 3) / 100
        self._labels: dict[int, NDArray[np.uint16]] = {}

    def outlines_around(self, x: int, y: int) -> list[Polyline]:
        """Return the outlines of parts that contain a pixel, each inside the next one.

        Args:
            x: Column of the pixel.
            y: Row of the pixel.
        """
        height, width = self._smooth.shape[:2]
        outlines: list[Polyline] = []
        part, area = np.zeros((height, width), np.uint8), 0.0
        for scale in _SCALES:
            labels = self._labels_at(scale)
            part |= (labels == labels[y, x]).astype(np.uint8)
            outline = _outline(part, x, y)
            grown = cv2.contourArea(outline)
            if grown > _MAX_SHARE * height * width:
                break
            if grown >= max(_MIN_GROWTH * area, 9):
                area = grown
                outlines.append(tuple((float(column), float(row)) for column, row in outline[:, 0]))
        return outlines

    def _labels_at(self, scale: int) -> NDArray[np.uint16]:
        if scale not in self._labels:
            min_size = self._smooth[..., 0].size // _MAX_PARTS
            labels = felzenszwalb(self._smooth, scale=scale, sigma=0.5, min_size=min_size, channel_axis=-1)
            self._labels[scale] = labels.astype(np.uint16)
        return self._labels[scale]


def _outline(part: NDArray[np.uint8], x: int, y: int) -> NDArray[np.int32]:
    """Return the outline, without holes, of what is connected with a pixel, as positions N12."""
    closed = cv2.morphologyEx(part, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    around = next(each for each in contours if cv2.pointPolygonTest(each, (x, y), measureDist=False) >= 0)
    outline: NDArray[np.int32] = cv2.approxPolyDP(around, _TOLERANCE, closed=True)
    return outline
