"""Multigrid solver for linear systems that couple each pixel to its 3x3 neighborhood, for a batch of images at once.

Each pixel has one equation: a weighted sum over its 3x3 window equals the right-hand side. The nine coefficients of a
pixel form its stencil, stored as B9HW. Plain Jacobi iterations carry information one pixel per step; multigrid solves a
pyramid of coarser systems, each of half the size, and carries it across the whole image in one cycle.

The interpolation from a coarse level to the next finer one is derived from the stencil, so color does not leak across
edges (J. E. Dendy, "Black box multigrid", J. Comput. Phys. 48, 1982), and the coarse stencil is the Galerkin product
(restriction x stencil x interpolation). A multigrid cycle only proposes a search direction; GCR picks the step along it
(Eisenstat, Elman, Schultz, SIAM J. Numer. Anal. 20, 1983), so the residual never grows.

Shape suffixes: B batch, C channels, K offsets of a stencil, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Offsets = Sequence[tuple[int, int]]
"""Pixel offsets (down, right)."""

WINDOW_OFFSETS: Offsets = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
"""Offsets of the 3x3 window around a pixel, in the order of a stencil's channels; the center is the fifth."""

NEIGHBOR_OFFSETS: Offsets = [offset for offset in WINDOW_OFFSETS if offset != (0, 0)]
"""Offsets of the eight neighbors."""

_SHIFT_KERNELS = list(torch.eye(9).view(9, 1, 1, 3, 3))
"""For each offset of the window, a convolution kernel that shifts an image by it."""

_EDGE_OFFSETS: Offsets = [(-1, 0), (0, -1), (0, 1), (1, 0)]

_DAMPING = 0.8
"""Damping of the Jacobi steps. Values from 0.7 to 0.85 need the same number of iterations."""

_MIN_DIAGONAL = 1e-6
"""Smaller diagonal elements are rounding errors: that part of the system is decoupled from the rest in float32."""


class _Level(NamedTuple):
    """One level of the pyramid. The next coarser level consists of the pixels with an even row and column.

    Attributes:
        stencil: B9HW, coefficients of the system.
        edge_weights: B4HW, interpolation weights of the pixels between two coarse pixels.
        center_weights: B8HW, interpolation weights of the pixels between four coarse pixels, applied after those.
        edge_weights_transposed: B4HW, transposed weights for the restriction.
        center_weights_transposed: B8HW, likewise.
    """

    stencil: Tensor
    edge_weights: Tensor
    center_weights: Tensor
    edge_weights_transposed: Tensor
    center_weights_transposed: Tensor


