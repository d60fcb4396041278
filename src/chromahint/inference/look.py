"""How the colors of a network are used: how strong they are, and how far each hint reaches."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.graph import MCP_Geometric
from torch import Tensor

Reach = Literal["whole", "near"]
REACHES: tuple[Reach, ...] = ("whole", "near")

_SIDE = 112
"""Distances are measured on a version with a longer side of this many pixels."""
_EDGE_COST = 0.5
_REACH = 0.8
"""How far a single hint reaches, in lengths of the longer side; an edge adds to the distance."""
_SEPARATION = 0.25
"""Hints this far apart, in lengths of the longer side, tell about different parts of a photo."""


class Look(NamedTuple):
    """How the colors of a network are used.

    Attributes:
        strength: Factor of the color, 0 to 1; 0 is gray.
        reach: `whole` takes the network's colors as they are; `near` keeps its coloring without hints where no hint is
            near, so that a single hint does not tint the whole photo.
    """

    strength: float = 1.0
    reach: Reach = "whole"


def reach_map(lightness: Tensor, mask: Tensor) -> Tensor:
    """Return how much the hints count at each pixel, 11HW in 0..1: less with the distance on a way around edges.

    The more parts of the photo have hints, the farther they reach, because together they tell about its mood.

    Args:
        lightness: L 11HW in 0..100.
        mask: 11HW, 1 at hinted pixels, of which there is at least one.
    """
    height, width = lightness.shape[-2:]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    values = lightness[0, 0].detach().cpu().numpy().astype(np.float32)
    small = cv2.bilateralFilter(cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA), 5, 8, 2)
    slope = np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)) / 8
    hinted = np.argwhere(F.adaptive_max_pool2d(mask.detach().cpu(), size)[0, 0].numpy() > 0)
    distance, _ = MCP_Geometric(1 / max(size) + _EDGE_COST * slope / 100).find_costs(hinted.tolist())
    reach = _REACH * np.sqrt(_count_parts(hinted, _SEPARATION * max(size)))
    weight = np.exp(-np.square(distance / reach)).astype(np.float32)
    resized = cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(resized)[None, None].to(lightness.device)


def _count_parts(positions: NDArray[np.int64], separation: float) -> int:
    """Count positions of which each is farther than `separation` from those counted before."""
    count = 0
    while len(positions):
        count += 1
        distance = np.linalg.norm(positions - positions[0], axis=1)
        positions = positions[distance > separation]
    return count
