"""Simulated users who scribble: short curved strokes of a brush, anywhere in the photo.

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
    """Short curved scribbles that hold the photo's own colors along them.

    The number of strokes is uniform, and so are their middle over the photo, direction, length, brush and the two
    amounts by which a stroke bows to one side and winds to both; what lies beyond the photo's border is cut off.

    Each pixel holds its own color and not the stroke's mean: a stroke placed without regard to what is in the photo
    runs across edges, where a mean is a color of neither side. A network would learn from it that hints are not to
    be believed.

    Args:
        most: largest number of strokes in a photo, 1 or more.
        longest: largest length of a stroke, in pixels in a line from its first to its last before the brush widens it,
            1 or more; 1 draws dots.
        radius: largest radius of the brush in pixels, 0 or more; 0 draws single pixels, r a width of 2 r + 1.
        bend: how far a stroke may bow off the straight line, and how far it may wind, as a share of its length, 0 or
            more; 0 draws straight lines.
    """

    max_strokes: Annotated[int, Ge(1), Le(1000)] = 12
    max_length: Annotated[int, Ge(1), Le(8192)] = 48
    max_radius: Annotated[int, Ge(0), Le(256)] = 2
    curvature: Annotated[float, Ge(0), Le(10)] = 0.25

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Choose hints; see `chromahint.hints.samplers.Sampler`."""
        batch, _, height, width = ab.shape
        device = ab.device
        number_B = torch.randint(self.max_strokes + 1, (batch,), generator=generator, device=device)
        radius_BN = torch.randint(self.max_radius + 1, (batch, self.max_strokes), generator=generator, device=device)
        chance = torch.rand(6, batch, self.max_strokes, generator=generator, device=device)
        rows_BNT, columns_BNT = self._paths(chance, height, width)

        step = torch.arange(-self.max_radius, self.max_radius + 1, device=device)
        down_P, right_P = (axis.flatten() for axis in torch.meshgrid(step, step, indexing="ij"))
        rows, columns = rows_BNT[..., None] + down_P, columns_BNT[..., None] + right_P
        # pixels whose middle lies within half a pixel of the circle belong to the brush: rounder than the circle itself
        within_BNP = down_P**2 + right_P**2 <= (radius_BN**2 + radius_BN)[..., None]
        given_BN = torch.arange(self.max_strokes, device=device) < number_B[:, None]
        drawn = (within_BNP & given_BN[..., None])[:, :, None]
        drawn = drawn & (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)

        # what is not drawn goes to a pixel beyond the last, which is dropped
        pixels = torch.where(drawn, rows * width + columns, height * width).flatten(1)
        mask = torch.zeros(batch, height * width + 1, device=device).scatter_(1, pixels, 1.0)
        return hints_from_mask(ab, mask[:, :-1].view(batch, 1, height, width))

    def _paths(self, chance: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Rows and columns along each stroke, so close together that each stroke is in one piece."""
        down, right, turn, share, bow, wind = chance[..., None]
        points = 1 + math.ceil(self.max_length * math.hypot(1, 8 * self.curvature))
        t = torch.linspace(0, 1, points, device=chance.device)
        length = (self.max_length - 1) * share
        along = length * (t - 0.5)
        aside = length * self.curvature * 4 * t * (1 - t) * ((2 * bow - 1) + (2 * wind - 1) * (1 - 2 * t))
        cosine, sine = torch.cos(2 * math.pi * turn), torch.sin(2 * math.pi * turn)
        rows = (down * height + along * sine + aside * cosine).floor().long()
        columns = (right * width + along * cosine - aside * sine).floor().long()
        return rows, columns
