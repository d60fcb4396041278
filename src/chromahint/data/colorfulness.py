"""How colorful a picture is, as Zhang et al. (2017) decide which ones to learn from."""

from __future__ import annotations

import numpy as np
import torch

from chromahint.color import rgb_to_lab
from chromahint.images.decode import RGBImage

NEAR_GRAY = 5.0
"""Their recipe drops a picture that spans less than this."""


def ab_range(picture: RGBImage) -> float:
    """What a picture's colors span: the largest a less the smallest, plus the same of b, in Lab units.

    >>> round(ab_range(np.full((4, 4, 3), (200, 30, 60), dtype=np.uint8)), 3)
    0.0
    """
    rgb_13HW = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    ab_12HW = rgb_to_lab(rgb_13HW)[1]
    return float((ab_12HW.amax((2, 3)) - ab_12HW.amin((2, 3))).sum())
