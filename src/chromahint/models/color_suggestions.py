"""Color suggestions for a pixel, from color classes (Zhang et al. 2017) or the modes of a distribution of colors."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from chromahint.color import in_gamut
from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import CLASS_STRIDE, HasColorClasses, class_centers

MAX_SUGGESTIONS = 8
LOGIT_SCALE = 0.2
"""Factor of the logits, as in the paper. It flattens the distribution, so that less likely colors are suggested too."""
_MAX_ITERATIONS = 100
_MERGE_DISTANCE = 12.0
"""Distance in Lab units below which two modes are one suggestion."""
_MIN_PROBABILITY = 0.02
"""Probability of the least likely suggestion from a distribution of colors."""


@runtime_checkable
class HasColorDistribution(Protocol):
    """Network that predicts which colors a pixel may have."""

    def encode(self, lightness: Tensor) -> Any:
        """Encode lightness B1HW in 0..100."""
        ...

    def color_distribution(self, encoding: Any, hints: Hints, row: int, column: int) -> tuple[Tensor, Tensor]:
        """Return the colors that the pixel of one image may have: ab K2 in Lab units, and weights K."""
        ...


class Suggestion(NamedTuple):
    """Suggested color.

    Attributes:
        ab: (a, b) in Lab units, inside the sRGB gamut at the lightness of the pixel.
        probability: Probability in 0..1; those of all suggestions sum to 1.
    """

    ab: tuple[float, float]
    probability: float


@torch.no_grad()
def suggest_colors(
    network: HasColorClasses | HasColorDistribution,
    lightness: Tensor,
    hints: Hints,
    row: int,
    column: int,
    encoding: Any = None,
) -> list[Suggestion]:
    """Suggest up to eight colors for a pixel, the most likely first.

    Drops colors outside the sRGB gamut at the lightness of the pixel. Color classes are clustered with weighted
    k-means, by their probabilities; modes of a distribution are merged if they are close.

    Args:
        network: Network with color classes or a distribution of colors, in eval mode.
        lightness: 11HW in 0..100, one image.
        hints: ab 12HW in Lab units and mask 11HW.
        row: Row of the pixel.
        column: Column of the pixel.
        encoding: What a network with a distribution of colors encodes the lightness as, if it is known.

    Raises:
        ValueError: The pixel is outside the image, the batch holds several images, or the network predicts neither.
    """
    batch, _, height, width = lightness.shape
    if batch != 1:
        raise ValueError(f"lightness: must hold one image, not {batch}. Pass lightness[i:i+1].")
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(
            f"row {row}, column {column}: outside the image of {height} rows and {width} columns. Pass a pixel of the "
            "image."
        )
    if isinstance(network, HasColorDistribution):
        encoding = network.encode(lightness) if encoding is None else encoding
        colors, probabilities = network.color_distribution(encoding, hints, row, column)
        combine = _merge_modes
    elif isinstance(network, HasColorClasses):
        _, logits = network.with_classes(lightness, hints)
        colors = class_centers(logits.shape[1], logits.device)
        probabilities = torch.softmax(
            LOGIT_SCALE * logits[0, :, row // CLASS_STRIDE, column // CLASS_STRIDE].double(), 0
        )
        combine = _weighted_kmeans
    else:
        raise ValueError(
            f"{type(network).__name__}: predicts no distribution of colors to suggest from. Use spreadnet or zhang2017."
        )
    pixel_lightness = lightness[..., row, column].expand(1, 1, 1, len(colors))
    displayable = in_gamut(pixel_lightness, colors.float().T[None, :, None]).flatten()
    colors, probabilities = colors[displayable].double(), probabilities[displayable].double()
    if probabilities.sum() == 0:  # of a dark pixel, for example
        return [Suggestion((0.0, 0.0), 1.0)]
    means, weights = combine(colors, probabilities / probabilities.sum())
    suggestions = [Suggestion((a, b), weight) for (a, b), weight in zip(means.tolist(), weights.tolist(), strict=True)]
    return sorted(suggestions, key=lambda suggestion: -suggestion.probability)


def _merge_modes(points_N2: Tensor, weights_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return at most `MAX_SUGGESTIONS` means of close points, the heaviest first, and their total weights."""
    means: list[Tensor] = []
    totals: list[Tensor] = []
    remaining = weights_N.clone()
    while len(means) < MAX_SUGGESTIONS and float(remaining.max()) > 0:
        near = (points_N2 - points_N2[remaining.argmax()]).norm(dim=1) <= _MERGE_DISTANCE
        weight = remaining * near
        totals.append(weight.sum())
        means.append((weight[:, None] * points_N2).sum(dim=0) / totals[-1])
        remaining = remaining * ~near
    kept = torch.stack(totals) >= min(_MIN_PROBABILITY, float(totals[0]))
    weights = torch.stack(totals)[kept]
    return torch.stack(means)[kept], weights / weights.sum()


def _weighted_kmeans(points_N2: Tensor, weights_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return at most `MAX_SUGGESTIONS` means, and the total weight of each cluster.

    The first initial mean is the point with the largest weight, the next ones maximize weight times squared distance.
    """
    chosen = [int(weights_N.argmax())]
    distance = (points_N2 - points_N2[chosen[0]]).square().sum(dim=1)
    while len(chosen) < MAX_SUGGESTIONS and float((weights_N * distance).max()) > 0:
        chosen.append(int((weights_N * distance).argmax()))
        distance = torch.minimum(distance, (points_N2 - points_N2[chosen[-1]]).square().sum(dim=1))
    means = points_N2[chosen]
    cluster = torch.zeros_like(weights_N, dtype=torch.int64)
    for _ in range(_MAX_ITERATIONS):
        previous, cluster = cluster, torch.cdist(points_N2, means).argmin(dim=1)
        weights = torch.zeros_like(means[:, 0]).index_add_(0, cluster, weights_N)
        nonempty = weights > 0
        totals = torch.zeros_like(means).index_add_(0, cluster, weights_N[:, None] * points_N2)
        means = torch.where(nonempty[:, None], totals / weights.clamp(min=1e-300)[:, None], means)
        if torch.equal(previous, cluster):
            break
    return means[nonempty], weights[nonempty]
