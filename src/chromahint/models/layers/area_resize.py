"""Area resizing between any two sizes, written as matrix products, so that an exported network has dynamic sizes."""

from __future__ import annotations

import torch
from torch import Tensor


def area_resize(x: Tensor, height: int, width: int) -> Tensor:
    """Resize BCHW to `height` x `width`: each new pixel is the mean over the area that it covers."""
    rows, columns = _overlaps(x.shape[-2], height, x), _overlaps(x.shape[-1], width, x)
    return rows @ x @ columns.T


def _overlaps(old: int, new: int, like: Tensor) -> Tensor:
    """Return the (new, old) matrix of the share of each new pixel that each old one covers, along one axis."""
    length = old / new
    start = torch.arange(new, device=like.device, dtype=like.dtype)[:, None] * length
    pixel = torch.arange(old, device=like.device, dtype=like.dtype)
    overlap = torch.minimum(start + length, pixel + 1) - torch.maximum(start, pixel)
    return overlap.clamp(min=0) / length
