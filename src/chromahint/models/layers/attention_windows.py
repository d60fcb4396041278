"""Which places of a picture look at which cells of hints: all at all, or those of a block at the cells around.

Places are taken out of a picture in groups that look at the same cells, and put back. Where no gradient is asked for,
only what matters is taken: cells with a hint, and blocks near one.

Shape suffixes: B batch, C channels, E heads, H height, W width, h w the picture of cells, N places, M cells, G groups.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint.models.layers.lab_scaling import to_multiple

CELL = 4
"""Places a side of a cell where a window is looked at."""

_BLOCK = 2
"""Cells a side of a block, whose places look together; what lies beyond the window of a place is masked."""

_SIDE = CELL * _BLOCK

_AT_ONCE = 2**18
"""Pairs of places and cells that are compared at a time: what stays in a processor's caches."""


class GlobalAttention:
    """All places of a picture look at all of its cells.

    Args:
        like: a picture of that size.
        cells: BhwC, the first channel of which is 1 where there is a hint.
    """

    def __init__(self, like: Tensor, cells: Tensor) -> None:
        self._size = like.shape[-2:]
        self._cells = cells.flatten(1, 2)
        if _may_choose():
            self._cells = self._cells.take_along_dim(_most(self._cells[..., 0])[..., None], dim=1)

    def keys(self, table: Callable[[Tensor], Tensor]) -> Tensor:
        """What each group looks at, GMEC, by a function of cells: BMC to BMEC."""
        return table(self._cells)

    def attend(self, asked: Tensor, table: Tensor) -> Tensor:
        """Mean of what a group looks at GMEC by how well it answers what places ask GNEC: GNEC."""
        return _attend(asked, table)

    def partition(self, x: Tensor) -> Tensor:
        """Take a picture BCHW apart into groups GNC."""
        return x.flatten(2).transpose(1, 2).contiguous()

    def merge(self, x: Tensor) -> Tensor:
        """Put groups GNC together to a picture BCHW."""
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], *self._size)


