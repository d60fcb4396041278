"""Color propagation by learned weights: between neighboring pixels, and from a coarse pyramid level to a finer one.

Both kinds of weights are a fixed affinity based on lightness, times the exponential of a learned term, normalized to
sum to 1. With a learned term of 0, neighbor weights are those of Levin's method, and upsampling weights are bilinear
weights times the similarity in lightness.

Shape suffixes: B batch, C channels, K neighbors, H height, W width.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from chromahint.models.layers.multigrid import NEIGHBOR_OFFSETS, WINDOW_OFFSETS, neighbors, weighted_sum
from chromahint.models.levin import affinity

_PARENTS = [
    [WINDOW_OFFSETS.index((down, right)) for down in (0, vertical) for right in (0, horizontal)]
    for vertical in (-1, 1)
    for horizontal in (-1, 1)
]
"""For each of the 2x2 fine pixels in a coarse pixel, row by row: the window indices of its four closest coarse pixels,
the one that contains it first."""

_BILINEAR = (9 / 16, 3 / 16, 3 / 16, 1 / 16)
"""Bilinear weights of the four closest coarse pixels."""

_LIGHTNESS_SCALE = 20.0
"""Divisor of the squared difference in L between a fine and a coarse pixel. 5 to 40 work equally well on photos."""

_MAX_DISTANCE = 7.0
"""Upper limit of the scaled squared difference."""


def neighbor_weights(lightness: Tensor, learned_BKHW: Tensor) -> Tensor:
    """Compute the weights of each pixel's eight neighbors, which sum to 1.

    Args:
        lightness: B1HW in 0..100.
        learned_BKHW: Learned terms B8HW, added to the logarithm of the weights, in the order of `NEIGHBOR_OFFSETS`.

    Returns:
        B8HW; 0 for neighbors outside the image.
    """
    return _normalize(affinity(lightness) * torch.exp(learned_BKHW), dim=1)


def upsample_weights(lightness: Tensor, coarse: Tensor, learned: Tensor) -> Tensor:
    """Compute the weights that interpolate each fine pixel from its four closest coarse pixels, which sum to 1.

    Args:
        lightness: B1HW in 0..100, with even H and W.
        coarse: Lightness of the coarse level, (B, 1, H/2, W/2).
        learned: Learned terms (B, 16, H/2, W/2), added to the logarithm of the weights: for each of the 2x2 fine
            pixels, row by row, one term per coarse pixel.

    Returns:
        (B, 4, 4, H/2, W/2), indexed by fine pixel and coarse pixel; 0 for coarse pixels outside the image.
    """
    inside, window = (torch.cat(neighbors(x, WINDOW_OFFSETS), dim=1) for x in (torch.ones_like(coarse[:1]), coarse))
    bilinear = inside[:, _PARENTS] * torch.tensor(_BILINEAR, device=coarse.device)[:, None, None]
    difference = window[:, _PARENTS] - F.pixel_unshuffle(lightness, 2)[:, :, None]
    distance = (difference.square() / _LIGHTNESS_SCALE).clamp(max=_MAX_DISTANCE)
    return _normalize(bilinear * torch.exp(learned.view(-1, 4, 4, *learned.shape[2:]) - distance), dim=2)


def upsample(x_BCHW: Tensor, weights: Tensor) -> Tensor:
    """Double the height and width of BCHW with the weights (B, 4, 4, H, W) from `upsample_weights`."""
    if torch.compiler.is_exporting():
        window_BCKHW = torch.stack(neighbors(x_BCHW, WINDOW_OFFSETS), dim=2)
        return F.pixel_shuffle((weights[:, None] * window_BCKHW[:, :, _PARENTS]).sum(dim=3).flatten(1, 2), 2)
    window = neighbors(x_BCHW, WINDOW_OFFSETS)
    pixels = []
    for pixel, parents in enumerate(_PARENTS):
        total = weights[:, pixel, :1] * window[parents[0]]
        for index, parent in enumerate(parents[1:], start=1):
            total = torch.addcmul(total, weights[:, pixel, index : index + 1], window[parent])
        pixels.append(total)
    return F.pixel_shuffle(torch.stack(pixels, dim=2).flatten(1, 2), 2)


def propagate(x_BCHW: Tensor, weights_BKHW: Tensor, given: Tensor, free: Tensor, steps: int) -> Tensor:
    """Repeat `x = given + free * weighted_sum(weights, x)`, which moves values by one pixel per step.

    Hinted pixels have `free` = 0 and keep their hint; pixels with `free` = 1 become the weighted mean of their
    neighbors.

    Args:
        x_BCHW: Initial values.
        weights_BKHW: Neighbor weights B8HW from `neighbor_weights`.
        given: BCHW, known value of each pixel, times 1 - `free`.
        free: B1HW in 0..1, how much of each pixel's value comes from its neighbors.
        steps: Number of steps.

    Returns:
        BCHW, the values after the last step.
    """
    if not torch.is_grad_enabled():
        for _ in range(steps):
            x_BCHW = torch.addcmul(given, free, weighted_sum(weights_BKHW, x_BCHW, NEIGHBOR_OFFSETS))
        return x_BCHW
    result: Tensor = _Propagate.apply(x_BCHW, weights_BKHW, given, free, steps)  # type: ignore[no-untyped-call]
    return result


class _Propagate(torch.autograd.Function):
    """`propagate` with a handwritten backward pass.

    It accumulates the gradient of the shifted views in place; autograd would allocate a zero tensor for each of them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, given: Tensor, free: Tensor, steps: int) -> Tensor:
        inputs, sums = [], []
        for _ in range(steps):
            inputs.append(x)
            sums.append(weighted_sum(weights, x, NEIGHBOR_OFFSETS))
            x = torch.addcmul(given, free, sums[-1])
        ctx.steps = steps
        ctx.save_for_backward(weights, free, *inputs, *sums)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        (grad,) = grads
        weights, free, *saved = ctx.saved_tensors
        # transposed weights: the weight with which each neighbor takes from this pixel
        transposed = torch.cat(
            [neighbors(weights[:, 7 - k : 8 - k], [offset])[0] for k, offset in enumerate(NEIGHBOR_OFFSETS)], dim=1
        )
        grad_weights, grad_given, grad_free = (torch.zeros_like(like) for like in (weights, grad, free))
        for x, total in zip(reversed(saved[: ctx.steps]), reversed(saved[ctx.steps :]), strict=True):
            grad_given += grad
            grad_free += (grad * total).sum(dim=1, keepdim=True)
            grad = free * grad
            for k, shifted in enumerate(neighbors(x, NEIGHBOR_OFFSETS)):
                for channel, value in zip(torch.split(grad, 1, dim=1), torch.split(shifted, 1, dim=1), strict=True):
                    grad_weights[:, k : k + 1].addcmul_(channel, value)
            grad = weighted_sum(transposed, grad, NEIGHBOR_OFFSETS)
        return grad, grad_weights, grad_given, grad_free, None


def _normalize(weights: Tensor, dim: int) -> Tensor:
    return weights / weights.sum(dim=dim, keepdim=True).clamp(min=1e-20)
