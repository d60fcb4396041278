"""What a curve of scores over numbers of hints says: the area under it, and the hints until it reaches a target.

Shape suffixes: C numbers of hints, P images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def area_under_curve(counts: Sequence[int], scores_CP: Array) -> Array:
    """Return the area under each image's curve over log(1 + hints), divided by the width of its range; P.

    That is a mean over the curve: the area under a constant is the constant, also if the first count is not 0.

    Args:
        counts: C numbers of hints, ascending; two or more.
        scores_CP: Score of each image at each of them.

    >>> area_under_curve([0, 1, 3], np.array([[1.0], [3.0], [3.0]])).round(6).tolist()
    [2.5]
    """
    x_C = np.log1p(counts)
    area_P: Array = np.trapezoid(scores_CP, x_C, axis=0) / (x_C[-1] - x_C[0])
    return area_P


def clicks_to_target(counts: Sequence[int], psnr_CP: Array, target: float) -> Array:
    """Return the smallest number of clicks at which each image reaches a target; P.

    Args:
        counts: C numbers of clicks, ascending.
        psnr_CP: PSNR of each image after that many clicks.
        target: PSNR in dB.

    Returns:
        Number of clicks; the largest one plus 1 for images that never reach the target.

    >>> clicks_to_target([0, 1, 2], np.array([[20.0, 20.0], [27.0, 21.0], [25.0, 22.0]]), 26).tolist()
    [1.0, 3.0]
    """
    reached_CP = psnr_CP >= target
    first_P = np.array(counts)[reached_CP.argmax(axis=0)]
    return np.where(reached_CP.any(axis=0), first_P, counts[-1] + 1).astype(np.float64)
