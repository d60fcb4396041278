"""Sparse hints: a list of hinted pixels, which is compact for a few hints on a large photo."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.hints.global_hints import GlobalHints
from chromahint.hints.hints import Hints


class SparseHints(NamedTuple):
    """Hinted pixels of one photo.

    Attributes:
        flat_index: N int64, distinct flat indices (row * width + column) in ascending order.
        ab: N2 float32, color of each hint in Lab units.
        size: Height and width of the photo.
        global_hints: Global hints of the photo, a batch of one, or None.
    """

    flat_index: Tensor
    ab: Tensor
    size: tuple[int, int]
    global_hints: GlobalHints | None = None

    def to_dense(self, size: tuple[int, int]) -> Hints:
        """Convert to maps 12HW and 11HW of a given size. No hint is lost: hints in the same pixel are averaged."""
        pixels = size[0] * size[1]
        index = self._scaled_index(size)
        counts = torch.zeros(pixels).index_add_(0, index, torch.ones(len(index)))
        sums = torch.zeros(2, pixels).index_add_(1, index, self.ab.T.contiguous())
        ab = sums / counts.clamp(min=1)
        return Hints(ab.view(1, 2, *size), (counts > 0).float().view(1, 1, *size), self.global_hints)

    def resized(self, size: tuple[int, int]) -> SparseHints:
        """Return the hints for a photo of another size, each at the center of the area that its pixel covers."""
        if size == self.size:
            return self
        if size[0] * size[1] < self.size[0] * self.size[1]:
            return sparse_from_hints(self.to_dense(size))
        (height, width), row, column = self.size, self.flat_index // self.size[1], self.flat_index % self.size[1]
        index = (2 * row + 1) * size[0] // (2 * height) * size[1] + (2 * column + 1) * size[1] // (2 * width)
        index, first = _unique(index)
        return SparseHints(index, self.ab[first], size, self.global_hints)

    def _scaled_index(self, size: tuple[int, int]) -> Tensor:
        if size == self.size:
            return self.flat_index
        row, column = self.flat_index // self.size[1], self.flat_index % self.size[1]
        return row * size[0] // self.size[0] * size[1] + column * size[1] // self.size[1]


def sparse_from_hints(hints: Hints) -> SparseHints:
    """Convert the maps of one image (ab 12HW, mask 11HW) to sparse hints."""
    index = hints.mask.detach().cpu().flatten().nonzero()[:, 0]
    ab = hints.ab.detach().cpu()[0].flatten(1)[:, index].T.float()
    height, width = hints.mask.shape[-2:]
    global_hints = None if hints.global_hints is None else hints.global_hints.to("cpu")
    return SparseHints(index, ab.contiguous(), (height, width), global_hints)


def _unique(index: Tensor) -> tuple[Tensor, Tensor]:
    """Return the unique indices in ascending order, and the position at which each first occurs."""
    unique, inverse = torch.unique(index, return_inverse=True)
    first = torch.full_like(unique, len(index)).scatter_reduce_(0, inverse, torch.arange(len(index)), "amin")
    return unique, first
