"""Colors as people write them: "#rrggbb", "#rgb", or red, green, and blue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chromahint.color import lab_to_rgb8, rgb_to_lab

Color = str | tuple[int, int, int]
"""#rrggbb, or red, green and blue in 0..255. The hint is the ab of the color; its lightness is ignored."""


def check_color(value: Any, where: str) -> Color:
    """Return a color in a canonical form; a ValueError names `where`."""
    if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
        return value.lower()
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) and len(value) == 3:
        parts = [part.item() if isinstance(part, np.generic) else part for part in value]
        if all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in parts):
            return parts[0], parts[1], parts[2]
    raise ValueError(f'{where}={value!r:.40}: must be "#rrggbb", or red, green and blue as integers from 0 to 255.')


def parse_color_list(text: str, where: str) -> list[str]:
    """Parse colors such as "#a33,#456,#dddddd"; a ValueError names `where`.

    >>> parse_color_list("#a33, #445566", "--palette")
    ['#aa3333', '#445566']
    """
    words = [word.strip() for word in text.split(",")]
    if wrong := [word for word in words if not re.fullmatch("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", word)]:
        raise ValueError(f'{where} {text}: {wrong[0]!r:.40} is not a color. Write colors like "#a33,#445566".')
    digits = [word.removeprefix("#").lower() for word in words]
    return ["#" + ("".join(2 * digit for digit in each) if len(each) == 3 else each) for each in digits]


def rgb_of(color: Color) -> tuple[int, int, int]:
    """Return red, green and blue in 0..255.

    >>> rgb_of("#ff8000")
    (255, 128, 0)
    """
    if isinstance(color, str):
        return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    return color


def hex_color(color: Color) -> str:
    """Return "#rrggbb".

    >>> hex_color((255, 128, 0))
    '#ff8000'
    """
    return "#{:02x}{:02x}{:02x}".format(*rgb_of(color))


def to_ab(colors: Sequence[Color | None]) -> Tensor:
    """Convert colors to ab, N2 in Lab units; None becomes 0."""
    rgb = np.array([(0, 0, 0) if color is None else rgb_of(color) for color in colors], np.uint8).reshape(-1, 3)
    ab = rgb_to_lab(torch.from_numpy(rgb).T[None, :, :, None])[1][0, :, :, 0].T
    # make gray exactly neutral, despite rounding errors
    return torch.where(torch.from_numpy((rgb == rgb[:, :1]).all(axis=1))[:, None], 0.0, ab)


def to_hex(ab: Tensor) -> list[str]:
    """Convert ab N2 in Lab units to "#rrggbb", each at the lightness at which 8-bit RGB comes closest to it."""
    lightness = torch.arange(20.0, 96.0, 2.5)
    shape = len(lightness), len(ab)
    grid_L, grid_ab = lightness[:, None].expand(shape), ab.T[:, None].expand(2, *shape)
    rgb = lab_to_rgb8(grid_L[None, None], grid_ab[None])
    error = (rgb_to_lab(rgb)[1][0] - grid_ab).square().sum(dim=0).sqrt()
    # a medium lightness, unless another one is a better match
    best = (error + 0.01 * (grid_L - 60).abs()).argmin(dim=0)
    return [hex_color(tuple(rgb[0, :, row, column].tolist())) for column, row in enumerate(best.tolist())]
