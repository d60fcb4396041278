"""Global hints: what is known about the colors of a whole image, wherever they are.

Shape suffixes: B batch, Q the 313 bins, P slots of a palette.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.hints.colors import Color, check_color, to_ab
from chromahint.hints.gamut_bins import NUM_GAMUT_BINS, soft_encode

MAX_PALETTE = 7
"""Colors of a palette at most."""


class GlobalHints(NamedTuple):
    """Global hints for a batch of images. Each image may have any of them.

    Attributes:
        histogram: BQ float32, share of each bin of `gamut_bins`; 0 without a histogram.
        has_histogram: B1 float32, 1 for images with a histogram.
        saturation: B1 float32 in 0..1, mean saturation (of HSV); 0 if it is not given.
        has_saturation: B1 float32, 1 for images with a mean saturation.
        palette: BP2 float32, ab of each color in Lab units; 0 in empty slots.
        palette_weights: BP float32, share of each color in the image, with the sum 1; 0 in empty slots, so an image
            without a palette has only zeros.
    """

    histogram: Tensor
    has_histogram: Tensor
    saturation: Tensor
    has_saturation: Tensor
    palette: Tensor
    palette_weights: Tensor

    @property
    def has_palette(self) -> Tensor:
        """B bool, whether each image has a palette."""
        return self.palette_weights.sum(dim=1) > 0

    def to(self, device: torch.device | str) -> GlobalHints:
        """Move all tensors to a device."""
        return GlobalHints(*(tensor.to(device) for tensor in self))


def no_global_hints(batch: int, device: torch.device | str = "cpu") -> GlobalHints:
    """Return global hints of a batch of images that have none."""
    shapes = ((NUM_GAMUT_BINS,), (1,), (1,), (1,), (MAX_PALETTE, 2), (MAX_PALETTE,))
    return GlobalHints(*(torch.zeros(batch, *shape, device=device) for shape in shapes))


def palette_hints(
    colors: Sequence[Color], weights: Sequence[float] | None = None, batch: int = 1, where: str = "palette"
) -> GlobalHints:
    """Return a palette, and the histogram of its colors, for networks that read a histogram.

    Args:
        colors: One to seven colors; only their ab counts.
        weights: Share of each color, in any unit; None for equal shares.
        batch: Images that get the palette.
        where: Name of the palette in error messages.

    Raises:
        ValueError: There are too few or too many colors, or a color or weight is invalid.
    """
    if isinstance(colors, str) or not 1 <= len(colors) <= MAX_PALETTE:
        raise ValueError(f"{where}: must have 1 to {MAX_PALETTE} colors, not {len(colors)}.")
    shares = [1.0] * len(colors) if weights is None else list(weights)
    if len(shares) != len(colors) or not all(0 < share < 1e6 for share in shares):
        raise ValueError(f"{where}: must have one weight > 0 for each of its {len(colors)} colors.")
    ab = to_ab([check_color(color, f"{where}[{number}]") for number, color in enumerate(colors)])
    weight = torch.tensor(shares, dtype=torch.float32)
    return from_palette(*_pad(ab, weight / weight.sum(), batch))


def from_palette(palette: Tensor, palette_weights: Tensor) -> GlobalHints:
    """Return global hints with palettes BP2 and their weights BP, and the histograms of their colors."""
    batch, slots, _ = palette.shape
    bins, shares = soft_encode(palette.flatten(0, 1))
    weighted = shares.view(batch, slots, -1) * palette_weights[..., None]
    histogram = palette.new_zeros(batch, NUM_GAMUT_BINS).scatter_add_(1, bins.view(batch, -1), weighted.flatten(1))
    has_palette = (palette_weights.sum(dim=1, keepdim=True) > 0).float()
    return no_global_hints(batch, palette.device)._replace(
        histogram=histogram, has_histogram=has_palette, palette=palette, palette_weights=palette_weights
    )


def _pad(ab: Tensor, weights: Tensor, batch: int) -> tuple[Tensor, Tensor]:
    """Fill a palette up with empty slots, and repeat it."""
    palette, padded = torch.zeros(MAX_PALETTE, 2), torch.zeros(MAX_PALETTE)
    palette[: len(ab)], padded[: len(weights)] = ab, weights
    return palette.expand(batch, -1, -1).clone(), padded.expand(batch, -1).clone()
