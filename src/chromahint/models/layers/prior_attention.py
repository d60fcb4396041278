"""A prior color for each cell of a grid, and attention that shifts it by what hints elsewhere reveal.

The color of a cell is its prior, plus a weighted mean of the differences between the hints and the priors of their
cells. The weights of all hints and of a learned score for "no hint applies" sum to 1, so a hint fades out where nothing
says that a cell belongs to it.

Shape suffixes: B batch, C channels, H height, W width, N cells of the grid, K cells with a hint, M modes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.models.layers.area_resize import area_resize
from chromahint.models.layers.cell_hints import CellHints, pick_cells, to_cells
from chromahint.models.layers.lab_scaling import Float32Conv2d
from chromahint.models.layers.semantic_encoder import GRID_SIZE

AB_UNIT = AB_LIMIT / 2
"""Unit, in Lab units, in which layers read and predict color."""
NUM_MODES = 8
"""Modes of the prior distribution of a cell's color."""

_EMPTY = -1e9
_KEY_CHANNELS = 64
_CELL_INPUTS = 9
"""Channels that describe the state of a cell to the correction head."""


class CellEncoding(NamedTuple):
    """What is known about each cell before any hint.

    Attributes:
        features: BCHW of the grid.
        lightness: BN1 in 0..100.
        prior: BN2, expected ab in Lab units.
        query: BNC.
        key: BNC.
        no_hint_score: BN1, score for "no hint applies".
        modes: BN(4M), parameters of the prior distribution; see `mixture_log_likelihood`.
    """

    features: Tensor
    lightness: Tensor
    prior: Tensor
    query: Tensor
    key: Tensor
    no_hint_score: Tensor
    modes: Tensor


class CellColors(NamedTuple):
    """Estimated color of each cell.

    Attributes:
        ab: B2HW in Lab units.
        lightness: B1HW in 0..100, lightness that the color belongs to: that of the hints, as far as they apply.
        squares: B1HW, mean of (a^2 + b^2) / 110^2 over the hints and the prior that the color comes from.
        log_variance: B1HW, logarithm of the expected squared error in ab.
        weights: BNK, weight of each hint in each cell.
    """

    ab: Tensor
    lightness: Tensor
    squares: Tensor
    log_variance: Tensor
    weights: Tensor


