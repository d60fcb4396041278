"""Levin's colorization by optimization: color spreads where lightness is alike, untrained, as one linear system.

Shape suffixes: B batch, K neighbors, H height, W width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.multigrid import RING, neighbors, solve, weighted_sum
from chromahint.models.pullpush import PullPush
from chromahint.models.registry import ModelInfo

MODEL_INFO = ModelInfo(
    year=2004,
    input="L, hint ab, mask",
    source="Levin, Lischinski, Weiss: Colorization using Optimization (SIGGRAPH 2004)",
)

_SHARE_OF_VARIANCE = 0.6
"""What 2 sigma^2 is of the local variance of L; the paper leaves it open. Colors were closer on photos with 0.3, but
float32 cannot solve that system reliably."""

_LEAST_SCALE = 4.0
"""What 2 sigma^2 is at least, in squared units of L: neighbors that differ by a few 8-bit steps (0.4 of L each) are
alike, however even their surroundings are. Of 0.1, 0.5, 1, 2 and 4 the best on photos."""

_MOST_UNLIKE = 7.0
"""What d^2 / 2 sigma^2 is at most: beside 1, weights far below exp(-7) = 0.001 would be lost in float32's rounding."""


class Levin(nn.Module):
    """Makes each pixel's color the mean of its neighbors' colors, weighted by how alike their lightness is.

    Hinted pixels keep their color, and no hint leaves the picture gray.

    Args:
        solver: `iterative` for a batch on any device, in float32; `exact` for one picture after the other with SciPy's
            sparse direct solver, in float64 on the processor: the reference that the other is measured by.
        iterations: of the iterative solver.
    """

    def __init__(self, solver: Literal["iterative", "exact"] = "iterative", iterations: int = 16) -> None:
        super().__init__()
        if solver not in ("iterative", "exact"):
            raise ValueError(f"model.solver={solver}: iterative or exact are allowed; type model.solver=iterative")
        if iterations < 0:
            raise ValueError(f"model.iterations={iterations}: 0 or more are allowed; type model.iterations=16")
        self.solver = solver
        self.iterations = iterations
        self.start = PullPush()

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Spread the hints.

        Args:
            lightness: B1HW in 0..100.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        with torch.autocast(lightness.device.type, enabled=False):
            if self.solver == "exact":
                return _solve_exactly(lightness, hints)
            free = (hints.mask == 0).float()
            weights = affinity(lightness.float())
            start = torch.where(free == 0, hints.ab.float(), self.start(lightness, hints))
            # what is solved for is the difference from the start, which is 0 at hints
            missing = free * (weighted_sum(weights, start, RING) - start)
            pull = -free * weights * torch.cat(neighbors(free, RING), dim=1)
            stencil = torch.cat([pull[:, :4], torch.ones_like(free), pull[:, 4:]], dim=1)
            ab = start + solve(stencil, missing, self.iterations)
            # a mean of means of hints is never beyond them, and where iterations are few this helps
            return ab.clamp(start.amin(dim=(2, 3), keepdim=True), start.amax(dim=(2, 3), keepdim=True))


def affinity(lightness: Tensor) -> Tensor:
    """Weigh each pixel's eight neighbors, which together weigh 1.

    A neighbor whose lightness differs by d weighs exp(-d^2 / 2 sigma^2), where 2 sigma^2 follows the variance of L in
    the pixel's 3x3 window (Levin et al. 2004, section 2). Windows are cut at the border of the picture.

    Args:
        lightness: B1HW in 0..100.

    Returns:
        B8HW in the order of `RING`; 0 beyond the border.
    """
    inside = torch.cat(neighbors(torch.ones_like(lightness[:1]), RING), dim=1)
    difference_BKHW = (torch.cat(neighbors(lightness, RING), dim=1) - lightness) * inside
    pixels = inside.sum(dim=1, keepdim=True) + 1
    mean = difference_BKHW.sum(dim=1, keepdim=True) / pixels
    squares_BKHW = difference_BKHW.square()
    variance = squares_BKHW.sum(dim=1, keepdim=True) / pixels - mean.square()
    scale = (_SHARE_OF_VARIANCE * variance).clamp(min=_LEAST_SCALE)
    weights = inside * torch.exp(-(squares_BKHW / scale).clamp(max=_MOST_UNLIKE))
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-20)  # a picture of one pixel has no neighbor


def _solve_exactly(lightness: Tensor, hints: Hints) -> Tensor:
    # imported here: it takes a third of a second, which every other network would pay too
    import numpy as np
    from scipy.sparse import coo_array, eye_array
    from scipy.sparse.linalg import splu

    height, width = lightness.shape[-2:]
    pixel = torch.arange(height * width).view(1, 1, height, width)
    ab = hints.ab.double().cpu().flatten(2).transpose(1, 2).numpy().copy()
    weights_BKHW = affinity(lightness.double().cpu())
    for weights, mask, colors in zip(weights_BKHW, hints.mask.cpu().flatten(1).numpy(), ab, strict=True):
        known, free = np.flatnonzero(mask), np.flatnonzero(mask == 0)
        if not len(known):
            colors[:] = 0
        if not len(known) or not len(free):
            continue
        other = torch.cat(neighbors(pixel, RING), dim=1)[0]
        some = weights > 0
        place = (pixel[0].expand_as(other)[some].numpy(), other[some].numpy())
        size = height * width
        means = coo_array((weights[some].numpy(), place), shape=(size, size)).tocsr()[free]
        system = (eye_array(size, format="csr")[free] - means)[:, free]
        colors[free] = splu(system.tocsc()).solve(means[:, known] @ colors[known])
    return torch.from_numpy(ab).transpose(1, 2).view_as(hints.ab).to(hints.ab.device, torch.float32)
