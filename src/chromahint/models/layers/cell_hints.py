"""Hints pooled into the cells of a grid.

Shape suffixes: B batch, C channels, H height, W width, N cells of the grid, K cells with a hint.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.models.layers.area_resize import area_resize
from chromahint.models.layers.semantic_encoder import GRID_SIZE


class CellHints(NamedTuple):
    """Hints pooled into the cells of the grid. Cells without a hint come last, and are masked.

    Attributes:
        cell: BK, index of the cell.
        occupied: BK bool, whether there is a hint.
        ab: BK2 in Lab units, mean of the hints.
        lightness: BK1 in 0..100.
        position: BK2, mean row and column in 0..1.
        num_hints: B, number of cells with a hint.
    """

    cell: Tensor
    occupied: Tensor
    ab: Tensor
    lightness: Tensor
    position: Tensor
    num_hints: Tensor


def pool_hints(lightness: Tensor, ab: Tensor, mask: Tensor) -> CellHints:
    """Pool hints into the cells of the grid.

    Args:
        lightness: B1HW in 0..100, of any size.
        ab: B2HW in Lab units.
        mask: B1HW.
    """
    height, width = mask.shape[-2:]
    row = (torch.arange(height, device=mask.device) + 0.5).view(1, 1, -1, 1) / height
    column = (torch.arange(width, device=mask.device) + 0.5).view(1, 1, 1, -1) / width
    maps = [mask, ab * mask, lightness * mask, row * mask, column * mask]
    sums = to_cells(area_resize(torch.cat(maps, dim=1), GRID_SIZE, GRID_SIZE))
    occupied = sums[..., 0] > 0
    count = occupied.sum(dim=1)
    # shapes may not depend on the hints in a compiled graph, and to look at them makes the host wait for a GPU
    on_host = mask.device.type == "cpu" and not torch.compiler.is_compiling()
    most = max(1, int(count.max())) if on_host else GRID_SIZE**2
    cell = occupied.float().topk(most, dim=1).indices
    total, sum_ab, sum_lightness, sum_position = torch.split(pick_cells(sums, cell), [1, 2, 1, 2], dim=2)
    total = total.clamp(min=1e-12)
    return CellHints(
        cell, occupied.gather(1, cell), sum_ab / total, sum_lightness / total, sum_position / total, count.float()
    )


def to_cells(x: Tensor) -> Tensor:
    """Convert a grid BCHW to cells BNC."""
    return x.float().flatten(2).transpose(1, 2)


def pick_cells(x: Tensor, cell: Tensor) -> Tensor:
    """Select cells BK of BNC, as BKC."""
    return x.gather(1, cell[..., None].expand(-1, -1, x.shape[2]))