def neighbors(x_BCHW: Tensor, offsets: Offsets) -> list[Tensor]:
    """Return one shifted view BCHW per offset, in which each pixel holds its neighbor at that offset (zero-padded)."""
    if torch.compiler.is_exporting():
        return list(torch.unbind(_shifted(x_BCHW, offsets), dim=2))
    height, width = x_BCHW.shape[-2:]
    padded = F.pad(x_BCHW, (1, 1, 1, 1))
    return [padded[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in offsets]


def weighted_sum(weights_BKHW: Tensor, x_BCHW: Tensor, offsets: Offsets) -> Tensor:
    """Return the weighted sum of each pixel's neighbors at K offsets, BCHW."""
    if torch.compiler.is_exporting():
        return (weights_BKHW[:, None] * _shifted(x_BCHW, offsets)).sum(dim=2)
    total = torch.zeros_like(x_BCHW)
    for weight, shifted in zip(torch.split(weights_BKHW, 1, dim=1), neighbors(x_BCHW, offsets), strict=True):
        total.addcmul_(weight, shifted)
    return total


def _shifted(x_BCHW: Tensor, offsets: Offsets) -> Tensor:
    """Shift an image by K offsets, BCKHW, as a single convolution: an exported graph gets one node instead of many."""
    kernels_K133 = torch.cat([_SHIFT_KERNELS[WINDOW_OFFSETS.index(offset)] for offset in offsets])
    channels = x_BCHW.shape[1]
    shifted = F.conv2d(x_BCHW, kernels_K133.repeat(channels, 1, 1, 1).to(x_BCHW), padding=1, groups=channels)
    return shifted.view(-1, channels, len(offsets), *x_BCHW.shape[2:])


def solve(stencil: Tensor, right: Tensor, iterations: int) -> Tensor:
    """Solve for the image whose weighted sums over 3x3 windows equal `right`.

    Args:
        stencil: B9HW float32. The center coefficient is positive, the others are negative or 0, and their sum is not
            negative. A pixel with a center of 1, no other coefficient and `right` = 0 keeps the solution 0.
        right: BCHW float32, right-hand side.
        iterations: Number of GCR iterations; each runs one multigrid cycle.

    Returns:
        BCHW float32, the approximate solution; 0 for an image with a zero right-hand side.
    """
    levels, last_diagonal = _build_pyramid(stencil)
    x, residual = torch.zeros_like(right), right
    previous: list[tuple[Tensor, Tensor]] = []
    for _ in range(iterations):
        direction = _cycle(levels, last_diagonal, residual)
        image = weighted_sum(stencil, direction, WINDOW_OFFSETS)
        for earlier_direction, earlier_image in previous:
            overlap = _dot(image, earlier_image)
            direction, image = direction - overlap * earlier_direction, image - overlap * earlier_image
        norm = _dot(image, image).sqrt()
        scale = torch.where(norm > 0, 1 / norm, 0)  # 0 means that the system is already solved
        direction, image = scale * direction, scale * image
        previous.append((direction, image))
        step = _dot(residual, image)
        x, residual = x + step * direction, residual - step * image
    return x


def _dot(x_BCHW: Tensor, y_BCHW: Tensor) -> Tensor:
    return (x_BCHW * y_BCHW).sum(dim=(2, 3), keepdim=True)


def _build_pyramid(stencil: Tensor) -> tuple[list[_Level], Tensor]:
    """Build the levels, and the diagonal B111 of the coarsest system, which is a single pixel."""
    levels = []
    while max(stencil.shape[-2:]) > 1:
        edges_transposed, centers_transposed = _interpolation_weights(_transpose(stencil, WINDOW_OFFSETS))
        level = _Level(
            stencil,
            *_interpolation_weights(stencil),
            _transpose(edges_transposed, _EDGE_OFFSETS),
            _transpose(centers_transposed, NEIGHBOR_OFFSETS),
        )
        levels.append(level)
        stencil = _coarsen(level)
    return levels, stencil[:, 4:5]


def _transpose(stencil_BKHW: Tensor, offsets: Offsets) -> Tensor:
    """Transpose a stencil as a matrix: from what each pixel takes from its neighbors to what it gives to them."""
    # the offsets are sorted, so the opposite of the first is the last
    opposite = torch.split(stencil_BKHW.flip(1), 1, dim=1)
    return torch.cat([neighbors(part, [offset])[0] for part, offset in zip(opposite, offsets, strict=True)], dim=1)


def _interpolation_weights(stencil: Tensor) -> tuple[Tensor, Tensor]:
    """Derive the interpolation weights: each fine pixel gets the value that solves its own equation.

    Returns:
        Weights B4HW of the pixels between two coarse pixels and B8HW of the pixels between four; 0 elsewhere.
    """
    height, width = stencil.shape[-2:]
    coupling = (-stencil).clamp(min=0)
    coupling[:, 4] = 0
    # where the coefficients sum to more than 0, as next to a hint, values decay toward 0
    decay = stencil.sum(dim=1, keepdim=True).clamp(min=0)
    odd_row = torch.arange(height, device=stencil.device)[:, None] % 2
    odd_column = torch.arange(width, device=stencil.device) % 2

    window = coupling.view(-1, 3, 3, height, width)
    rows, columns = window.sum(dim=2), window.sum(dim=1)
    up, down, left, right = rows[:, :1], rows[:, 2:], columns[:, :1], columns[:, 2:]
    vertical = odd_row * (1 - odd_column) * _inverse(up + down + decay)
    horizontal = odd_column * (1 - odd_row) * _inverse(left + right + decay)
    edges = torch.cat([up * vertical, left * horizontal, right * horizontal, down * vertical], dim=1)
    # a hinted pixel is decoupled from its neighbors, so nothing is interpolated from it
    is_coupled = (coupling.sum(dim=1, keepdim=True) > 0).to(coupling)
    edges = edges * torch.cat(neighbors(is_coupled, _EDGE_OFFSETS), dim=1)

    ring = torch.cat([coupling[:, :4], coupling[:, 5:]], dim=1)
    centers = ring * (odd_row * odd_column * _inverse(ring.sum(dim=1, keepdim=True) + decay))
    return edges, centers


def _inverse(sums: Tensor) -> Tensor:
    return 1 / sums.clamp(min=1e-20)


def _interpolate(level: _Level, coarse_BCHW: Tensor) -> Tensor:
    x = coarse_BCHW.new_zeros(*coarse_BCHW.shape[:2], *level.stencil.shape[-2:])
    x[..., ::2, ::2] = coarse_BCHW
    x += weighted_sum(level.edge_weights, x, _EDGE_OFFSETS)
    return x + weighted_sum(level.center_weights, x, NEIGHBOR_OFFSETS)


def _restrict(level: _Level, x_BCHW: Tensor) -> Tensor:
    x_BCHW = x_BCHW + weighted_sum(level.center_weights_transposed, x_BCHW, NEIGHBOR_OFFSETS)
    return (x_BCHW + weighted_sum(level.edge_weights_transposed, x_BCHW, _EDGE_OFFSETS))[..., ::2, ::2]


def _coarsen(level: _Level) -> Tensor:
    """Compute the coarse stencil by applying interpolation, stencil and restriction to nine patterns of unit impulses.

    The impulses of a pattern are three pixels apart, so each 3x3 window holds exactly one impulse of each pattern.
    """
    height, width = ((side + 1) // 2 for side in level.stencil.shape[-2:])
    row = torch.arange(height, device=level.stencil.device)[:, None]
    column = torch.arange(width, device=level.stencil.device)
    impulses = F.one_hot(row % 3 * 3 + column % 3, 9).permute(2, 0, 1).to(level.stencil)
    impulses = impulses.expand(len(level.stencil), -1, -1, -1)
    responses = _restrict(level, weighted_sum(level.stencil, _interpolate(level, impulses), WINDOW_OFFSETS))
    # pattern whose impulse lies at each offset of a pixel's window
    pattern = torch.stack([(row + dy) % 3 * 3 + (column + dx) % 3 for dy, dx in WINDOW_OFFSETS])
    inside = torch.cat(neighbors(torch.ones_like(responses[:1, :1]), WINDOW_OFFSETS), dim=1)
    return responses.gather(1, pattern.expand_as(responses)) * inside


def _cycle(levels: Sequence[_Level], last_diagonal: Tensor, right: Tensor) -> Tensor:
    """Run one V-cycle: a Jacobi step, a correction from the coarser levels, and another Jacobi step per level."""
    if not levels:
        return right / last_diagonal.clamp(min=_MIN_DIAGONAL)
    level, *coarser = levels
    rate = _DAMPING / level.stencil[:, 4:5].clamp(min=_MIN_DIAGONAL)
    x = rate * right
    residual = right - weighted_sum(level.stencil, x, WINDOW_OFFSETS)
    x = x + _interpolate(level, _cycle(coarser, last_diagonal, _restrict(level, residual)))
    return x + rate * (right - weighted_sum(level.stencil, x, WINDOW_OFFSETS))
