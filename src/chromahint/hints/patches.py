"""Samplers of patches and grid cells, each with the mean color of its pixels.

Shape suffixes: B batch, C the two color channels, N patches, P pixels of the largest patch, H height, W width.
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

_TAIL_PROBABILITY = 1e-6
"""Probability at which the geometric distribution is truncated, so that every batch has the same shape."""


@validate_arguments("hints")
@dataclass(frozen=True)
class Points:
    """Square patches around the center of a photo, each with its mean color (Zhang et al. 2017).

    The number of patches is geometrically distributed, and their size is uniform. Their positions are normally
    distributed around the center, with a standard deviation of a quarter of the possible range, and clamped to the
    photo. Later patches overwrite earlier ones.

    Args:
        stop_probability: Probability that no further patch follows. The mean number of patches is
            (1 - stop_probability) / stop_probability.
        max_patch_size: Maximum height and width of a patch in pixels.
        full_color_probability: Probability that a photo gets a hint at every pixel.
    """

    stop_probability: Annotated[float, Ge(0.001), Lt(1)] = 0.125
    max_patch_size: Annotated[int, Ge(1), Le(1024)] = 9
    full_color_probability: Probability = 0.01

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints; see `chromahint.hints.samplers.Sampler`."""
        batch, _, height, width = ab.shape
        max_patches = math.ceil(math.log(_TAIL_PROBABILITY) / math.log1p(-self.stop_probability))
        max_size = min(self.max_patch_size, height, width)
        device = ab.device

        uniform = torch.rand(2, batch, generator=generator, device=device)
        count_B = torch.log1p(-uniform[0]).div(math.log1p(-self.stop_probability)).floor()
        size_BN = torch.randint(1, max_size + 1, (batch, max_patches), generator=generator, device=device)
        normal = torch.randn(2, batch, max_patches, generator=generator, device=device)
        top_BN = _patch_start(height - size_BN, normal[0])
        left_BN = _patch_start(width - size_BN, normal[1])
        active_BN = torch.arange(max_patches, device=device) < count_B[:, None]

        offset = torch.arange(max_size, device=device)
        rows_BNP = (top_BN[..., None, None] + offset[:, None]).expand(-1, -1, -1, max_size).flatten(2)
        columns_BNP = (left_BN[..., None, None] + offset).expand(-1, -1, max_size, -1).flatten(2)
        inside_BNP = ((offset[:, None] < size_BN[..., None, None]) & (offset < size_BN[..., None, None])).flatten(2)
        # pixels outside a patch smaller than `max_size` are mapped to its first pixel, and ignored
        pixel_BNP = torch.where(inside_BNP, rows_BNP * width + columns_BNP, (top_BN * width + left_BN)[..., None])

        hints = paint_patches(ab, pixel_BNP, inside_BNP, active_BN)
        full_color = (uniform[1] < self.full_color_probability).view(-1, 1, 1, 1)
        mask = torch.where(full_color, 1.0, hints.mask)
        return Hints(torch.where(full_color, ab.float(), hints.ab), mask)


@validate_arguments("hints")
@dataclass(frozen=True)
class Cells:
    """Distinct grid cells, each with its mean color (iColoriT, 2023). Their number and positions are uniform.

    If the height or width of a photo is not a multiple of the cell size, the remaining rows or columns get no hints.

    Args:
        max_cells: Maximum number of cells per photo, limited to the number of cells in the photo.
        cell_size: Height and width of a cell in pixels.
    """

    max_cells: Annotated[int, Ge(1), Le(8192**2)] = 128
    cell_size: Annotated[int, Ge(1), Le(8192)] = 2

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints; see `chromahint.hints.samplers.Sampler`."""
        batch, _, height, width = ab.shape
        rows, columns = height // self.cell_size, width // self.cell_size
        if rows * columns == 0:
            raise ValueError(
                f"hints.cell_size={self.cell_size}: must not exceed the size of the photos, {height}x{width} pixels. "
                "Try hints.cell_size=2."
            )
        max_cells = min(self.max_cells, rows * columns)
        count_B = torch.randint(max_cells + 1, (batch,), generator=generator, device=ab.device)
        priority = torch.rand(batch, rows * columns, generator=generator, device=ab.device)
        first = priority.topk(max_cells, dim=1).indices
        is_hinted = (torch.arange(max_cells, device=ab.device) < count_B[:, None]).float()
        cell_mask = torch.zeros_like(priority).scatter_(1, first, is_hinted).view(batch, 1, rows, columns)
        return fill_cells(ab, cell_mask, self.cell_size)


def paint_patches(ab: Tensor, pixel_BNP: Tensor, inside_BNP: Tensor, active_BN: Tensor) -> Hints:
    """Return hints for patches, each with its mean color. Later patches overwrite earlier ones.

    Args:
        ab: B2HW, colors of the photos in Lab units.
        pixel_BNP: Flat indices (row * width + column) of the pixels of each patch. Ignored entries repeat one of the
            patch's pixels.
        inside_BNP: Bool, which entries are not ignored; at least one per patch.
        active_BN: Bool, which patches to paint.
    """
    batch, _, height, width = ab.shape
    flat_BNP = pixel_BNP.flatten(1)
    colors = ab.float().flatten(2).gather(2, flat_BNP[:, None].expand(-1, 2, -1))
    colors_BCNP = colors.view(batch, 2, *pixel_BNP.shape[1:])
    mean_BCN = (colors_BCNP * inside_BNP[:, None]).sum(3) / inside_BNP.sum(2)[:, None]

    # number of the last patch that covers each pixel, or 0; the maximum does not depend on the order of writes
    number_BN = torch.arange(1, active_BN.shape[1] + 1, device=ab.device) * active_BN
    owner = torch.zeros(batch, height * width, dtype=torch.int64, device=ab.device)
    owner.scatter_reduce_(1, flat_BNP, number_BN[..., None].expand_as(pixel_BNP).flatten(1), "amax")
    hint_ab = F.pad(mean_BCN, (1, 0)).gather(2, owner[:, None].expand(-1, 2, -1)).view(batch, 2, height, width)
    return Hints(hint_ab, (owner > 0).view(batch, 1, height, width).float())


def fill_cells(ab: Tensor, cell_mask: Tensor, cell_size: int) -> Hints:
    """Return hints for grid cells, each with its mean color.

    Args:
        ab: B2HW, colors of the photos in Lab units.
        cell_mask: (B, 1, H // cell_size, W // cell_size), 1 for hinted cells and 0 for the others.
        cell_size: Height and width of a cell in pixels.
    """
    (height, width), (rows, columns) = ab.shape[2:], cell_mask.shape[2:]
    margin = (0, width - columns * cell_size, 0, height - rows * cell_size)

    def to_pixels(cells: Tensor) -> Tensor:
        return F.pad(cells.repeat_interleave(cell_size, 2).repeat_interleave(cell_size, 3), margin)

    return hints_from_mask(to_pixels(F.avg_pool2d(ab.float(), cell_size)), to_pixels(cell_mask))


def _patch_start(max_start_BN: Tensor, normal_BN: Tensor) -> Tensor:
    """Return the first row or column of patches, in 0..max_start, from standard normal numbers."""
    length = (max_start_BN + 1).float()
    return torch.minimum((length * (0.5 + normal_BN / 4)).clamp(min=0).long(), max_start_BN)
