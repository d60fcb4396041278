"""Hints as a list of hinted pixels: small where a photo is large and its hints are few."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.hints.hints import Hints


class SparseHints(NamedTuple):
    """The hinted pixels of one photo.

    Attributes:
        place: N int64, distinct flat indices (row * width + column), ascending.
        ab: N2 float32, the color of each in Lab units.
        size: height and width of the photo.
    """

    flat_index: Tensor
    ab: Tensor
    size: tuple[int, int]

    def to_dense(self, size: tuple[int, int]) -> Hints:
        """Maps 12HW and 11HW for a photo of another size, where no hint is lost: pixels that meet are averaged."""
        pixels = size[0] * size[1]
        place = self._moved(size)
        met = torch.zeros(pixels).index_add_(0, place, torch.ones(len(place)))
        total = torch.zeros(2, pixels).index_add_(1, place, self.ab.T.contiguous())
        ab = total / met.clamp(min=1)
        return Hints(ab.view(1, 2, *size), (met > 0).float().view(1, 1, *size))

    def resized(self, size: tuple[int, int]) -> SparseHints:
        """The same hints for a photo of another size, each at the pixel in the middle of where it was."""
        if size == self.size:
            return self
        if size[0] * size[1] < self.size[0] * self.size[1]:
            return sparse_from_hints(self.to_dense(size))
        (height, width), row, column = self.size, self.flat_index // self.size[1], self.flat_index % self.size[1]
        place = (2 * row + 1) * size[0] // (2 * height) * size[1] + (2 * column + 1) * size[1] // (2 * width)
        place, first = _distinct(place)
        return SparseHints(place, self.ab[first], size)

    def _moved(self, size: tuple[int, int]) -> Tensor:
        if size == self.size:
            return self.flat_index
        row, column = self.flat_index // self.size[1], self.flat_index % self.size[1]
        return row * size[0] // self.size[0] * size[1] + column * size[1] // self.size[1]


def sparse_from_hints(hints: Hints) -> SparseHints:
    """List the hinted pixels of one picture's maps (ab 12HW, mask 11HW)."""
    place = hints.mask.detach().cpu().flatten().nonzero()[:, 0]
    ab = hints.ab.detach().cpu()[0].flatten(1)[:, place].T.float()
    height, width = hints.mask.shape[-2:]
    return SparseHints(place, ab.contiguous(), (height, width))


def _distinct(place: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct places, ascending, and where each stands first."""
    found, back = torch.unique(place, return_inverse=True)
    first = torch.full_like(found, len(place)).scatter_reduce_(0, back, torch.arange(len(place)), "amin")
    return found, first
