"""Color of a click: the median around it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SIDE = 5


def median_color(ab: Tensor, row_BN: Tensor, column_BN: Tensor) -> Tensor:
    """Return the median a and the median b of the 5x5 pixels around some pixels; borders are reflected.

    Args:
        ab: B2HW in Lab units.
        row_BN: int64 rows of N pixels in each image.
        column_BN: int64 columns.

    Returns:
        BN2 in Lab units.
    """
    margin = _SIDE // 2
    padded = F.pad(ab, (margin,) * 4, mode="reflect")
    step = torch.arange(_SIDE, device=ab.device)
    rows, columns = row_BN[..., None, None] + step[:, None], column_BN[..., None, None] + step
    image = torch.arange(len(ab), device=ab.device)[:, None, None, None]
    return padded[image, :, rows, columns].flatten(2, 3).median(dim=2).values
