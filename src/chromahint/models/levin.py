"""Colorization using optimization (Levin et al. 2004): training-free propagation of hints as one linear system.

Each pixel without a hint has one equation: its color equals the weighted mean of the colors of its eight neighbors.
Neighbors with similar lightness have a large weight, so color flows within regions and stops at edges. The exact
solver factorizes the sparse matrix; the iterative one runs multigrid (`layers/multigrid.py`) from a pull-push guess.

Shape suffixes: B batch, K neighbors, H height, W width.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.multigrid import NEIGHBOR_OFFSETS, neighbors, solve, weighted_sum
from chromahint.models.pullpush import PullPush
from chromahint.models.registry import ModelInfo
from chromahint.ranges import validate_arguments

MODEL_INFO = ModelInfo(
    year=2004,
    input="L, hint ab, mask",
    source="Levin, Lischinski, Weiss: Colorization using Optimization (SIGGRAPH 2004)",
)

_VARIANCE_FRACTION = 0.6
"""Ratio of 2 sigma^2 to the local variance of L, which the paper leaves open. 0.3 is more accurate on photos, but
float32 cannot solve that system reliably."""

_MIN_SCALE = 4.0
"""Minimum of 2 sigma^2, in squared units of L. It treats neighbors that differ by a few 8-bit steps (0.4 of L each) as
similar, even in smooth regions. Best on photos among 0.1, 0.5, 1, 2 and 4."""

_MAX_DISTANCE = 7.0
"""Maximum of d^2 / 2 sigma^2. Weights far below exp(-7) = 0.001 would be lost in float32 next to weights of 1."""


class Levin(nn.Module):
    """Sets each pixel's color to the mean color of its neighbors, weighted by their similarity in lightness.

    Hinted pixels keep their color. An image without hints stays gray.

    Args:
        solver: `iterative` solves a batch on any device, in float32. `exact` is the reference: SciPy's sparse direct
            solver, one image at a time, in float64 on the CPU.
        iterations: Number of iterations of the iterative solver.
    """

    @validate_arguments("model")
    def __init__(
        self,
        solver: Literal["iterative", "exact"] = "iterative",
        iterations: Annotated[int, Ge(0), Le(10_000)] = 16,
    ) -> None:
        super().__init__()
        self.solver = solver
        self.iterations = iterations
        self.initial_guess = PullPush()

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Propagate the hints.

        Args:
            lightness: B1HW in 0..100.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        with torch.autocast(lightness.device.type, enabled=False):
            if self.solver == "exact":
                return _solve_exact(lightness, hints)
            free = (hints.mask == 0).float()
            weights = affinity(lightness.float())
            start = torch.where(free == 0, hints.ab.float(), self.initial_guess(lightness, hints))
            # solve for the difference from the initial guess, which is 0 at hinted pixels
            residual = free * (weighted_sum(weights, start, NEIGHBOR_OFFSETS) - start)
            coupling = -free * weights * torch.cat(neighbors(free, NEIGHBOR_OFFSETS), dim=1)
            stencil = torch.cat([coupling[:, :4], torch.ones_like(free), coupling[:, 4:]], dim=1)
            ab = start + solve(stencil, residual, self.iterations)
            # the exact solution lies within the range of the hints; clamping helps if there are few iterations
            return ab.clamp(start.amin(dim=(2, 3), keepdim=True), start.amax(dim=(2, 3), keepdim=True))


def affinity(lightness: Tensor) -> Tensor:
    """Compute the affinity of each pixel to its eight neighbors, normalized to sum to 1.

    A neighbor whose lightness differs by d has the weight exp(-d^2 / 2 sigma^2). 2 sigma^2 is proportional to the
    variance of L in the pixel's 3x3 window (Levin et al. 2004, section 2), which is cropped at the image border.

    Args:
        lightness: B1HW in 0..100.

    Returns:
        B8HW in the order of `RING`; 0 beyond the border.
    """
    inside = torch.cat(neighbors(torch.ones_like(lightness[:1]), NEIGHBOR_OFFSETS), dim=1)
    difference_BKHW = (torch.cat(neighbors(lightness, NEIGHBOR_OFFSETS), dim=1) - lightness) * inside
    pixels = inside.sum(dim=1, keepdim=True) + 1
    mean = difference_BKHW.sum(dim=1, keepdim=True) / pixels
    squares_BKHW = difference_BKHW.square()
    variance = squares_BKHW.sum(dim=1, keepdim=True) / pixels - mean.square()
    scale = (_VARIANCE_FRACTION * variance).clamp(min=_MIN_SCALE)
    weights = inside * torch.exp(-(squares_BKHW / scale).clamp(max=_MAX_DISTANCE))
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-20)  # an image of one pixel has no neighbors


def _solve_exact(lightness: Tensor, hints: Hints) -> Tensor:
    # SciPy takes a third of a second to import, so import it only when needed
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
        neighbor = torch.cat(neighbors(pixel, NEIGHBOR_OFFSETS), dim=1)[0]
        inside = weights > 0
        indices = (pixel[0].expand_as(neighbor)[inside].numpy(), neighbor[inside].numpy())
        size = height * width
        means = coo_array((weights[inside].numpy(), indices), shape=(size, size)).tocsr()[free]
        system = (eye_array(size, format="csr")[free] - means)[:, free]
        colors[free] = splu(system.tocsc()).solve(means[:, known] @ colors[known])
    return torch.from_numpy(ab).transpose(1, 2).view_as(hints.ab).to(hints.ab.device, torch.float32)
