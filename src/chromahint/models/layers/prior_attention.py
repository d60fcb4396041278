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
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.models.layers.area_resize import area_resize
from chromahint.models.layers.cell_hints import CellHints, pick_cells, to_cells
from chromahint.models.layers.lab_scaling import Float32Conv2d
from chromahint.models.layers.semantic_encoder import GRID_SIZE
from chromahint.models.layers.softmax_attention import attend

AB_UNIT = AB_LIMIT / 2
"""Unit, in Lab units, in which layers read and predict color."""
NUM_MODES = 8
"""Modes of the prior distribution of a cell's color."""

_EMPTY = -1e9
"""Score of a cell without a hint."""
_LAST_ROW = (0, 0, 0, 1)
"""Padding by one row of zeros: where no hint applies, nothing is added to the prior."""
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

    def forward(self, encoding: CellEncoding, hints: CellHints) -> CellColors:
        """Estimate the color of each cell."""
        with torch.autocast(encoding.prior.device.type, enabled=False):
            difference = (hints.ab - pick_cells(encoding.prior, hints.cell)) / AB_UNIT
            values = [difference, difference.square(), hints.lightness, torch.ones_like(hints.lightness)]
            mean, strongest, weights = attend(
                self._queries(encoding),
                self._keys_of_hints(encoding, hints),
                F.pad(torch.cat(values, dim=2), _LAST_ROW),
                others=1,
            )
            shift, squared_shift, hint_lightness, share = torch.split(mean, [2, 2, 1, 1], dim=2)
            ab = encoding.prior + AB_UNIT * shift
            lightness = hint_lightness + (1 - share) * encoding.lightness
            spread = (squared_shift - shift.square()).sum(dim=2, keepdim=True).clamp(min=0)
            count = hints.num_hints[:, None, None].add(1).log().expand_as(share) / 5
            nearest = self._distance_to_nearest(hints)
            known = [ab / AB_UNIT, encoding.prior / AB_UNIT, share, spread, nearest, strongest, count]
            inputs = torch.cat([encoding.features, _to_grid(torch.cat(known, dim=2))], dim=1)
        offset, log_variance = torch.split(self.correction(inputs), [2, 1], dim=1)
        corrected = _to_grid(ab) + AB_UNIT * offset
        variance = _to_grid(spread) * (AB_UNIT / AB_LIMIT) ** 2
        squares = (corrected / AB_LIMIT).square().sum(dim=1, keepdim=True) + variance
        return CellColors(corrected, _to_grid(lightness), squares, log_variance, weights[..., :-1])

    def weights(self, encoding: CellEncoding, hints: CellHints) -> Tensor:
        """Return the weight BNK of each hint in each cell; together at most 1."""
        scores = self._queries(encoding) @ self._keys_of_hints(encoding, hints).transpose(1, 2)
        return scores.softmax(dim=2)[..., :-1]

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
        return self._queries(encoding) @ self._keys(encoding, cell, lightness, position, num_hints).transpose(1, 2)

    def _queries(self, encoding: CellEncoding) -> Tensor:
        """Return what each cell is multiplied with to give its scores, BNC. See `_keys`."""
        position, lightness = self.positions.expand(encoding.query.shape[0], -1, -1), encoding.lightness / 100
        squares = [position.square().sum(dim=2, keepdim=True), lightness.square(), torch.ones_like(lightness)]
        return torch.cat([encoding.query, position, lightness, *squares, encoding.no_hint_score], dim=2)

    def _keys(
        self, encoding: CellEncoding, cell: Tensor, lightness: Tensor, position: Tensor, num_hints: Tensor
    ) -> Tensor:
        """Return what each hint is multiplied with to give its scores, BKC.

        The score is a learned similarity, minus a penalty for the squared distance, minus one for the squared
        difference in lightness. Both are expanded, as in `|p - q|^2 = |p|^2 + |q|^2 - 2 p.q`, so a single matrix
        product computes all scores.
        """
        similarity = pick_cells(encoding.key, cell) * (self.log_similarity_scale.exp() / _KEY_CHANNELS**0.5)
        # the weight of a single hint is that of distance alone
        near = (self.log_distance_weight + self.hint_count_exponent * num_hints.clamp(min=1).log()).exp()
        near = near[:, None, None].expand_as(lightness)
        alike = self.log_lightness_weight.exp().expand_as(lightness)
        lightness = lightness / 100
        bias = self.score_offset - near * position.square().sum(dim=2, keepdim=True) - alike * lightness.square()
        factors = [similarity, 2 * near * position, 2 * alike * lightness, -near, -alike, bias, torch.zeros_like(bias)]
        return torch.cat(factors, dim=2)

    def _keys_of_hints(self, encoding: CellEncoding, hints: CellHints) -> Tensor:
        """Return the keys of all hints, and one for "no hint applies", B(K+1)C."""
        keys = self._keys(encoding, hints.cell, hints.lightness, hints.position, hints.num_hints)
        empty, no_hint = torch.zeros_like(keys[:, :1]), torch.zeros_like(keys[:, :1])
        empty[..., -2], no_hint[..., -1] = _EMPTY, 1
        return torch.cat([torch.where(hints.occupied[..., None], keys, empty), no_hint], dim=1)

    def _distance_to_nearest(self, hints: CellHints) -> Tensor:
        """Return the distance BN1 of each cell to the nearest hint, as a fraction of the image; 2 if there is none."""
        squares, far = self.positions.square().sum(dim=1, keepdim=True), 2.0
        square = hints.position.square().sum(dim=2).masked_fill(~hints.occupied, far**2)
        position = hints.position * hints.occupied[..., None]
        partial = torch.baddbmm(
            square[:, None], self.positions.expand(square.shape[0], -1, -1), position.transpose(1, 2), alpha=-2
        ).amin(dim=2, keepdim=True)
        return torch.where(hints.num_hints[:, None, None] > 0, (partial + squares).clamp(min=0).sqrt(), far)

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
        others = self._queries(encoding) @ self._keys_of_hints(encoding, hints).transpose(1, 2)
        share = (scores - others.logsumexp(dim=2, keepdim=True)).sigmoid()
        variance = to_cells(colors.log_variance).exp()
        return _to_grid(share.transpose(1, 2) @ variance / num_cells)


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
