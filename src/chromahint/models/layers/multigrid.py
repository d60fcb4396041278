"""Linear systems in which each pixel hangs on its 3x3 neighbors, solved for a batch of pictures at once.

Plain iterations carry color one pixel a step; a pyramid of ever coarser systems carries it across the picture in one.
How a level hands values to the next follows the coefficients, so that color does not leak over an edge on the way:
J. E. Dendy, "Black box multigrid" (J. Comput. Phys. 48, 1982). The pyramid only proposes directions; how far to go
along each is found by GCR (Eisenstat, Elman, Schultz, SIAM J. Numer. Anal. 20, 1983), whose residual never grows.

Shape suffixes: B batch, C channels, K offsets of a stencil, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Offsets = Sequence[tuple[int, int]]

WINDOW: Offsets = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
"""Offsets (down, right) of a pixel's 3x3 window, in the order of a stencil's channels; the middle is the fifth."""

RING: Offsets = [offset for offset in WINDOW if offset != (0, 0)]
"""The eight neighbors."""

_SIDES: Offsets = [(-1, 0), (0, -1), (0, 1), (1, 0)]

_DAMPING = 0.8
"""Of the Jacobi steps; 0.7 to 0.85 were seen to need the same number of iterations."""

_LEAST = 1e-6
"""Diagonal elements below this are rounding errors: of a part that hangs on the rest by less than float32 can tell."""


class _Level(NamedTuple):
    """A system and the way to the next coarser one, whose pixels are those of even row and column.

    Attributes:
        stencil: B9HW, the system's coefficients.
        sides: B4HW, what the pixels between two coarse ones take from them.
        middles: B8HW, what the pixels between four coarse ones then take from their neighbors.
        sides_back: the transpose of `sides` for the way down.
        middles_back: the transpose of `middles`.
    """

    stencil: Tensor
    sides: Tensor
    middles: Tensor
    sides_back: Tensor
    middles_back: Tensor


def neighbors(x_BCHW: Tensor, offsets: Offsets) -> list[Tensor]:
    """List views of a picture moved by each offset, with zeros beyond its border."""
    if torch.compiler.is_exporting():
        return list(torch.unbind(_moved(x_BCHW, offsets), dim=2))
    height, width = x_BCHW.shape[-2:]
    padded = F.pad(x_BCHW, (1, 1, 1, 1))
    return [padded[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in offsets]


def weighted_sum(weights_BKHW: Tensor, x_BCHW: Tensor, offsets: Offsets) -> Tensor:
    """Sum up each pixel's neighbors at K offsets, each times its weight: BCHW."""
    if torch.compiler.is_exporting():
        return (weights_BKHW[:, None] * _moved(x_BCHW, offsets)).sum(dim=2)
    total = torch.zeros_like(x_BCHW)
    for weight, moved in zip(torch.split(weights_BKHW, 1, dim=1), neighbors(x_BCHW, offsets), strict=True):
        total.addcmul_(weight, moved)
    return total


def _moved(x_BCHW: Tensor, offsets: Offsets) -> Tensor:
    """A picture moved by each of K offsets, BCKHW, as one step of an exported network rather than a hundred."""
    dots = torch.tensor([[[float((dy, dx) == offset) for dx in (-1, 0, 1)] for dy in (-1, 0, 1)] for offset in offsets])
    channels = x_BCHW.shape[1]
    moved = F.conv2d(x_BCHW, dots[:, None].repeat(channels, 1, 1, 1).to(x_BCHW), padding=1, groups=channels)
    return moved.reshape(x_BCHW.shape[0], channels, len(offsets), *x_BCHW.shape[2:])


def solve(stencil: Tensor, right: Tensor, iterations: int) -> Tensor:
    """Solve for the picture whose weighted sums over 3x3 windows are `right`.

    Args:
        stencil: B9HW float32; positive in the middle, negative or 0 around it, and of no negative sum. Where it is 1 in
            the middle and `right` is 0, the solution is 0.
        right: BCHW float32.
        iterations: how often the whole pyramid is gone through.

    Returns:
        BCHW float32; 0 where `right` is.
    """
    levels, last = _pyramid(stencil)
    x, residual = torch.zeros_like(right), right
    past: list[tuple[Tensor, Tensor]] = []
    for _ in range(iterations):
        step = _cycle(levels, last, residual)
        change = weighted_sum(stencil, step, WINDOW)
        for earlier_step, earlier_change in past:
            share = _dot(change, earlier_change)
            step, change = step - share * earlier_step, change - share * earlier_change
        length = _dot(change, change).sqrt()
        scale = torch.where(length > 0, 1 / length, 0)  # nothing is left to do where it is 0
        step, change = scale * step, scale * change
        past.append((step, change))
        share = _dot(residual, change)
        x, residual = x + share * step, residual - share * change
    return x


def _dot(x_BCHW: Tensor, y_BCHW: Tensor) -> Tensor:
    return (x_BCHW * y_BCHW).sum(dim=(2, 3), keepdim=True)


