"""Default protocol: single pixels at random positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from chromahint.evaluation.protocols.base import (
    RGB_METRICS,
    ImageScores,
    LabImages,
    check_counts,
    check_size,
    measure_rgb,
)
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments


@validate_arguments("protocol")
@dataclass(frozen=True)
class RandomPixels:
    """Single pixels at random positions; 328 and 1,966 hints are 0.5 % and 3 % of an image of 256x256.

    PSNR of 8-bit RGB, capped at 100 dB; SSIM of 8-bit RGB as defined by scikit-image.

    Args:
        hint_counts: Numbers of hints, distinct and ascending, in 0..size * size.
        size: Height and width of images in pixels.
        seed: Seed of the positions, together with the image's id.
    """

    name = "random_pixels"
    metric_description = RGB_METRICS

    hint_counts: HintCounts = field(default_factory=lambda: [0, 1, 10, 100, 328, 1966])
    size: ImageSize = 256
    seed: Seed = 0

    def __post_init__(self) -> None:
        check_counts(self.hint_counts, self.size, self.max_hints, "size * size")

    @property
    def max_hints(self) -> int:
        """The number of pixels."""
        return self.size**2

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Reveal `count` pixels of each image (see `HintProtocol.hints`)."""
        check_size(self, ab)
        return hints_from_mask(ab, first_k_mask(ab, ids, self.seed, self.size, count, max(self.hint_counts)))

    def measure(self, prediction: LabImages, truth: LabImages) -> ImageScores:
        """Return PSNR and SSIM of 8-bit RGB."""
        return measure_rgb(prediction, truth)
