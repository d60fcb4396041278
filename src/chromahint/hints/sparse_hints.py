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
        strength: N float32, how much each hint counts, 0..1, or None if all count fully.
    """

    flat_index: Tensor
    ab: Tensor
    size: tuple[int, int]
    global_hints: GlobalHints | None = None
    strength: Tensor | None = None

    def select(self, which: Tensor) -> SparseHints:
        """Return the hints that a mask, or ascending positions, select."""
        strength = None if self.strength is None else self.strength[which]
        return self._replace(flat_index=self.flat_index[which], ab=self.ab[which], strength=strength)

    def with_strength_applied(self, ab: Tensor) -> SparseHints:
        """Return hints that all count fully: the weaker one is, the closer to the color that is there without hints.

        Args:
            ab: Colors without hints, 12hw in Lab units, at any size.
        """
        if self.strength is None:
            return self
        here = ab[0].flatten(1)[:, self.scaled_index((ab.shape[-2], ab.shape[-1])).to(ab.device)].T.to(self.ab)
        return self._replace(ab=here + self.strength[:, None] * (self.ab - here), strength=None)

    def to_dense(self, size: tuple[int, int]) -> Hints:
        """Convert to maps 12HW and 11HW of a given size. No hint is lost: hints in the same pixel are averaged."""
        pixels = size[0] * size[1]
        index = self.scaled_index(size)
        counts = torch.zeros(pixels).index_add_(0, index, torch.ones(len(index)))
        sums = torch.zeros(2, pixels).index_add_(1, index, self.ab.T.contiguous())
        ab = sums / counts.clamp(min=1)
        return Hints(ab.view(1, 2, *size), (counts > 0).float().view(1, 1, *size), self.global_hints)

    def resized(self, size: tuple[int, int]) -> SparseHints:
        """Return the hints for a photo of another size, each at the center of the area that its pixel covers."""
        if size == self.size:
            return self
        if size[0] * size[1] < self.size[0] * self.size[1]:
            smaller = sparse_from_hints(self.to_dense(size))
            return smaller._replace(strength=self._mean_strength(size))
        (height, width), row, column = self.size, self.flat_index // self.size[1], self.flat_index % self.size[1]
        index = (2 * row + 1) * size[0] // (2 * height) * size[1] + (2 * column + 1) * size[1] // (2 * width)
        index, first = _unique(index)
        return self.select(first)._replace(flat_index=index, size=size)

    def scaled_index(self, size: tuple[int, int]) -> Tensor:
        """Return the flat index of each hint in a map of another size."""
        if size == self.size:
            return self.flat_index
        row, column = self.flat_index // self.size[1], self.flat_index % self.size[1]
        return row * size[0] // self.size[0] * size[1] + column * size[1] // self.size[1]

    def _mean_strength(self, size: tuple[int, int]) -> Tensor | None:
        """Return the mean strength of the hints in each hinted pixel of a smaller photo."""
        if self.strength is None:
            return None
        _, inverse, counts = torch.unique(self.scaled_index(size), return_inverse=True, return_counts=True)
        mean: Tensor = torch.zeros(len(counts)).index_add_(0, inverse, self.strength) / counts
        return mean


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
