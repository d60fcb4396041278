"""sRGB <-> CIE Lab on the device, in batches, and which colors a screen can show. The only place that knows about Lab.

Units everywhere: lightness L in 0..100, color (a, b) in CIE Lab units (about -110..110), D65 white, sRGB.

Shape suffixes: B batch, H height, W width, N any number.
"""

from __future__ import annotations

import functools

import kornia.color
import torch
from torch import Tensor

AB_LIMIT = 110.0
"""No sRGB color has |a| or |b| beyond this."""

_TOLERANCE = 1e-3
_SHOWN = 2e-4
_HALVINGS = 10


def rgb_to_lab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Split photos into lightness and color, in float32 even inside an autocast region.

    Args:
        rgb: B3HW, uint8 in 0..255 or floating point in 0..1.

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
    """Join lightness B1HW (0..100) and ab B2HW to RGB B3HW, float32 in 0..1; colors no screen can show are clipped."""
    return _to_rgb(lightness, ab).clamp(0, 1)


def lab_to_rgb8(lightness: Tensor, ab: Tensor) -> Tensor:
    """Join lightness B1HW (0..100) and ab B2HW to the 8-bit RGB picture B3HW that would be written to a file."""
    return lab_to_rgb(lightness, ab).mul(255).round().to(torch.uint8)


def lab_to_shown_rgb(lightness: Tensor, ab: Tensor) -> Tensor:
    """Join lightness B1HW (0..100) and ab B2HW to RGB B3HW, float32 in 0..1, whose lightness is the one given.

    A color that no screen can show keeps its lightness and hue, and is as strong as can be shown; clipping RGB, as
    `lab_to_rgb` does, would make it darker or lighter.
    """
    rgb = _to_rgb(lightness, ab)
    beyond_BHW = _beyond(rgb, _SHOWN).any(dim=1)
    if bool(beyond_BHW.any()):
        l_11N = lightness.movedim(1, -1)[beyond_BHW].T[None, :, None].float()
        ab_12N = ab.movedim(1, -1)[beyond_BHW].T[None, :, None].float()
        shown, share = torch.zeros_like(l_11N), 0.5
        for _ in range(_HALVINGS):
            more = _beyond(_to_rgb(l_11N, ab_12N * (shown + share)), _SHOWN).any(dim=1, keepdim=True)
            shown = torch.where(more, shown, shown + share)
            share /= 2
        rgb.movedim(1, -1)[beyond_BHW] = _to_rgb(l_11N, ab_12N * shown)[0, :, 0].T
    return rgb.clamp_(0, 1)


def in_gamut(lightness: Tensor, ab: Tensor, tolerance: float = _TOLERANCE) -> Tensor:
    """Tell where L B1HW with ab B2HW is a color that sRGB can show: B1HW of bool."""
    return ~_beyond(_to_rgb(lightness, ab), tolerance).any(dim=1, keepdim=True)


@functools.lru_cache(maxsize=128)
def gamut_ab(lightness: float, step: float = 2.0) -> Tensor:
    """List the ab that sRGB can show at one lightness, on a grid of `step` Lab units through neutral gray: N2, float32.

    >>> len(gamut_ab(50.0, 10.0)) > len(gamut_ab(95.0, 10.0)) > len(gamut_ab(100.0, 10.0))
    True
    """
    reach = int(AB_LIMIT // step)
    axis = torch.arange(-reach, reach + 1, dtype=torch.float32) * step
    ab_2HW = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    shown = in_gamut(torch.full((1, 1, *ab_2HW.shape[1:]), lightness), ab_2HW[None])[0, 0]
    return ab_2HW[:, shown].T.contiguous()


def _beyond(rgb: Tensor, tolerance: float) -> Tensor:
    return (rgb < -tolerance) | (rgb > 1 + tolerance)


def _to_rgb(lightness: Tensor, ab: Tensor) -> Tensor:
    with torch.autocast(ab.device.type, enabled=False):
        lab = torch.cat([lightness.float(), ab.float()], dim=1)
        rgb: Tensor = kornia.color.lab_to_rgb(lab, clip=False)
    return rgb
