"""Cross-attention from pixels to the hint cells in a window around them.

The image is split into blocks of 8x8 pixels. Each block is a group that attends to the cells around it; cells outside a
pixel's own window are masked. On a CPU, blocks with no hint in reach are skipped, and without gradients also cells
without a hint.

Shape suffixes: B batch, C channels, H height, W width, h w rows and columns of cells, G groups, N pixels of a
group, M cells of a group.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from chromahint.models.layers.lab_scaling import zero_pad_to_multiple
from chromahint.models.layers.softmax_attention import attend

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
            if shapes_may_depend_on_hints(cells)
            else None
        )
        # indices GM of the cells in reach of each block
        self._in_reach = self._select(numbers.unfold(1, reach, _BLOCK_CELLS).unfold(2, reach, _BLOCK_CELLS)).flatten(1)
        self._mask = _window_mask(window, cells)
        if self._selected is not None and not torch.is_grad_enabled():
            occupied = _occupied(cells[..., 0].flatten()[self._in_reach])
            self._in_reach = self._in_reach.take_along_dim(occupied, dim=1)
            self._mask = self._mask[0, occupied]

    def keys(self, build: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the key-value table of each group, GMC, given a function that maps cells BMC to rows BMC."""
        return F.embedding(self._in_reach, build(self._cells).flatten(0, 1))

    def attend(self, query: Tensor, table: Tensor) -> Tensor:
        """Return the attention-weighted mean of a table GMC of keys and values for queries GNC, as GNC."""
        with torch.autocast(query.device.type, enabled=False):
            if not query.is_cpu or torch.compiler.is_compiling():
                mask = self._mask.transpose(1, 2)
                query, table = query[:, None], table[:, None]  # one head
                return F.scaled_dot_product_attention(query, table, table, attn_mask=mask, scale=1.0)[:, 0]
            if torch.is_grad_enabled():
                return attend(query, table, table, self._mask.transpose(1, 2)).mean
            # nan where all cells of a pixel are masked
            return _attend_in_chunks(query, table, self._mask).nan_to_num(0.0)

    def partition(self, x: Tensor) -> Tensor:
        """Split an image BCHW into groups of pixels GNC."""
        x = zero_pad_to_multiple(x, _BLOCK_SIZE)
        groups: Tensor = in_blocks(x).flatten(0, 2) if self._selected is None else _Gather.apply(x, *self._selected)  # type: ignore[no-untyped-call]
        return groups.flatten(1, 2).contiguous()

    def merge(self, x: Tensor) -> Tensor:
        """Reassemble groups of pixels GNC into an image BCHW; skipped blocks are 0."""
        rows, columns = self._blocks
        if self._selected is None:
            blocks = x.view(self._batch, rows, columns, _BLOCK_SIZE, _BLOCK_SIZE, x.shape[-1])
            image: Tensor = blocks.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
        else:
            shape = self._batch, x.shape[-1], _BLOCK_SIZE * rows, _BLOCK_SIZE * columns
            image = _Scatter.apply(x.view(-1, _BLOCK_SIZE, _BLOCK_SIZE, x.shape[-1]), shape, *self._selected)  # type: ignore[no-untyped-call]
        return image[..., : self._size[0], : self._size[1]]

    def _select(self, x: Tensor) -> Tensor:
        selected: Tensor = x.flatten(0, 2) if self._selected is None else x[self._selected]
        return selected


class _Gather(torch.autograd.Function):
    """Select blocks of an image BCHW. As each is selected once, its gradient needs no sum, unlike that of indexing."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, *selected: Tensor) -> Tensor:
        ctx.selected, ctx.shape = selected, image.shape
        return in_blocks(image)[selected]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _scatter(grad, ctx.shape, ctx.selected), None, None, None


class _Scatter(torch.autograd.Function):
    """Write selected blocks into an image BCHW of zeros, the inverse of `_Gather`."""

    @staticmethod
    def forward(ctx: Any, blocks: Tensor, shape: tuple[int, ...], *selected: Tensor) -> Tensor:
        ctx.selected = selected
        return _scatter(blocks, shape, selected)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return in_blocks(grad)[ctx.selected], None, None, None, None


def _scatter(blocks: Tensor, shape: tuple[int, ...], selected: tuple[Tensor, ...]) -> Tensor:
    image = blocks.new_zeros(shape)
    in_blocks(image)[selected] = blocks
    return image


def in_blocks(x: Tensor, size: int = _BLOCK_SIZE) -> Tensor:
    """View BCHW as (batch, block row, block column, row in the block, column in the block, channel)."""
    batch, channels, height, width = x.shape
    return x.view(batch, channels, height // size, size, width // size, size).permute(0, 2, 4, 3, 5, 1)


def shapes_may_depend_on_hints(cells: Tensor) -> bool:
    """Return whether they may: not in a compiled graph, nor on a GPU, which the host would wait for."""
    return cells.is_cpu and not torch.compiler.is_compiling()


def _occupied(occupancy: Tensor) -> Tensor:
    """Return the indices of the nonzero entries of each row GM, padded to the number of the fullest row."""
    most = int(occupancy.sum(dim=1).max()) if occupancy.numel() else 0
    return occupancy.topk(max(1, most)).indices


def _attend_in_chunks(query: Tensor, table: Tensor, mask: Tensor) -> Tensor:
    """Attend so that the scores stay in the CPU cache; with few cells, pixels are the faster innermost dimension."""
    chunk = max(1, _MAX_PAIRS // (query.shape[1] * table.shape[1]))
    outputs = [torch.empty_like(query[:0])]
    for first in range(0, len(query), chunk):
        part = slice(first, first + chunk)
        weights = (table[part] @ query[part].transpose(1, 2) + mask[part]).softmax(dim=1)
        outputs.append(weights.transpose(1, 2) @ table[part])
    return torch.cat(outputs)


def _window_mask(window: int, like: Tensor) -> Tensor:
    """Return the mask 1MN of a block: 0 if a cell is inside the window of a pixel, else -inf."""
    cells = torch.arange(_BLOCK_CELLS, device=like.device)
    in_reach = torch.arange(_BLOCK_CELLS + window - 1, device=like.device)
    near = (in_reach >= cells[:, None]) & (in_reach < cells[:, None] + window)
    near = near.repeat_interleave(CELL_SIZE, dim=0)
    both = near[:, None, :, None] & near[None, :, None, :]
    return torch.where(both.flatten(2).flatten(0, 1), 0.0, -torch.inf).T[None]
