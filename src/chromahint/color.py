"""Color conversion between sRGB and CIE Lab, batched and on the device, and the sRGB gamut.

All modules use these units: lightness L in 0..100 and color (a, b) in CIE Lab units (about -110..110), with a D65 white
point.

Shape suffixes: B batch, H height, W width, N any number.
"""

from __future__ import annotations

import functools

import kornia.color
import torch
from torch import Tensor

AB_LIMIT = 110.0
"""Upper bound of |a| and |b| for all sRGB colors."""

_GAMUT_TOLERANCE = 1e-3
_MAPPING_TOLERANCE = 2e-4
_BISECTION_STEPS = 10


def rgb_to_lab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Convert RGB to lightness and ab, in float32 even inside an autocast region.

    Args:
        rgb: B3HW, uint8 in 0..255 or floating-point in 0..1.

    Returns:
        Lightness B1HW in 0..100 and ab B2HW in Lab units, float32 on the device of `rgb`.

    >>> lightness, ab = rgb_to_lab(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    >>> round(float(lightness.mean())), round(float(ab.abs().max()))
    (100, 0)
    """
    with torch.autocast(rgb.device.type, enabled=False):
        scaled = rgb.float() / 255 if rgb.dtype == torch.uint8 else rgb.float()
        lab = kornia.color.rgb_to_lab(scaled)
    return lab[:, :1], lab[:, 1:]


def lab_to_rgb(lightness: Tensor, ab: Tensor) -> Tensor:
    """Convert lightness B1HW in 0..100 and ab B2HW to RGB B3HW, float32, clipped to 0..1."""
    return _to_rgb(lightness, ab).clamp(0, 1)


def lab_to_rgb8(lightness: Tensor, ab: Tensor) -> Tensor:
    """Convert lightness B1HW in 0..100 and ab B2HW to RGB B3HW, rounded to uint8."""
    return lab_to_rgb(lightness, ab).mul(255).round().to(torch.uint8)


def lab_to_gamut_mapped_rgb(lightness: Tensor, ab: Tensor) -> Tensor:
    """Convert lightness B1HW in 0..100 and ab B2HW to RGB B3HW, float32 in 0..1, and preserve the lightness.

    Colors outside the sRGB gamut keep their lightness and hue, and get the largest chroma inside the gamut. Clipping
    RGB, as `lab_to_rgb` does, would change their lightness.
    """
    rgb = _to_rgb(lightness, ab)
    outside_BHW = _outside(rgb, _MAPPING_TOLERANCE).any(dim=1)
    if bool(outside_BHW.any()):
        l_11N = lightness.movedim(1, -1)[outside_BHW].T[None, :, None].float()
        ab_12N = ab.movedim(1, -1)[outside_BHW].T[None, :, None].float()
        scale, step = torch.zeros_like(l_11N), 0.5
        for _ in range(_BISECTION_STEPS):
            too_large = _outside(_to_rgb(l_11N, ab_12N * (scale + step)), _MAPPING_TOLERANCE).any(dim=1, keepdim=True)
            scale = torch.where(too_large, scale, scale + step)
            step /= 2
        rgb.movedim(1, -1)[outside_BHW] = _to_rgb(l_11N, ab_12N * scale)[0, :, 0].T
    return rgb.clamp_(0, 1)


def in_gamut(lightness: Tensor, ab: Tensor, tolerance: float = _GAMUT_TOLERANCE) -> Tensor:
    """Return whether lightness B1HW with ab B2HW is inside the sRGB gamut, B1HW bool.

    Args:
        lightness: B1HW in 0..100.
        ab: B2HW in Lab units.
        tolerance: Distance by which RGB values in 0..1 may be outside their range.
    """
    return ~_outside(_to_rgb(lightness, ab), tolerance).any(dim=1, keepdim=True)


@functools.lru_cache(maxsize=128)
def gamut_ab(lightness: float, step: float = 2.0) -> Tensor:
    """Return the ab inside the sRGB gamut at one lightness, on a grid of `step` Lab units around gray, N2 float32.

    >>> len(gamut_ab(50.0, 10.0)) > len(gamut_ab(95.0, 10.0)) > len(gamut_ab(100.0, 10.0))
    True
    """
    reach = int(AB_LIMIT // step)
    axis = torch.arange(-reach, reach + 1, dtype=torch.float32) * step
    ab_2HW = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    displayable = in_gamut(torch.full((1, 1, *ab_2HW.shape[1:]), lightness), ab_2HW[None])[0, 0]
    return ab_2HW[:, displayable].T.contiguous()


def _outside(rgb: Tensor, tolerance: float) -> Tensor:
    return (rgb < -tolerance) | (rgb > 1 + tolerance)


def _to_rgb(lightness: Tensor, ab: Tensor) -> Tensor:
    with torch.autocast(ab.device.type, enabled=False):
        lab = torch.cat([lightness.float(), ab.float()], dim=1)
        rgb: Tensor = kornia.color.lab_to_rgb(lab, clip=False)
    return rgb
