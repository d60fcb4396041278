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
_MIN_GROWTH = 1.4
"""Each part is at least this many times as large as the one before."""
_MAX_SHARE = 0.7
"""The largest part of a photo that is worth limiting a hint to."""
_TOLERANCE = 0.7
"""Largest distance of an outline from the pixels of its part."""


def outlines_around(lightness: Tensor, ab: Tensor, x: int, y: int) -> list[Polyline]:
    """Return the outlines of parts of a photo that contain a pixel, each inside the next one.

    Args:
        lightness: L 11HW in 0..100.
        ab: Colors 12HW in Lab units, such as those that a network predicts without hints.
        x: Column of the pixel.
        y: Row of the pixel.
    """
    lab = torch.cat([lightness.cpu(), 2 * ab.cpu()], dim=1)[0].permute(1, 2, 0).numpy().astype(np.float32)
    smooth = cv2.bilateralFilter(lab, 5, 12, 3) / 100
    height, width = lab.shape[:2]
    outlines: list[Polyline] = []
    part, area = np.zeros((height, width), np.uint8), 0.0
    for scale in _SCALES:
        labels = felzenszwalb(smooth, scale=scale, sigma=0.5, min_size=height * width // 400, channel_axis=-1)
        part |= (labels == labels[y, x]).astype(np.uint8)
        outline = _outline(part, x, y)
        grown = cv2.contourArea(outline)
        if grown > _MAX_SHARE * height * width:
            break
        if grown >= max(_MIN_GROWTH * area, 9):
            area = grown
            outlines.append(tuple((float(column), float(row)) for column, row in outline[:, 0]))
    return outlines


def _outline(part: NDArray[np.uint8], x: int, y: int) -> NDArray[np.int32]:
    """Return the outline, without holes, of what is connected with a pixel, as positions N12."""
    closed = cv2.morphologyEx(part, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    around = next(each for each in contours if cv2.pointPolygonTest(each, (x, y), measureDist=False) >= 0)
    outline: NDArray[np.int32] = cv2.approxPolyDP(around, _TOLERANCE, closed=True)
    return outline
