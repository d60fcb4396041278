"""Sampler of global hints: the histogram, mean saturation, and palette of photos, next to local hints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from chromahint.color import lab_to_rgb
from chromahint.hints.gamut_bins import ab_histogram
from chromahint.hints.global_hints import MAX_PALETTE, GlobalHints
from chromahint.hints.hints import Hints
from chromahint.hints.palettes import extract_palette
from chromahint.hints.samplers import Sampler
from chromahint.ranges import Probability, validate_arguments

PaletteSize = Annotated[int, Ge(1), Le(MAX_PALETTE)]


@validate_arguments("hints")
@dataclass(frozen=True)
class WithGlobalHints:
    """Adds global hints to those of another sampler, each dropped at random and independently of the others.

    Args:
        local: Sampler of the local hints.
        histogram_probability: Probability that a photo gets the histogram of its colors.
        saturation_probability: Probability that a photo gets its mean saturation.
        palette_probability: Probability that a photo gets a palette.
        min_colors: Smallest number of colors of a palette. The number is uniform.
        max_colors: Largest number of colors of a palette.
        jitter: Standard deviation, in Lab units, of noise that is added to the colors of a palette, since no person
            picks the exact colors of a photo.
        equal_weights_probability: Probability that all colors of a palette have the same weight, as those that a
            person types.
        other_photo_probability: Probability that a photo gets all global hints from the next photo of its batch instead
            of its own. They contradict its colors, so that a network learns how far to trust a palette.
    """

    local: Sampler
    histogram_probability: Probability = 0.5
    saturation_probability: Probability = 0.5
    palette_probability: Probability = 0.5
    min_colors: PaletteSize = 3
    max_colors: PaletteSize = MAX_PALETTE
    jitter: Annotated[float, Ge(0), Le(100)] = 5.0
    equal_weights_probability: Probability = 0.5
    other_photo_probability: Probability = 0.0

    def __post_init__(self) -> None:
        if self.min_colors > self.max_colors:
            raise ValueError(
                f"hints.min_colors={self.min_colors}: must be <= hints.max_colors={self.max_colors}. "
                "Try hints.min_colors=3 hints.max_colors=7."
            )

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints without mean saturation, which needs the lightness; see `chromahint.hints.samplers.Sampler`."""
        hints = self.local(ab, generator)
        return hints._replace(global_hints=self._global_hints(ab, None, generator))

    def sample(self, lightness: Tensor, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints.

        Args:
            lightness: B1HW in 0..100.
            ab: B2HW in Lab units.
            generator: Random generator on the device of `ab`.
        """
        hints = self.local(ab, generator)
        return hints._replace(global_hints=self._global_hints(ab, mean_saturation(lightness, ab), generator))

    def _global_hints(self, ab: Tensor, saturation_B1: Tensor | None, generator: torch.Generator) -> GlobalHints:
        batch, device = len(ab), ab.device
        uniform = torch.rand(5, batch, 1, generator=generator, device=device)
        counts = torch.randint(self.min_colors, self.max_colors + 1, (batch,), generator=generator, device=device)
        noise = torch.randn(batch, MAX_PALETTE, 2, generator=generator, device=device)

        palette, weights = extract_palette(ab, counts)
        used = (weights > 0).float()
        equal = used / used.sum(dim=1, keepdim=True)
        weights = torch.where(uniform[3] < self.equal_weights_probability, equal, weights)
        palette = (palette + self.jitter * noise) * used[..., None]
        has_histogram, has_saturation, has_palette = (
            (uniform[index] < probability).float()
            for index, probability in enumerate(
                (self.histogram_probability, self.saturation_probability, self.palette_probability)
            )
        )
        if saturation_B1 is None:
            has_saturation, saturation_B1 = torch.zeros_like(has_saturation), torch.zeros_like(has_saturation)
        own = GlobalHints(
            histogram=ab_histogram(ab) * has_histogram,
            has_histogram=has_histogram,
            saturation=saturation_B1 * has_saturation,
            has_saturation=has_saturation,
            palette=palette * has_palette[..., None],
            palette_weights=weights * has_palette,
        )
        from_other = uniform[4, :, 0] < self.other_photo_probability
        return GlobalHints(*(torch.where(from_other.view(-1, *[1] * (x.ndim - 1)), x.roll(-1, dims=0), x) for x in own))


def mean_saturation(lightness: Tensor, ab: Tensor) -> Tensor:
    """Return the mean saturation of HSV, B1 in 0..1, of images with lightness B1HW and ab B2HW."""
    rgb = lab_to_rgb(lightness, ab)
    largest, smallest = rgb.amax(dim=1), rgb.amin(dim=1)
    return ((largest - smallest) / largest.clamp(min=1e-6)).flatten(1).mean(dim=1, keepdim=True)
