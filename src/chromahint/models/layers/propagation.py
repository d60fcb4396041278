"""How color goes from pixel to pixel, and from a coarse level of a pyramid to a finer one, by learned weights.

Where nothing was learned the weights follow the lightness: those of neighbors are Levin's, those of coarse pixels are
bilinear ones times how alike they are.

Shape suffixes: B batch, C channels, K neighbors, H height, W width.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from chromahint.models.layers.multigrid import RING, WINDOW, neighbors, weighted_sum
from chromahint.models.levin import affinity

_PARENTS = [
    [WINDOW.index((down, right)) for down in (0, below) for right in (0, beside)]
    for below in (-1, 1)
    for beside in (-1, 1)
]
"""For each of the four pixels inside a coarse one, row by row: itself and the three next to it on that side."""

_BILINEAR = (9 / 16, 3 / 16, 3 / 16, 1 / 16)

_SOFT = 20.0
"""What the squared difference of L between a pixel and a coarse one is divided by; 5 to 40 did as well on photos."""

_MOST_UNLIKE = 7.0


def neighbor_weights(lightness: Tensor, learned_BKHW: Tensor) -> Tensor:
    """Weigh each pixel's eight neighbors, which together weigh 1.

    Args:
        lightness: B1HW in 0..100.
        learned_BKHW: added to the logarithm of each weight, in the order of `RING`; 0 where nothing was learned.

    Returns:
        B8HW; 0 beyond the border.
    """
    return _normalized(affinity(lightness) * torch.exp(learned_BKHW), dim=1)


def upsample_weights(lightness: Tensor, coarse: Tensor, learned: Tensor) -> Tensor:
    """Weigh for each pixel the four coarse ones that it lies between, which together weigh 1.

    Args:
        lightness: B1HW in 0..100, H and W even.
        coarse: the same at half the height and width.
        learned: B16hw of the coarse size, added to the logarithms: for each of the four pixels inside, row by row, its
            four coarse ones.

    Returns:
        (B, 4, 4, H/2, W/2): pixel inside, coarse one.
    """
    inside = neighbors(torch.ones_like(coarse[:1]), WINDOW)
    around = neighbors(coarse, WINDOW)
    weights = []
    for pixel, (parents, own) in enumerate(
        zip(_PARENTS, torch.split(F.pixel_unshuffle(lightness, 2), 1, dim=1), strict=True)
    ):
        shares = torch.cat([inside[parent] * share for parent, share in zip(parents, _BILINEAR, strict=True)], dim=1)
        apart = torch.cat([around[parent] for parent in parents], dim=1) - own
        unlike = (apart.square() / _SOFT).clamp(max=_MOST_UNLIKE)
        weights.append(shares * torch.exp(learned[:, 4 * pixel : 4 * pixel + 4] - unlike))
    return _normalized(torch.stack(weights, dim=1), dim=2)


def upsample(x_BCHW: Tensor, weights: Tensor) -> Tensor:
    """Double the height and width of a picture by weights from `filling`."""
    around = neighbors(x_BCHW, WINDOW)
    pixels = []
    for pixel, parents in enumerate(_PARENTS):
        total = weights[:, pixel, :1] * around[parents[0]]
        for place, parent in enumerate(parents[1:], start=1):
            total = torch.addcmul(total, weights[:, pixel, place : place + 1], around[parent])
        pixels.append(total)
    return F.pixel_shuffle(torch.stack(pixels, dim=2).flatten(1, 2), 2)


def propagate(x_BCHW: Tensor, weights_BKHW: Tensor, given: Tensor, free: Tensor, steps: int) -> Tensor:
    """Let each pixel take what its neighbors have, `steps` times, as far as it is free, beside what it was given.

    Args:
        x_BCHW: what pixels have at the start.
        weights_BKHW: what a pixel takes from each neighbor, from `taking`.
        given: BCHW, what is known of each pixel, times how well.
        free: B1HW in 0..1, the rest.
        steps: each carries by one pixel.
    """
    if not torch.is_grad_enabled():
        for _ in range(steps):
            x_BCHW = torch.addcmul(given, free, weighted_sum(weights_BKHW, x_BCHW, RING))
        return x_BCHW
    spread_out: Tensor = _Spread.apply(x_BCHW, weights_BKHW, given, free, steps)  # type: ignore[no-untyped-call]
    return spread_out


class _Spread(torch.autograd.Function):
    """The steps, with a way back that adds each moved picture once; torch's own goes through an empty one for each."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, given: Tensor, free: Tensor, steps: int) -> Tensor:
        before, sums = [], []
        for _ in range(steps):
            before.append(x)
            sums.append(weighted_sum(weights, x, RING))
            x = torch.addcmul(given, free, sums[-1])
        ctx.steps = steps
        ctx.save_for_backward(weights, free, *before, *sums)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        (grad,) = grads
        weights, free, *saved = ctx.saved_tensors
        # what each pixel gives to its neighbors: the neighbor on the other side takes it
        giving = torch.cat([neighbors(weights[:, 7 - k : 8 - k], [offset])[0] for k, offset in enumerate(RING)], dim=1)
        of_weights, of_given, of_free = (torch.zeros_like(like) for like in (weights, grad, free))
        for x, total in zip(reversed(saved[: ctx.steps]), reversed(saved[ctx.steps :]), strict=True):
            of_given += grad
            of_free += (grad * total).sum(dim=1, keepdim=True)
            grad = free * grad
            for k, moved in enumerate(neighbors(x, RING)):
                for channel, value in zip(torch.split(grad, 1, dim=1), torch.split(moved, 1, dim=1), strict=True):
                    of_weights[:, k : k + 1].addcmul_(channel, value)
            grad = weighted_sum(giving, grad, RING)
        return grad, of_weights, of_given, of_free, None


def _normalized(weights: Tensor, dim: int) -> Tensor:
    return weights / weights.sum(dim=dim, keepdim=True).clamp(min=1e-20)
