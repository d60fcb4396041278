"""Simulated users who mark more than a pixel: patches around the center, and cells of a grid.

Shape suffixes: B batch, C the two colors, N points, P pixels of the largest patch, H height, W width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le, Lt
from torch import Tensor
from torch.nn import functional as F

from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import Probability, validate_arguments

_RARE = 1e-6
"""The odds at which the tail of a geometric distribution is cut, so that every batch has the same shape."""


@validate_arguments("hints")
@dataclass(frozen=True)
class Points:
    """A few square patches around the middle of a photo, each holding its mean color (Zhang et al. 2017).

    The number of patches is geometric; places are normal around the center with a standard deviation of a quarter of
    the free way, and stay inside the photo; a patch's side is uniform. Where patches overlap, the later one counts.

    Args:
        stop: odds that no further patch follows, above 0 and below 1; the mean number is (1 - stop) / stop.
        largest: largest side of a patch in pixels, 1 or more.
        reveal_all: odds that a photo's whole color is given, 0..1.
    """

    stop_probability: Annotated[float, Ge(0.001), Lt(1)] = 0.125
    max_patch_size: Annotated[int, Ge(1), Le(1024)] = 9
    full_color_probability: Probability = 0.01

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `chromahint.hints.samplers.Sampler`."""
        batch, _, height, width = ab.shape
        most = math.ceil(math.log(_RARE) / math.log1p(-self.stop_probability))
        largest = min(self.max_patch_size, height, width)
        device = ab.device

        chance = torch.rand(2, batch, generator=generator, device=device)
        number_B = torch.log1p(-chance[0]).div(math.log1p(-self.stop_probability)).floor()
        side_BN = torch.randint(1, largest + 1, (batch, most), generator=generator, device=device)
        drift = torch.randn(2, batch, most, generator=generator, device=device)
        top_BN = _place(height - side_BN, drift[0])
        left_BN = _place(width - side_BN, drift[1])
        given_BN = torch.arange(most, device=device) < number_B[:, None]

        step = torch.arange(largest, device=device)
        rows_BNP = (top_BN[..., None, None] + step[:, None]).expand(-1, -1, -1, largest).flatten(2)
        columns_BNP = (left_BN[..., None, None] + step).expand(-1, -1, largest, -1).flatten(2)
        inside_BNP = ((step[:, None] < side_BN[..., None, None]) & (step < side_BN[..., None, None])).flatten(2)
        # pixels of a small patch beyond its side are folded onto its first pixel, and do not count
        pixel_BNP = torch.where(inside_BNP, rows_BNP * width + columns_BNP, (top_BN * width + left_BN)[..., None])

        painted = paint_patches(ab, pixel_BNP, inside_BNP, given_BN)
        everything = (chance[1] < self.full_color_probability).view(-1, 1, 1, 1)
        mask = torch.where(everything, 1.0, painted.mask)
        return Hints(torch.where(everything, ab.float(), painted.ab), mask)


@validate_arguments("hints")
@dataclass(frozen=True)
class Cells:
    """A uniform number of distinct grid cells, uniform over the grid, each holding its mean color (iColoriT, 2023).

    Where a photo's height or width is no multiple of the cell's, the last rows or columns are never marked.

    Args:
        most: largest number of cells in a photo, 1 or more; photos with fewer cells than that stop at theirs.
        size: side of a cell in pixels, 1 or more.
    """

    max_cells: Annotated[int, Ge(1), Le(8192**2)] = 128
    cell_size: Annotated[int, Ge(1), Le(8192)] = 2

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `chromahint.hints.samplers.Sampler`."""
        batch, _, height, width = ab.shape
        rows, columns = height // self.cell_size, width // self.cell_size
        if rows * columns == 0:
            raise ValueError(
                f"A photo of {height}x{width} pixels holds no cell of {self.cell_size}x{self.cell_size}. "
                "Type for example hints.size=2."
            )
        most = min(self.max_cells, rows * columns)
        number_B = torch.randint(most + 1, (batch,), generator=generator, device=ab.device)
        chance = torch.rand(batch, rows * columns, generator=generator, device=ab.device)
        first = chance.topk(most, dim=1).indices
        given = (torch.arange(most, device=ab.device) < number_B[:, None]).float()
        marked = torch.zeros_like(chance).scatter_(1, first, given).view(batch, 1, rows, columns)
        return fill_cells(ab, marked, self.cell_size)


def paint_patches(ab: Tensor, pixel_BNP: Tensor, inside_BNP: Tensor, given_BN: Tensor) -> Hints:
    """Hints of patches that hold their mean color; where patches overlap, the later one counts.

    Args:
        ab: B2HW, the photos' colors in Lab units.
        pixel_BNP: each patch's pixels as row * width + column; what is not inside lies on a pixel that is.
        inside_BNP: which of these pixels count, bool; one or more of each patch.
        given_BN: which patches are given at all, bool.
    """
    batch, _, height, width = ab.shape
    flat_BNP = pixel_BNP.flatten(1)
    found = ab.float().flatten(2).gather(2, flat_BNP[:, None].expand(-1, 2, -1))
    colors_BCNP = found.view(batch, 2, *pixel_BNP.shape[1:])
    mean_BCN = (colors_BCNP * inside_BNP[:, None]).sum(3) / inside_BNP.sum(2)[:, None]

    # each pixel's last patch, 0 for none: the largest number wins in whatever order a device writes
    number_BN = torch.arange(1, given_BN.shape[1] + 1, device=ab.device) * given_BN
    owner = torch.zeros(batch, height * width, dtype=torch.int64, device=ab.device)
    owner.scatter_reduce_(1, flat_BNP, number_BN[..., None].expand_as(pixel_BNP).flatten(1), "amax")
    painted = F.pad(mean_BCN, (1, 0)).gather(2, owner[:, None].expand(-1, 2, -1)).view(batch, 2, height, width)
    return Hints(painted, (owner > 0).view(batch, 1, height, width).float())


def fill_cells(ab: Tensor, marked: Tensor, cell_size: int) -> Hints:
    """Hints of grid cells that hold their mean color.

    Args:
        ab: B2HW, the photos' colors in Lab units.
        marked: B1hw, 1 for the cells that are given and 0 for the others; h = H // size, w = W // size.
        size: side of a cell in pixels.
    """
    (height, width), (rows, columns) = ab.shape[2:], marked.shape[2:]
    margin = (0, width - columns * cell_size, 0, height - rows * cell_size)

    def enlarge(cells: Tensor) -> Tensor:
        return F.pad(cells.repeat_interleave(cell_size, 2).repeat_interleave(cell_size, 3), margin)

    return hints_from_mask(enlarge(F.avg_pool2d(ab.float(), cell_size)), enlarge(marked))


def _place(way_BN: Tensor, drift_BN: Tensor) -> Tensor:
    """Where a patch starts along one axis, for the free way 0..way and a standard normal number."""
    length = (way_BN + 1).float()
    return torch.minimum((length * (0.5 + drift_BN / 4)).clamp(min=0).long(), way_BN)
