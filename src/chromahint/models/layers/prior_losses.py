"""Auxiliary losses that teach a network what belongs together, next to the loss of the final colors.

A color loss gives one faint gradient a photo about where a hint applies. Here every pair of cells is a label: do they
have the same color? The prior, its distribution, and the predicted error are trained directly, too.

Shape suffixes: B batch, C channels, H height, W width, N cells of the grid, A anchor cells.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint.models.layers.area_resize import area_resize
from chromahint.models.layers.cell_hints import pick_cells, to_cells
from chromahint.models.layers.prior_attention import (
    CellColors,
    CellEncoding,
    PriorAttention,
    mixture_log_likelihood,
)
from chromahint.models.layers.semantic_encoder import GRID_SIZE

_NUM_ANCHORS = 48
"""Cells that are compared with all cells of the photo."""
_SAME_COLOR_DISTANCE = 8.0
"""Standard deviation, in Lab units, of the distance of colors that count as the same."""
_EASY_ERROR = 10.0
"""Squared error, in Lab units, below which a photo hardly counts."""
_MIN_VARIANCE = 4.0
"""Squared error that is expected at least."""

_WEIGHTS = {"cells": 1.0, "prior": 0.3, "distribution": 3.0, "same_color": 30.0, "error": 2.0}
"""Weights relative to errors in tens of dB."""


def auxiliary_loss(
    attention: PriorAttention,
    encoding: CellEncoding,
    colors: CellColors,
    target: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Return the weighted sum of all auxiliary losses, a float32 scalar.

    Args:
        attention: Layer that `encoding` and `colors` come from.
        encoding: Encoding of the photos.
        colors: Colors of the cells for some hints.
        target: ab B2HW of the photos in Lab units, of any size.
        generator: Random generator that chooses the anchors.
    """
    with torch.autocast(target.device.type, enabled=False):
        truth = to_cells(area_resize(target.float(), GRID_SIZE, GRID_SIZE))
        squared_error = (to_cells(colors.ab) - truth).square().sum(dim=2)
        losses = {
            "cells": log_error(squared_error),
            "prior": log_error((encoding.prior - truth).square().sum(dim=2)),
            "distribution": -mixture_log_likelihood(encoding.modes, truth).mean() / 10,
            "same_color": same_color_loss(attention, encoding, truth, generator) / 10,
            "error": error_loss(to_cells(colors.log_variance)[..., 0], squared_error) / 10,
        }
        return torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


def log_error(squared_error_BN: Tensor) -> Tensor:
    """Return the mean over photos of the logarithm of their squared error, in tens of dB."""
    return torch.log10(squared_error_BN.mean(dim=1) + _EASY_ERROR).mean()


def same_color_loss(
    attention: PriorAttention, encoding: CellEncoding, truth_BN2: Tensor, generator: torch.Generator
) -> Tensor:
    """Return the cross-entropy of "an anchor's color applies here", for random anchors and all cells."""
    batch, cells, _ = truth_BN2.shape
    anchors = torch.randint(cells, (batch, _NUM_ANCHORS), generator=generator, device=truth_BN2.device)
    scores_BNA = attention.scores(
        encoding,
        anchors,
        pick_cells(encoding.lightness, anchors),
        attention.positions[anchors],
        torch.ones(batch, device=truth_BN2.device),
    )
    distance_BNA = (truth_BN2[:, :, None] - pick_cells(truth_BN2, anchors)[:, None]).square().sum(dim=3)
    same_BNA = torch.exp(-distance_BNA / (2 * _SAME_COLOR_DISTANCE**2))
    return F.binary_cross_entropy_with_logits(scores_BNA - encoding.no_hint_score, same_BNA)


def error_loss(log_variance_BN: Tensor, squared_error_BN: Tensor) -> Tensor:
    """Return the negative log-likelihood of the errors under the predicted variance; trains the variance only."""
    expected = squared_error_BN.detach() + _MIN_VARIANCE
    return 0.5 * (expected * torch.exp(-log_variance_BN) + log_variance_BN).mean()
