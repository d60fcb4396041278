"""Other views of the training photos, made on the device for a whole batch at once.

Every sample is changed in its own way, and all chance comes from the generator that is passed in. The result is a
picture that a screen can show, so its lightness and color belong together.
"""

from __future__ import annotations

import math

import kornia.enhance
import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
_DRAWS = 8


class Augment:
    """Flips, zooms and changes the colors of photos. Every option at 0 leaves the photos as they are.

    Args:
        flip_horizontal: probability of exchanging left and right.
        flip_vertical: probability of exchanging top and bottom.
        crop: largest share of a photo's area that is cut off, 0 to below 1. What stays, at a place drawn at random
            and in the photo's proportions, is enlarged to the old size.
        lightness: strength of a gamma curve, 0 or more: the exponent lies between 1 / (1 + lightness) and
            1 + lightness, on a logarithmic scale.
        saturation: how far the strength of colors is changed, 0 to 1: times 1 - saturation to 1 + saturation.
        hue: largest turn around the color circle in degrees, 0 to 180, either way.
    """

    def __init__(
        self,
        flip_horizontal: float = 0.0,
        flip_vertical: float = 0.0,
        crop: float = 0.0,
        lightness: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
    ) -> None:
        _check("flip_horizontal", flip_horizontal, 0 <= flip_horizontal <= 1, "a probability, 0 to 1", 0.5)
        _check("flip_vertical", flip_vertical, 0 <= flip_vertical <= 1, "a probability, 0 to 1", 0.5)
        _check("crop", crop, 0 <= crop < 1, "the share of the area that may be cut off, 0 to below 1", 0.3)
        _check("lightness", lightness, 0 <= lightness < math.inf, "0 or more", 0.2)
        _check("saturation", saturation, 0 <= saturation <= 1, "0 to 1", 0.2)
        _check("hue", hue, 0 <= hue <= 180, "in degrees, 0 to 180", 10)
        self.flip_horizontal = flip_horizontal
        self.flip_vertical = flip_vertical
        self.crop = crop
        self.lightness = lightness
        self.saturation = saturation
        self.hue = hue

    @torch.no_grad()
    def __call__(self, rgb: Tensor, generator: torch.Generator) -> Tensor:
        """Change a batch of photos, in float32 even inside an autocast region.

        Args:
            rgb: B3HW of uint8.
            generator: where all chance comes from, best on the device of `rgb`. A call takes the same number of draws
                whatever the options are, so switching one on does not change what the others do.

        Returns:
            B3HW of float32 in 0..1, on the device of `rgb`.
        """
        with torch.autocast(rgb.device.type, enabled=False):
            draws = torch.rand(_DRAWS, len(rgb), generator=generator, device=generator.device).to(rgb.device)
            horizontal, vertical, area, across, down, gamma, strength, turn = draws
            if self.flip_horizontal:
                rgb = _where(horizontal < self.flip_horizontal, rgb.flip(-1), rgb)
            if self.flip_vertical:
                rgb = _where(vertical < self.flip_vertical, rgb.flip(-2), rgb)
            picture = rgb.float() / 255
            if self.crop:
                picture = _zoom(picture, (1 - self.crop * area).sqrt(), across * 2 - 1, down * 2 - 1)
            if self.lightness:
                picture = kornia.enhance.adjust_gamma(picture, (1 + self.lightness) ** (gamma * 2 - 1))
            if self.saturation or self.hue:
                saturation = 1 + self.saturation * (strength * 2 - 1)
                picture = _recolor(picture, saturation, math.radians(self.hue) * (turn * 2 - 1))
            return picture


def _where(chosen_B: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(chosen_B[:, None, None, None], yes, no)


def _zoom(picture: Tensor, side_B: Tensor, across_B: Tensor, down_B: Tensor) -> Tensor:
    """Enlarge a window whose sides are `side` of the photo's, `across` and `down` (-1..1) off its middle."""
    zero = torch.zeros_like(side_B)
    right, below = across_B * (1 - side_B), down_B * (1 - side_B)
    window = torch.stack([side_B, zero, right, zero, side_B, below], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(window, list(picture.shape), align_corners=False)
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False).clamp(0, 1)


def _recolor(picture: Tensor, saturation_B: Tensor, angle_B: Tensor) -> Tensor:
    """Turn colors around the axis of grays and stretch them, each keeping its luma: one 3 x 3 matrix a photo."""
    luma = picture.new_tensor(_LUMA).expand(3, 3)
    eye = torch.eye(3, device=picture.device)
    # the cross product with the axis of grays, (1, 1, 1) / sqrt(3)
    cross = picture.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    angle = angle_B[:, None, None]
    turn = (eye - luma) @ (angle.cos() * eye + angle.sin() * cross)
    matrix = luma + saturation_B[:, None, None] * turn
    return torch.bmm(matrix, picture.flatten(2)).view_as(picture).clamp(0, 1)


def _check(name: str, value: float, allowed: bool, meaning: str, example: float) -> None:
    if not allowed:
        raise ValueError(f"augment.{name} is {value}; it is {meaning}: augment.{name}={example}")
