"""Sampler of brush strokes: short curved scribbles anywhere in a photo.

Shape suffixes: B batch, N strokes, T points along a stroke, P pixels of the widest brush, H height, W width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import validate_arguments


@validate_arguments("hints")
@dataclass(frozen=True)
class Strokes:
    """Short curved strokes with the photo's own color at each pixel.

    The number of strokes is uniform, and so are the center, direction, length, brush radius and the two curvature
    components of each stroke: a bow to one side and an S-shape. Strokes are clipped at the border of the photo.

    Each pixel keeps its own color instead of the mean of the stroke. Random strokes cross edges, where the mean would
    be a color of neither side, and the network would learn not to trust hints.

    Args:
        max_strokes: Maximum number of strokes per photo.
        max_length: Maximum distance between the ends of a stroke in pixels, without the brush; 1 draws dots.
        max_radius: Maximum radius of the brush in pixels; r draws lines with a width of 2 r + 1, and 0 single pixels.
        curvature: Maximum bow and S-shape of a stroke, as a fraction of its length; 0 draws straight lines.
    """

    max_strokes: Annotated[int, Ge(1), Le(1000)] = 12
    max_length: Annotated[int, Ge(1), Le(8192)] = 48
    max_radius: Annotated[int, Ge(0), Le(256)] = 2
    curvature: Annotated[float, Ge(0), Le(10)] = 0.25

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints; see `chromahint.hints.samplers.Sampler`."""
        batch, _, height, width = ab.shape
        device = ab.device
        count_B = torch.randint(self.max_strokes + 1, (batch,), generator=generator, device=device)
        radius_BN = torch.randint(self.max_radius + 1, (batch, self.max_strokes), generator=generator, device=device)
        uniform = torch.rand(6, batch, self.max_strokes, generator=generator, device=device)
        rows_BNT, columns_BNT = self._paths(uniform, height, width)

        offset = torch.arange(-self.max_radius, self.max_radius + 1, device=device)
        down_P, right_P = (axis.flatten() for axis in torch.meshgrid(offset, offset, indexing="ij"))
        rows, columns = rows_BNT[..., None] + down_P, columns_BNT[..., None] + right_P
        # include pixel centers up to half a pixel outside the circle, which makes the brush look rounder
        within_BNP = down_P**2 + right_P**2 <= (radius_BN**2 + radius_BN)[..., None]
        active_BN = torch.arange(self.max_strokes, device=device) < count_B[:, None]
        drawn = (within_BNP & active_BN[..., None])[:, :, None]
        drawn = drawn & (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)

        # pixels that are not drawn go to an extra entry at the end, which is dropped
        pixels = torch.where(drawn, rows * width + columns, height * width).flatten(1)
        mask = torch.zeros(batch, height * width + 1, device=device).scatter_(1, pixels, 1.0)
        return hints_from_mask(ab, mask[:, :-1].view(batch, 1, height, width))

    def _paths(self, uniform: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return rows and columns BNT along each stroke, dense enough that the stroke has no gaps."""
        center_row, center_column, direction, relative_length, bow, s_shape = uniform[..., None]
        points = 1 + math.ceil(self.max_length * math.hypot(1, 8 * self.curvature))
        t = torch.linspace(0, 1, points, device=uniform.device)
        length = (self.max_length - 1) * relative_length
        along = length * (t - 0.5)
        across = length * self.curvature * 4 * t * (1 - t) * ((2 * bow - 1) + (2 * s_shape - 1) * (1 - 2 * t))
        cosine, sine = torch.cos(2 * math.pi * direction), torch.sin(2 * math.pi * direction)
        rows = (center_row * height + along * sine + across * cosine).floor().long()
        columns = (center_column * width + along * cosine - across * sine).floor().long()
        return rows, columns
