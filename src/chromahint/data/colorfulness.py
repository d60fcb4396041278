"""Colorfulness of an image, by which Zhang et al. (2017) filter their training images."""

from __future__ import annotations

import numpy as np
import torch

from chromahint.color import rgb_to_lab
from chromahint.images.decode import RGBImage

NEAR_GRAY = 5.0
"""Threshold on `ab_range` of Zhang et al. (2017): images below it are not used for training."""


def ab_range(image: RGBImage) -> float:
    """Return the range of a plus the range of b over an image HxWx3 (uint8 RGB), in Lab units.

    >>> round(ab_range(np.full((4, 4, 3), (200, 30, 60), dtype=np.uint8)), 3)
    0.0
    """
    rgb_13HW = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    ab_12HW = rgb_to_lab(rgb_13HW)[1]
    return float((ab_12HW.amax((2, 3)) - ab_12HW.amin((2, 3))).sum())
