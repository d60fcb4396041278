"""Prior colors of cells from a palette: each cell takes the colors that are most likely there.

Shape suffixes: B batch, N cells of the grid, M modes, P slots of a palette.
"""

from __future__ import annotations

import torch
from torch import Tensor

from chromahint.hints.global_hints import GlobalHints
from chromahint.models.layers.prior_attention import CellEncoding, mixture_log_likelihood

_EMPTY = -1e9
"""Score of an empty slot."""
_BALANCING_STEPS = 8
"""Steps that move the shares of the colors of a palette half the way to their weights, on a logarithmic scale."""


def with_palette(encoding: CellEncoding, global_hints: GlobalHints | None) -> CellEncoding:
    """Replace the prior colors of the images that have a palette by colors of the palette; see `palette_prior`."""
    if global_hints is None:
        return encoding
    with torch.autocast(encoding.prior.device.type, enabled=False):
        from_palette = palette_prior(encoding.modes, global_hints.palette, global_hints.palette_weights)
    has_palette = global_hints.has_palette[:, None, None]
    return encoding._replace(prior=torch.where(has_palette, from_palette, encoding.prior))


def palette_prior(modes: Tensor, palette: Tensor, weights: Tensor) -> Tensor:
    """Return the expected color BN2 of each cell, in Lab units, if all colors come from a palette.

    A cell takes each color in proportion to its likelihood under the cell's own distribution, times a factor of the
    color that makes its share of the image approach its weight. So skin takes the palette's most skin-like color, and a
    color that no cell would take by itself still appears where it is least unlikely.

    Args:
        modes: BN(4M), parameters of the distribution of each cell; see `mixture_log_likelihood`.
        palette: BP2 in Lab units.
        weights: BP, share of each color; 0 in empty slots.
    """
    num_cells = modes.shape[1]
    likelihood_BNP = torch.stack(
        [mixture_log_likelihood(modes, color[:, None].expand(-1, num_cells, -1)) for color in palette.unbind(dim=1)],
        dim=2,
    )
    log_weights = weights.clamp(min=1e-12).log()[:, None]
    scores = likelihood_BNP.masked_fill((weights == 0)[:, None], _EMPTY)
    offset = log_weights
    for _ in range(_BALANCING_STEPS):
        share = (scores + offset).softmax(dim=2).mean(dim=1, keepdim=True)
        offset = offset + 0.5 * (log_weights - share.clamp(min=1e-12).log())
    return (scores + offset).softmax(dim=2) @ palette