class PriorAttention(nn.Module):
    """Predicts prior colors from features, and shifts them by hints.

    Args:
        channels: Features of a cell.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.prior = Float32Conv2d(channels, 2, kernel_size=1)
        self.query = Float32Conv2d(channels, _KEY_CHANNELS, kernel_size=1)
        self.key = Float32Conv2d(channels, _KEY_CHANNELS, kernel_size=1)
        self.no_hint_score = Float32Conv2d(channels, 1, kernel_size=1)
        self.modes = Float32Conv2d(channels, 4 * NUM_MODES, kernel_size=1)
        # logarithms of the scale of the similarity, and of the weights of squared distance and difference in lightness;
        # with more hints, the closest ones are nearer, so the weight of the distance grows with a power of their number
        self.log_similarity_scale = nn.Parameter(torch.tensor(0.0))
        self.log_distance_weight = nn.Parameter(torch.tensor(1.0))
        self.hint_count_exponent = nn.Parameter(torch.tensor(1.0))
        self.log_lightness_weight = nn.Parameter(torch.tensor(2.0))
        self.score_offset = nn.Parameter(torch.tensor(4.0))
        self.correction = nn.Sequential(
            nn.Conv2d(channels + _CELL_INPUTS, channels, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            Float32Conv2d(channels, 3, kernel_size=1),
        )
        centers = (torch.arange(GRID_SIZE) + 0.5) / GRID_SIZE
        grid = torch.stack(torch.meshgrid(centers, centers, indexing="ij")).flatten(1).T
        self.positions: Tensor
        self.register_buffer("positions", grid, persistent=False)
        self._init_weights()

    @torch.no_grad()
    def _init_weights(self) -> None:
        """Start with a gray prior, hints that apply everywhere, no correction, and modes all around gray."""
        last = self.correction[-1]
        assert isinstance(last, nn.Conv2d)
        for conv in (self.prior, self.no_hint_score, last):
            assert conv.bias is not None
            nn.init.zeros_(conv.weight)
            nn.init.zeros_(conv.bias)
        assert last.bias is not None
        last.bias[2] = math.log(100.0)
        assert self.modes.bias is not None
        nn.init.normal_(self.modes.weight, std=0.01)
        angle = 2 * math.pi / NUM_MODES * torch.arange(NUM_MODES)
        zeros = torch.zeros(NUM_MODES)
        self.modes.bias.copy_(torch.cat([zeros, 0.4 * angle.cos(), 0.4 * angle.sin(), zeros]))

    def encode(self, features: Tensor, lightness: Tensor) -> CellEncoding:
        """Compute everything that does not depend on hints.

        Args:
            features: BCHW of the grid.
            lightness: B1HW in 0..100 of the image, of any size.
        """
        features = features.float()
        return CellEncoding(
            features=features,
            lightness=to_cells(area_resize(lightness, GRID_SIZE, GRID_SIZE)),
            prior=AB_UNIT * to_cells(self.prior(features)),
            query=to_cells(self.query(features)),
            key=to_cells(self.key(features)),
            no_hint_score=to_cells(self.no_hint_score(features)),
            modes=to_cells(self.modes(features)),
        )

    def scores(
        self, encoding: CellEncoding, cell: Tensor, lightness: Tensor, position: Tensor, num_hints: Tensor
    ) -> Tensor:
        """Score how much each cell takes from hints.

        Args:
            encoding: From `encode`.
            cell: BK, cells of the hints.
            lightness: BK1 in 0..100.
            position: BK2 in 0..1.
            num_hints: B.

        Returns:
            BNK.
        """
        key = pick_cells(encoding.key, cell)
        similarity = encoding.query @ key.transpose(1, 2) * (self.log_similarity_scale.exp() / _KEY_CHANNELS**0.5)
        # the weight of a single hint is that of distance alone
        distance_weight = (self.log_distance_weight + self.hint_count_exponent * num_hints.clamp(min=1).log()).exp()
        difference = (encoding.lightness - lightness.transpose(1, 2)) / 100
        scores: Tensor = (
            similarity
            + self.score_offset
            - distance_weight[:, None, None] * self._squared_distances(position)
            - self.log_lightness_weight.exp() * difference.square()
        )
        return scores

    def forward(self, encoding: CellEncoding, hints: CellHints) -> CellColors:
        """Estimate the color of each cell."""
        with torch.autocast(encoding.prior.device.type, enabled=False):
            weights = self.weights(encoding, hints)
            difference = hints.ab - pick_cells(encoding.prior, hints.cell)
            ab = encoding.prior + weights @ difference
            share = weights.sum(dim=2, keepdim=True)
            lightness = weights @ hints.lightness + (1 - share) * encoding.lightness
            shift = weights @ (difference / AB_UNIT)
            spread = (weights @ (difference / AB_UNIT).square() - shift.square()).sum(dim=2, keepdim=True).clamp(min=0)
            far = 2.0  # beyond the diagonal
            distance = self._squared_distances(hints.position).masked_fill(~hints.occupied[:, None], far**2)
            nearest = distance.amin(dim=2, keepdim=True).sqrt()
            strongest = weights.amax(dim=2, keepdim=True)
            count = hints.num_hints[:, None, None].add(1).log().expand_as(share) / 5
            known = [ab / AB_UNIT, encoding.prior / AB_UNIT, share, spread, nearest, strongest, count]
            inputs = torch.cat([encoding.features, _to_grid(torch.cat(known, dim=2))], dim=1)
        offset, log_variance = torch.split(self.correction(inputs), [2, 1], dim=1)
        corrected = _to_grid(ab) + AB_UNIT * offset
        variance = _to_grid(spread) * (AB_UNIT / AB_LIMIT) ** 2
        squares = (corrected / AB_LIMIT).square().sum(dim=1, keepdim=True) + variance
        return CellColors(corrected, _to_grid(lightness), squares, log_variance, weights)

    def weights(self, encoding: CellEncoding, hints: CellHints) -> Tensor:
        """Return the weight BNK of each hint in each cell; together at most 1."""
        return torch.cat([self._hint_scores(encoding, hints), encoding.no_hint_score], dim=2).softmax(dim=2)[..., :-1]

    def expected_gain(self, encoding: CellEncoding, hints: CellHints, colors: CellColors) -> Tensor:
        """Return how much squared error one more hint in each cell is expected to remove from the image.

        That is the expected squared error of all cells, weighted by how much each would take from the new hint.

        Args:
            encoding: Encoding of the images.
            hints: Hints so far.
            colors: Colors of the cells for these hints.

        Returns:
            B1HW of the grid.
        """
        batch, num_cells, _ = encoding.prior.shape
        everywhere = torch.arange(num_cells, device=encoding.prior.device).expand(batch, -1)
        positions = self.positions.expand(batch, -1, -1)
        scores = self.scores(encoding, everywhere, encoding.lightness, positions, hints.num_hints + 1)
        others = torch.cat([self._hint_scores(encoding, hints), encoding.no_hint_score], dim=2).logsumexp(dim=2)
        share = (scores - others[..., None]).sigmoid()
        variance = to_cells(colors.log_variance).exp()
        return _to_grid(share.transpose(1, 2) @ variance / num_cells)

    def _hint_scores(self, encoding: CellEncoding, hints: CellHints) -> Tensor:
        scores = self.scores(encoding, hints.cell, hints.lightness, hints.position, hints.num_hints)
        return scores.masked_fill(~hints.occupied[:, None], _EMPTY)

    def _squared_distances(self, position: Tensor) -> Tensor:
        """Return the squared distance BNK between cells and positions BK2."""
        return (self.positions[None, :, None] - position[:, None]).square().sum(dim=3)


def mixture_log_likelihood(modes: Tensor, ab: Tensor) -> Tensor:
    """Return the log-likelihood BN of colors BN2, in Lab units, under the prior distribution of each cell.

    Args:
        modes: BN(4M): logits, a and b in `AB_UNIT`, and logarithms of the standard deviation of M isotropic normal
            distributions.
        ab: BN2 in Lab units.
    """
    logits, a, b, log_deviation = modes.float().chunk(4, dim=2)
    log_deviation = mode_log_deviation(log_deviation)
    squares = (ab[..., :1] - AB_UNIT * a).square() + (ab[..., 1:] - AB_UNIT * b).square()
    log_density = -0.5 * squares * (-2 * log_deviation).exp() - 2 * log_deviation - math.log(2 * math.pi)
    return torch.logsumexp(logits.log_softmax(dim=2) + log_density, dim=2)


def mode_log_deviation(raw: Tensor) -> Tensor:
    """Return the logarithm of the standard deviation of a mode, which is at least 1.6 and at most 90 Lab units."""
    return raw.clamp(-1.5, 2.5) + 2


def _to_grid(x: Tensor) -> Tensor:
    """Convert cells BNC to a grid BCHW."""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], GRID_SIZE, GRID_SIZE)
