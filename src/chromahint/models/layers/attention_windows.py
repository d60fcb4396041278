"""Cross-attention from pixels to the hint cells in a window around them.

The image is split into blocks of 8x8 pixels. Each block is a group that attends to the cells around it; cells outside a
pixel's own window are masked. Without gradients, cells without a hint and blocks with no hint in reach are skipped.

Shape suffixes: B batch, C channels, E heads, H height, W width, h w rows and columns of cells, G groups, N pixels of a
group, M cells of a group.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint.models.layers.lab_scaling import zero_pad_to_multiple

CELL_SIZE = 4
"""Height and width of a cell, in pixels."""

_BLOCK_CELLS = 2
"""Height and width of a block, in cells. Cells outside a pixel's own window are masked."""

_BLOCK_SIZE = CELL_SIZE * _BLOCK_CELLS

_MAX_PAIRS = 2**18
"""Number of pixel-cell pairs that are scored at a time, so that the scores stay in the CPU cache."""


class WindowAttention:
    """Every pixel attends to the cells in a window around it.

    Args:
        window: Height and width of the window, in cells.
        like: Any tensor with the height and width of the image.
        cells: BhwC; the first channel is 1 for cells with a hint and 0 for empty ones.
    """

    def __init__(self, window: int, like: Tensor, cells: Tensor) -> None:
        self._batch, self._size = like.shape[0], like.shape[-2:]
        self._blocks = [(side + _BLOCK_SIZE - 1) // _BLOCK_SIZE for side in self._size]
        margin, reach = window // 2, _BLOCK_CELLS + window - 1
        bottom, right = (margin + _BLOCK_CELLS * self._blocks[dim] - cells.shape[1 + dim] for dim in (0, 1))
        cells = F.pad(cells, (0, 0, margin, right, margin, bottom))
        numbers = torch.arange(cells[..., 0].numel(), device=cells.device).view(cells.shape[:3])
        self._cells = cells.flatten(1, 2)
        # batch, row and column of the blocks with a hint in reach; None stands for all blocks
        self._selected = (
            F.max_pool2d(cells[..., 0], reach, _BLOCK_CELLS).nonzero(as_tuple=True)
            if _can_skip_empty(cells.device)
            else None
        )
        # indices GM of the cells in reach of each block
        self._in_reach = self._select(numbers.unfold(1, reach, _BLOCK_CELLS).unfold(2, reach, _BLOCK_CELLS)).flatten(1)
        self._mask = _window_mask(window, cells)
        if self._selected is not None:
            occupied = _occupied(cells[..., 0].flatten()[self._in_reach])
            self._in_reach = self._in_reach.take_along_dim(occupied, dim=1)
            self._mask = self._mask[0, 0, occupied][:, None]

    def keys(self, build: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the key-value table of each group, GMEC, given a function that maps cells BMC to BMEC."""
        rows = build(self._cells).flatten(0, 1)
        return F.embedding(self._in_reach, rows.flatten(1)).view(*self._in_reach.shape, *rows.shape[1:])

    def attend(self, query: Tensor, table: Tensor) -> Tensor:
        """Return the attention-weighted mean of a table GMEC for queries GNEC, as GNEC."""
        if self._selected is None:
            return _attend(query, table, self._mask)
        attend = _attend_in_chunks if query.is_cpu else _attend
        return attend(query, table, self._mask).nan_to_num(0.0)  # nan where all cells of a pixel are masked

    def partition(self, x: Tensor) -> Tensor:
        """Split an image BCHW into groups of pixels GNC."""
        return self._select(self._in_blocks(zero_pad_to_multiple(x, _BLOCK_SIZE))).flatten(1, 2).contiguous()

    def merge(self, x: Tensor) -> Tensor:
        """Reassemble groups of pixels GNC into an image BCHW; skipped blocks are 0."""
        rows, columns = self._blocks
        if self._selected is None:
            blocks = x.view(self._batch, rows, columns, _BLOCK_SIZE, _BLOCK_SIZE, x.shape[-1])
            image = blocks.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
        else:
            image = x.new_zeros(self._batch, x.shape[-1], _BLOCK_SIZE * rows, _BLOCK_SIZE * columns)
            self._in_blocks(image)[self._selected] = x.view(-1, _BLOCK_SIZE, _BLOCK_SIZE, x.shape[-1])
        return image[..., : self._size[0], : self._size[1]]

    def _in_blocks(self, x: Tensor) -> Tensor:
        """View BCHW as (batch, block row, block column, row in the block, column in the block, channel)."""
        rows, columns = self._blocks
        return x.view(*x.shape[:2], rows, _BLOCK_SIZE, columns, _BLOCK_SIZE).permute(0, 2, 4, 3, 5, 1)

    def _select(self, x: Tensor) -> Tensor:
        selected: Tensor = x.flatten(0, 2) if self._selected is None else x[self._selected]
        return selected


def _can_skip_empty(device: torch.device) -> bool:
    """Return whether shapes may depend on the hints.

    They may not in a compiled graph, nor in training, where it is slow, nor on a GPU, which the host would wait for.
    """
    return device.type == "cpu" and not (torch.is_grad_enabled() or torch.compiler.is_compiling())


def _occupied(occupancy: Tensor) -> Tensor:
    """Return the indices of the nonzero entries of each row GM, padded to the number of the fullest row."""
    most = int(occupancy.sum(dim=1).max()) if occupancy.numel() else 0
    return occupancy.topk(max(1, most)).indices


def _attend(query: Tensor, table: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attend from queries GNEC to a table GMEC of keys and values; adds a mask 11MN or G1MN to the scores."""
    query, table = query.transpose(1, 2), table.transpose(1, 2)
    mask = None if mask is None else mask.transpose(2, 3)
    with torch.autocast(query.device.type, enabled=False):
        output = F.scaled_dot_product_attention(query, table, table, attn_mask=mask, scale=1.0)
    return output.transpose(1, 2)


def _attend_in_chunks(query: Tensor, table: Tensor, mask: Tensor) -> Tensor:
    """Compute the same as `_attend`, faster on a CPU if there are few cells: the pixels are the innermost dimension."""
    query, table = query.transpose(1, 2), table.transpose(1, 2)
    groups, heads, pixels, _ = query.shape
    chunk = max(1, _MAX_PAIRS // (heads * pixels * table.shape[2]))
    outputs = [torch.empty_like(query[:0])]
    with torch.autocast(query.device.type, enabled=False):
        for first in range(0, groups, chunk):
            part = slice(first, first + chunk)
            weights = (table[part] @ query[part].transpose(2, 3) + mask[part]).softmax(dim=2)
            outputs.append(weights.transpose(2, 3) @ table[part])
    return torch.cat(outputs).transpose(1, 2)


def _window_mask(window: int, like: Tensor) -> Tensor:
    """Return the mask 11MN of a block: 0 if a cell is inside the window of a pixel, else -inf."""
    cells = torch.arange(_BLOCK_CELLS, device=like.device)
    in_reach = torch.arange(_BLOCK_CELLS + window - 1, device=like.device)
    near = (in_reach >= cells[:, None]) & (in_reach < cells[:, None] + window)
    near = near.repeat_interleave(CELL_SIZE, dim=0)
    both = near[:, None, :, None] & near[None, :, None, :]
    return torch.where(both.flatten(2).flatten(0, 1), 0.0, -torch.inf).T[None, None]
