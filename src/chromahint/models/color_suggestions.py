"""Colors to choose from at one place of a picture, by the classes of a network that has them (Zhang et al. 2017)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.color import in_gamut
from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import STRIDE, HasColorClasses, class_ab

MOST = 9
SOFTNESS = 0.2
"""The classes' logits are scaled by it, as in 2017: what is less likely is offered too."""
_ROUNDS = 100


class Suggestion(NamedTuple):
    """A color, and the share of it in what the network thinks possible.

    Attributes:
        ab: in Lab units; with the pixel's lightness a color that sRGB can show.
        probability: 0..1; those of all suggestions sum to 1.
    """

    ab: tuple[float, float]
    probability: float


@torch.no_grad()
def suggest(network: HasColorClasses, lightness: Tensor, hints: Hints, row: int, col: int) -> list[Suggestion]:
    """Offer up to nine colors for a pixel, the likeliest first.

    The likelihood of the 529 classes, of which those are left out that sRGB can't show at the pixel's lightness, is
    gathered around nine means (weighted k-means, started at the likeliest class and then far from what there is).

    Args:
        network: with color classes, in evaluation mode.
        lightness: 11HW in 0..100, of one picture.
        hints: ab 12HW in Lab units and mask 11HW.
        row: of the pixel, from 0 at the top.
        col: of the pixel, from 0 on the left.

    Raises:
        ValueError: the pixel lies outside, there are several pictures, or the network has no color classes.
    """
    batch, _, height, width = lightness.shape
    if batch != 1:
        raise ValueError(f"colors are suggested for one picture at a time, not {batch}: pass lightness[i:i+1]")
    if not (0 <= row < height and 0 <= col < width):
        raise ValueError(f"row {row}, column {col} is outside of the picture, which is {height} high and {width} wide")
    if not isinstance(network, HasColorClasses):
        raise ValueError(f"{type(network).__name__} has no color classes to suggest from; zhang2017 has")
    _, logits = network.with_classes(lightness, hints)
    place = logits[0, :, row // STRIDE, col // STRIDE].double()
    colors = class_ab(place.device).double()
    shown = in_gamut(lightness[..., row, col].expand(1, 1, 1, len(colors)), colors.T[None, :, None].float()).flatten()
    likelihood = torch.softmax(SOFTNESS * place[shown], dim=0)
    means, shares = _gather(colors[shown], likelihood)
    found = [Suggestion((a, b), share) for (a, b), share in zip(means.tolist(), shares.tolist(), strict=True)]
    return sorted(found, key=lambda suggestion: -suggestion.probability)


def _gather(points_N2: Tensor, weights_N: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted k-means: at most `MOST` means, and the weight around each."""
    chosen = [int(weights_N.argmax())]
    far = (points_N2 - points_N2[chosen[0]]).square().sum(dim=1)
    while len(chosen) < MOST and float((weights_N * far).max()) > 0:
        chosen.append(int((weights_N * far).argmax()))
        far = torch.minimum(far, (points_N2 - points_N2[chosen[-1]]).square().sum(dim=1))
    means = points_N2[chosen]
    belongs = torch.zeros_like(weights_N, dtype=torch.int64)
    for _ in range(_ROUNDS):
        before, belongs = belongs, torch.cdist(points_N2, means).argmin(dim=1)
        shares = torch.zeros_like(means[:, 0]).index_add_(0, belongs, weights_N)
        kept = shares > 0
        totals = torch.zeros_like(means).index_add_(0, belongs, weights_N[:, None] * points_N2)
        means = torch.where(kept[:, None], totals / shares.clamp(min=1e-300)[:, None], means)
        if torch.equal(before, belongs):
            break
    return means[kept], shares[kept]