class WindowAttention:
    """The places of a block look at the cells around.

    Args:
        window: cells a side that a place looks at.
        like: a picture of that size.
        cells: BhwC, the first channel of which is 1 where there is a hint.
    """

    def __init__(self, window: int, like: Tensor, cells: Tensor) -> None:
        self._batch, self._size = like.shape[0], like.shape[-2:]
        self._blocks = [(side + _SIDE - 1) // _SIDE for side in self._size]
        margin, reach = window // 2, _BLOCK + window - 1
        below, beside = (margin + _BLOCK * self._blocks[dim] - cells.shape[1 + dim] for dim in (0, 1))
        cells = F.pad(cells, (0, 0, margin, beside, margin, below))
        numbers = torch.arange(cells[..., 0].numel(), device=cells.device).view(cells.shape[:3])
        self._cells = cells.flatten(1, 2)
        self._chosen = F.max_pool2d(cells[..., 0], reach, _BLOCK).nonzero(as_tuple=True) if _may_choose() else None
        self._around = self._pick(numbers.unfold(1, reach, _BLOCK).unfold(2, reach, _BLOCK)).flatten(1)
        self._mask = _beyond(window, cells)
        if self._chosen is not None:
            with_hints = _most(cells[..., 0].flatten()[self._around])
            self._around = self._around.take_along_dim(with_hints, dim=1)
            self._mask = self._mask[0, 0, with_hints][:, None]

    def keys(self, table: Callable[[Tensor], Tensor]) -> Tensor:
        """What each group looks at, GMEC, by a function of cells: BMC to BMEC."""
        rows = table(self._cells).flatten(0, 1)
        return F.embedding(self._around, rows.flatten(1)).view(*self._around.shape, *rows.shape[1:])

    def attend(self, asked: Tensor, table: Tensor) -> Tensor:
        """Mean of what a group looks at GMEC by how well it answers what places ask GNEC: GNEC."""
        if self._chosen is None:
            return _attend(asked, table, self._mask)
        attend = _attend_along_places if asked.is_cpu else _attend
        return attend(asked, table, self._mask).nan_to_num(0.0)  # a place that sees none of these cells finds nothing

    def partition(self, x: Tensor) -> Tensor:
        """Take a picture BCHW apart into groups GNC."""
        return self._pick(self._in_blocks(to_multiple(x, _SIDE))).flatten(1, 2).contiguous()

    def merge(self, x: Tensor) -> Tensor:
        """Put groups GNC together to a picture BCHW; 0 where there are none."""
        down, across = self._blocks
        if self._chosen is None:
            blocks = x.view(self._batch, down, across, _SIDE, _SIDE, x.shape[-1])
            whole = blocks.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
        else:
            whole = x.new_zeros(self._batch, x.shape[-1], _SIDE * down, _SIDE * across)
            self._in_blocks(whole)[self._chosen] = x.view(-1, _SIDE, _SIDE, x.shape[-1])
        return whole[..., : self._size[0], : self._size[1]]

    def _in_blocks(self, x: Tensor) -> Tensor:
        """See a picture BCHW as blocks: batch, row and column of the block, row and column in it, channels."""
        down, across = self._blocks
        return x.view(*x.shape[:2], down, _SIDE, across, _SIDE).permute(0, 2, 4, 3, 5, 1)

    def _pick(self, x: Tensor) -> Tensor:
        picked: Tensor = x.flatten(0, 2) if self._chosen is None else x[self._chosen]
        return picked


def _may_choose() -> bool:
    """Shapes that depend on hints suit neither a graph nor, for they are found out one by one, training."""
    return not (torch.is_grad_enabled() or torch.compiler.is_compiling())


def _most(there: Tensor) -> Tensor:
    """Where in each row GM is not 0: as many numbers for each as the fullest has."""
    most = int(there.sum(dim=1).max()) if there.numel() else 0
    return there.topk(max(1, most)).indices


def _attend(asked: Tensor, table: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of a table GMEC by how well it answers what is asked GNEC, with a mask that is added: 11MN or G1MN."""
    asked, table = asked.transpose(1, 2), table.transpose(1, 2)
    mask = None if mask is None else mask.transpose(2, 3)
    with torch.autocast(asked.device.type, enabled=False):
        found = F.scaled_dot_product_attention(asked, table, table, attn_mask=mask, scale=1.0)
    return found.transpose(1, 2)


def _attend_along_places(asked: Tensor, table: Tensor, mask: Tensor) -> Tensor:
    """The same, quicker on a processor where cells are few: it goes along the places, which lie last."""
    asked, table = asked.transpose(1, 2), table.transpose(1, 2)
    groups, heads, places, _ = asked.shape
    at_once = max(1, _AT_ONCE // (heads * places * table.shape[2]))
    found = [torch.empty_like(asked[:0])]
    with torch.autocast(asked.device.type, enabled=False):
        for first in range(0, groups, at_once):
            some = slice(first, first + at_once)
            shares = (table[some] @ asked[some].transpose(2, 3) + mask[some]).softmax(dim=2)
            found.append(shares.transpose(2, 3) @ table[some])
    return torch.cat(found).transpose(1, 2)


def _beyond(window: int, like: Tensor) -> Tensor:
    """For each cell around a block and each place of it: 0 within the window of the place, else -inf, 11MN."""
    cells = torch.arange(_BLOCK, device=like.device)
    around = torch.arange(_BLOCK + window - 1, device=like.device)
    near = (around >= cells[:, None]) & (around < cells[:, None] + window)
    near = near.repeat_interleave(CELL, dim=0)
    both = near[:, None, :, None] & near[None, :, None, :]
    return torch.where(both.flatten(2).flatten(0, 1), 0.0, -torch.inf).T[None, None]
