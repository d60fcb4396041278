"""Color suggestions for a pixel, from the color classes that a network predicts (Zhang et al. 2017)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.color import in_gamut
from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import CLASS_STRIDE, HasColorClasses, class_centers

MAX_SUGGESTIONS = 9
LOGIT_SCALE = 0.2
"""Factor of the logits, as in the paper. It flattens the distribution, so that less likely colors are suggested too."""
_MAX_ITERATIONS = 100


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
    network: HasColorClasses, lightness: Tensor, hints: Hints, row: int, column: int
) -> list[Suggestion]:
    """Suggest up to nine colors for a pixel, the most likely first.

    Drops the classes outside the sRGB gamut at the lightness of the pixel, and clusters the others with weighted
    k-means. The weights are the class probabilities.

    Args:
        network: Network with color classes, in eval mode.
        lightness: 11HW in 0..100, one image.
        hints: ab 12HW in Lab units and mask 11HW.
        row: Row of the pixel.
        column: Column of the pixel.

    Raises:
        ValueError: The pixel is outside the image, the batch holds several images, or the network has no color classes.
    """
    batch, _, height, width = lightness.shape
    if batch != 1:
        raise ValueError(f"lightness: must hold one image, not {batch}. Pass lightness[i:i+1].")
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(
            f"row {row}, column {column}: outside the image of {height} rows and {width} columns. Pass a pixel of the "
            "image."
        )
    if not isinstance(network, HasColorClasses):
        raise ValueError(f"{type(network).__name__}: has no color classes to suggest colors from. Use zhang2017.")
    _, logits = network.with_classes(lightness, hints)
    pixel_logits = logits[0, :, row // CLASS_STRIDE, column // CLASS_STRIDE].double()
    colors = class_centers(pixel_logits.device).double()
    pixel_lightness = lightness[..., row, column].expand(1, 1, 1, len(colors))
    displayable = in_gamut(pixel_lightness, colors.T[None, :, None].float()).flatten()
    probabilities = torch.softmax(LOGIT_SCALE * pixel_logits[displayable], dim=0)
    means, weights = _weighted_kmeans(colors[displayable], probabilities)
    suggestions = [Suggestion((a, b), weight) for (a, b), weight in zip(means.tolist(), weights.tolist(), strict=True)]
    return sorted(suggestions, key=lambda suggestion: -suggestion.probability)


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
