"""Data augmentation of training images, batch-wise on the device.

Each image of a batch is augmented independently, with all randomness from a given generator. The output is RGB within
its gamut, so lightness and color always belong together.
"""

from __future__ import annotations

import math
from typing import Annotated

import kornia.enhance
import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor

from chromahint.ranges import Fraction, Probability, validate_arguments

_LUMA = (0.299, 0.587, 0.114)
_NUM_DRAWS = 8


class Augment:
    """Random flips, crops and color changes. With every option at 0, images stay as they are.

    Args:
        flip_horizontal: Probability of a left-right flip.
        flip_vertical: Probability of a top-bottom flip.
        crop: Largest fraction of the area to crop away, 0 <= crop < 1. The remaining window keeps the aspect ratio,
            lies at a random position and is resized to the original size.
        lightness: Strength of a random gamma curve, >= 0. The exponent is log-uniform between 1 / (1 + lightness) and
            1 + lightness.
        saturation: Largest change of saturation, 0..1. The factor is uniform between 1 - saturation and
            1 + saturation.
        hue: Largest hue rotation in degrees, 0..180, in either direction.
    """

    @validate_arguments("augment")
    def __init__(
        self,
        flip_horizontal: Probability = 0.0,
        flip_vertical: Probability = 0.0,
        crop: Fraction = 0.0,
        lightness: Annotated[float, Ge(0), Le(100)] = 0.0,
        saturation: Annotated[float, Ge(0), Le(1)] = 0.0,
        hue: Annotated[float, Ge(0), Le(180)] = 0.0,
    ) -> None:
        self.flip_horizontal = flip_horizontal
        self.flip_vertical = flip_vertical
        self.crop = crop
        self.lightness = lightness
        self.saturation = saturation
        self.hue = hue

    @torch.no_grad()
    def __call__(self, rgb: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a batch, in float32 even inside an autocast region.

        Args:
            rgb: B3HW uint8.
            generator: Source of all randomness, preferably on the device of `rgb`. Every call draws the same number of
                values whatever the options are, so enabling one option does not change the others.

        Returns:
            B3HW float32 in 0..1, on the device of `rgb`.
        """
        with torch.autocast(rgb.device.type, enabled=False):
            draws = torch.rand(_NUM_DRAWS, len(rgb), generator=generator, device=generator.device).to(rgb.device)
            horizontal, vertical, area, shift_x, shift_y, gamma, saturation, hue = draws
            if self.flip_horizontal:
                rgb = _where(horizontal < self.flip_horizontal, rgb.flip(-1), rgb)
            if self.flip_vertical:
                rgb = _where(vertical < self.flip_vertical, rgb.flip(-2), rgb)
            image = rgb.float() / 255
            if self.crop:
                image = _crop_and_resize(image, (1 - self.crop * area).sqrt(), shift_x * 2 - 1, shift_y * 2 - 1)
            if self.lightness:
                image = kornia.enhance.adjust_gamma(image, (1 + self.lightness) ** (gamma * 2 - 1))
            if self.saturation or self.hue:
                factor = 1 + self.saturation * (saturation * 2 - 1)
                image = _adjust_color(image, factor, math.radians(self.hue) * (hue * 2 - 1))
            return image


def _where(condition_B: Tensor, if_true: Tensor, if_false: Tensor) -> Tensor:
    return torch.where(condition_B[:, None, None, None], if_true, if_false)


def _crop_and_resize(image: Tensor, scale_B: Tensor, shift_x_B: Tensor, shift_y_B: Tensor) -> Tensor:
    """Enlarge a window of `scale` times the image's side lengths; shifts of -1 and 1 move it to the borders."""
    zero = torch.zeros_like(scale_B)
    offset_x, offset_y = shift_x_B * (1 - scale_B), shift_y_B * (1 - scale_B)
    theta = torch.stack([scale_B, zero, offset_x, zero, scale_B, offset_y], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False).clamp(0, 1)


def _adjust_color(image: Tensor, saturation_B: Tensor, angle_B: Tensor) -> Tensor:
    """Rotate hues around the gray axis and scale saturation, both at constant luma, with one 3x3 matrix per image."""
    luma = image.new_tensor(_LUMA).expand(3, 3)
    identity = torch.eye(3, device=image.device)
    # cross product with the gray axis, (1, 1, 1) / sqrt(3)
    cross = image.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    angle = angle_B[:, None, None]
    rotation = (identity - luma) @ (angle.cos() * identity + angle.sin() * cross)
    matrix = luma + saturation_B[:, None, None] * rotation
    return torch.bmm(matrix, image.flatten(2)).view_as(image).clamp(0, 1)
