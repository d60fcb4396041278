"""Aging of the lightness that a network sees in training, so that scans of old prints work, too.

The colors that the network should predict stay those of the original photo.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from torch import Tensor

from chromahint.ranges import Probability, validate_arguments
from chromahint.training.augmentation import Augment

_BLUR_WINDOW = 9
_NUM_DRAWS = 10
_JPEG_BLOCK = 8
_JPEG_QUANTIZATION = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
"""Steps of the luminance coefficients at quality 50 (ITU-T T.81, table K.1)."""
_SCREEN_PERIODS = (2.5, 6.0)
"""Smallest and largest distance of two dots of a halftone screen, in pixels."""


class OldPhotos:
    """Augmentation that also ages some images: faded contrast, blur, halftone dots, noise, and JPEG blocks.

    Args:
        augment: Augmentation of the photo itself, before it ages.
        probability: Probability that an image ages.
        fading: Largest fraction of the contrast that is lost.
        blur: Largest standard deviation of the blur, in pixels.
        halftone: Probability that an aged image is printed with a screen of dots.
        noise: Largest standard deviation of noise, in units of L.
        jpeg_quality: Lowest quality of JPEG compression; 100 turns it off.
    """

    @validate_arguments("augment")
    def __init__(
        self,
        augment: Augment,
        probability: Probability = 0.3,
        fading: Annotated[float, Ge(0), Le(1)] = 0.4,
        blur: Annotated[float, Ge(0), Le(4)] = 1.0,
        halftone: Probability = 0.1,
        noise: Annotated[float, Ge(0), Le(100)] = 5.0,
        jpeg_quality: Annotated[int, Ge(1), Le(100)] = 30,
    ) -> None:
        self.augment = augment
        self.probability = probability
        self.fading = fading
        self.blur = blur
        self.halftone = halftone
        self.noise = noise
        self.jpeg_quality = jpeg_quality

    def __call__(self, rgb: Tensor, generator: torch.Generator) -> Tensor:
        """Augment the photos, B3HW uint8, without aging; returns B3HW float32 in 0..1."""
        return self.augment(rgb, generator)

    @torch.no_grad()
    def age(self, lightness: Tensor, generator: torch.Generator) -> Tensor:
        """Age the lightness of some images.

        Args:
            lightness: B1HW in 0..100.
            generator: Source of all randomness, on the device of `lightness`.

        Returns:
            B1HW in 0..100.
        """
        with torch.autocast(lightness.device.type, enabled=False):
            draws = torch.rand(_NUM_DRAWS, len(lightness), 1, 1, 1, generator=generator, device=lightness.device)
            ages, fading, black, blur, printed, period, angle, noise, jpeg, compressed = draws
            grain = torch.randn(lightness.shape, generator=generator, device=lightness.device)
            contrast = 1 - self.fading * fading
            aged = lightness * contrast + 100 * (1 - contrast) * black
            if self.blur:
                kernel = get_gaussian_kernel1d(_BLUR_WINDOW, (0.1 + self.blur * blur).view(-1, 1))
                aged = filter2d_separable(aged, kernel, kernel)
            if self.halftone:
                aged = torch.where(printed < self.halftone, _print_dots(aged, period, angle), aged)
            aged = aged + self.noise * noise * grain
            if self.jpeg_quality < 100:
                quality = self.jpeg_quality + (100 - self.jpeg_quality) * jpeg.flatten()
                aged = torch.where(compressed < 0.5, compress(aged.clamp(0, 100), quality), aged)
            return torch.where(ages < self.probability, aged.clamp(0, 100), lightness)


def _print_dots(lightness: Tensor, period: Tensor, angle: Tensor) -> Tensor:
    """Print with a rotated screen of round dots, soft at their edges."""
    first, last = _SCREEN_PERIODS
    frequency = 2 * math.pi / (first + (last - first) * period)
    height, width = lightness.shape[-2:]
    row = torch.arange(height, device=lightness.device).view(1, 1, -1, 1)
    column = torch.arange(width, device=lightness.device).view(1, 1, 1, -1)
    turn = math.pi / 2 * angle
    across, along = (
        (frequency * (turn.cos() * column + turn.sin() * row)).cos(),
        (frequency * (turn.cos() * row - turn.sin() * column)).cos(),
    )
    threshold = 50 + 25 * (across + along)
    return 100 * torch.sigmoid((lightness - threshold) / 8)


def compress(lightness: Tensor, quality_B: Tensor) -> Tensor:
    """Lose what a JPEG of this quality loses of a gray image, lightness in 0..100.

    `kornia.enhance.jpeg_codec_differentiable` compresses colors, too, but makes the host wait for a GPU.
    """
    height, width = lightness.shape[-2:]
    padded = F.pad(lightness, (0, -width % _JPEG_BLOCK, 0, -height % _JPEG_BLOCK), mode="replicate")
    blocks = padded.unfold(2, _JPEG_BLOCK, _JPEG_BLOCK).unfold(3, _JPEG_BLOCK, _JPEG_BLOCK) * 2.55 - 128
    quality = quality_B.view(-1, 1, 1, 1, 1, 1)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    steps = (_JPEG_QUANTIZATION.to(lightness.device) * scale).round().clamp(1, 255)
    transform = _cosine_transform(_JPEG_BLOCK).to(lightness.device)
    coefficients = (transform @ blocks @ transform.T / steps).round() * steps
    restored = (transform.T @ coefficients @ transform + 128) / 2.55
    image = restored.transpose(3, 4).reshape(padded.shape)
    return image[..., :height, :width].clamp(0, 100)


def _cosine_transform(size: int) -> Tensor:
    """Return the orthonormal matrix of the discrete cosine transform."""
    index = torch.arange(size, dtype=torch.float32)
    matrix: Tensor = torch.cos(math.pi / size * (index + 0.5) * index[:, None]) * (2 / size) ** 0.5
    matrix[0] /= 2**0.5
    return matrix