def _pyramid(stencil: Tensor) -> tuple[list[_Level], Tensor]:
    """Make the levels, and the one coefficient B111 of the last system, which is a pixel."""
    levels = []
    while max(stencil.shape[-2:]) > 1:
        sides_back, middles_back = _spread(_transpose(stencil, WINDOW))
        level = _Level(stencil, *_spread(stencil), _transpose(sides_back, _SIDES), _transpose(middles_back, RING))
        levels.append(level)
        stencil = _coarser(level)
    return levels, stencil[:, 4:5]


def _transpose(stencil_BKHW: Tensor, offsets: Offsets) -> Tensor:
    """Give what each pixel hands to its neighbors where the stencil says what it takes from them."""
    # offsets are sorted, so that the opposite of the first is the last
    opposite = torch.split(stencil_BKHW.flip(1), 1, dim=1)
    return torch.cat([neighbors(part, [offset])[0] for part, offset in zip(opposite, offsets, strict=True)], dim=1)


def _spread(stencil: Tensor) -> tuple[Tensor, Tensor]:
    """Choose how coarse values fill the pixels between them: by solving each pixel's own equation for it."""
    height, width = stencil.shape[-2:]
    pull = (-stencil).clamp(min=0)
    pull[:, 4] = 0
    # where a row sums up to more than 0, as beside a hint, values fade
    fading = stencil.sum(dim=1, keepdim=True).clamp(min=0)
    odd_row = torch.arange(height, device=stencil.device)[:, None] % 2
    odd_column = torch.arange(width, device=stencil.device) % 2

    window = pull.view(-1, 3, 3, height, width)
    rows, columns = window.sum(dim=2), window.sum(dim=1)
    up, down, left, right = rows[:, :1], rows[:, 2:], columns[:, :1], columns[:, 2:]
    vertical = odd_row * (1 - odd_column) * _inverse(up + down + fading)
    horizontal = odd_column * (1 - odd_row) * _inverse(left + right + fading)
    sides = torch.cat([up * vertical, left * horizontal, right * horizontal, down * vertical], dim=1)
    # a hint, which hangs on nothing, hands nothing on
    hanging = (pull.sum(dim=1, keepdim=True) > 0).to(pull)
    sides = sides * torch.cat(neighbors(hanging, _SIDES), dim=1)

    ring = torch.cat([pull[:, :4], pull[:, 5:]], dim=1)
    middles = ring * (odd_row * odd_column * _inverse(ring.sum(dim=1, keepdim=True) + fading))
    return sides, middles


def _inverse(sums: Tensor) -> Tensor:
    return 1 / sums.clamp(min=1e-20)


def _up(level: _Level, coarse_BCHW: Tensor) -> Tensor:
    x = coarse_BCHW.new_zeros(*coarse_BCHW.shape[:2], *level.stencil.shape[-2:])
    x[..., ::2, ::2] = coarse_BCHW
    x += weighted_sum(level.sides, x, _SIDES)
    return x + weighted_sum(level.middles, x, RING)


def _down(level: _Level, x_BCHW: Tensor) -> Tensor:
    x_BCHW = x_BCHW + weighted_sum(level.middles_back, x_BCHW, RING)
    return (x_BCHW + weighted_sum(level.sides_back, x_BCHW, _SIDES))[..., ::2, ::2]


def _coarser(level: _Level) -> Tensor:
    """Read the coarse stencil off what up, system and down make of nine patterns of dots, three pixels apart."""
    height, width = ((side + 1) // 2 for side in level.stencil.shape[-2:])
    row = torch.arange(height, device=level.stencil.device)[:, None]
    column = torch.arange(width, device=level.stencil.device)
    dots = F.one_hot(row % 3 * 3 + column % 3, 9).permute(2, 0, 1).to(level.stencil)
    dots = dots.expand(len(level.stencil), -1, -1, -1)
    answers = _down(level, weighted_sum(level.stencil, _up(level, dots), WINDOW))
    # each window holds one dot of each pattern: this is whose dot lies at which offset
    pattern = torch.stack([(row + dy) % 3 * 3 + (column + dx) % 3 for dy, dx in WINDOW])
    inside = torch.cat(neighbors(torch.ones_like(answers[:1, :1]), WINDOW), dim=1)
    return answers.gather(1, pattern.expand_as(answers)) * inside


def _cycle(levels: Sequence[_Level], last: Tensor, right: Tensor) -> Tensor:
    """Go down the pyramid and up again, with one Jacobi step at each level on each way."""
    if not levels:
        return right / last.clamp(min=_LEAST)
    level, *coarser = levels
    rate = _DAMPING / level.stencil[:, 4:5].clamp(min=_LEAST)
    x = rate * right
    x = x + _up(level, _cycle(coarser, last, _down(level, right - weighted_sum(level.stencil, x, WINDOW))))
    return x + rate * (right - weighted_sum(level.stencil, x, WINDOW))
