"""Cross-attention from pixels to hints near them.

Hints are pooled into cells. The score of a pixel and a cell is

    query . key / sqrt(head_dim) - distance_weight * |p - c|^2 - lightness_weight * (L_p - L_c)^2

with positions p and c and lightness L_p and L_c: learned features, minus a penalty for distance, minus a penalty for
the difference in lightness. The attended value is a mean of hints. A small MLP then compares it with the pixel's
current state and predicts how much to trust it.

Shape suffixes: B batch, C channels, H height, W width, h w rows and columns of cells, G groups of pixels that share the
same cells, N pixels of a group, M cells of a group.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.models.layers.attention_windows import CELL_SIZE, WindowAttention, in_blocks, shapes_may_depend_on_hints
from chromahint.models.layers.lab_scaling import Float32Conv2d, zero_pad_to_multiple

STATE_CHANNELS = 4
"""Channels of a pixel's state, each a weighted mean over the hints that determine its color: a, b, L, and
(a^2 + b^2) / 110^2. The last one tells a single hint from a mixture of different hints."""

_VALUE_CHANNELS = 8
"""Channels of a cell's value: a, b, L, row, column, occupancy, (a^2 + b^2) / 110^2, and squared position."""

_ATTENDED_CHANNELS = 8
"""Channels that tell the confidence MLP about the attended hints."""

_ATTENDED_SCALE = (1.0, 1.0, 5.0, 0.01, 10.0, 1.0, 1.0, 0.05)
"""Their scale."""

_OCCUPIED_MARGIN = 200.0
"""Minimum lead of the score of a cell with a hint over an empty cell, at any position and lightness. Empty cells
thus get a weight of exp(-200), which is 0 in float32."""


class HintAttention(nn.Module):
    """Attends from every pixel to the hints in a window around it.

    Args:
        channels: Number of feature channels of a pixel.
        window: Height and width of the window in cells of 4x4 pixels, an odd number.
        head_dim: Query and key channels.
        initial_confidence: Logit of the confidence before training.
    """

    def __init__(self, channels: int, window: int, head_dim: int = 16, initial_confidence: float = -3.0) -> None:
        super().__init__()
        self.window = window
        self.query = _PointwiseConv(channels, head_dim)
        self.key = Float32Conv2d(channels, head_dim, kernel_size=1)
        # log of the weight of the squared distance in pixels
        self.log_distance_weight = nn.Parameter(torch.full((1,), -4.0))
        # log of the weight of the squared difference in L / 100
        self.log_lightness_weight = nn.Parameter(torch.full((1,), 5.0))
        # from what is known about a pixel and its attended hints to a confidence logit; the second output, which the
        # first versions had, is not used, and is kept for their weights
        self.confidence_mlp = nn.Sequential(
            _PointwiseConv(channels + 2 + _ATTENDED_CHANNELS, 2 * head_dim, allow_autocast=True),
            nn.ReLU(inplace=True),
            _PointwiseConv(2 * head_dim, 2),
        )
        _init_weights(self.query, self.confidence_mlp[-1], initial_confidence)

    def forward(
        self, features: Tensor, lightness: Tensor, hint_state: Tensor, density: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Attend to the hints.

        The penalties are expanded into dot products, for example -w |p - c|^2 = 2 w p.c - w |c|^2 - w |p|^2. The last
        term is the same for all cells of a pixel, so the softmax cancels it. Thus plain dot-product attention between
        the pixel vector (query, p, L_p, 1, 0...) and the table row of a cell (see `_build_table`) computes the score
        above, and the same table provides the values.

        Args:
            features: BCHW, features of the pixels.
            lightness: B1HW in 0..100.
            hint_state: (B, 5, H, W): the state of the hints at each pixel times its weight, and the weight in 0..1.
            density: B1HW, local density of hints, from `hint_density`.
            state: B4HW, the current state of the pixels.

        Returns:
            The attended state B4HW, and its confidence B1HW in 0..1, which is 0 where no hint is in reach.
        """
        position = _pixel_positions(lightness).expand(lightness.shape[0], -1, -1, -1)
        pool = self._pool_hints
        if shapes_may_depend_on_hints(hint_state) and not torch.is_grad_enabled():
            pool = self._pool_hints_of_few_cells
        cells = pool(hint_state, position, features)
        layout = WindowAttention(self.window, lightness, cells)
        table = layout.keys(self._build_table)

        own_features, own_lightness, place, own_state = map(layout.partition, (features, lightness, position, state))
        query = self.query(own_features)
        query = query / query.shape[2] ** 0.5
        light = own_lightness / 100
        pixel = torch.cat([query, place, light, torch.ones_like(light)], dim=2)
        output = layout.attend(F.pad(pixel, (0, _VALUE_CHANNELS)), table)
        mean_key, _, ab, mean_light, mean_place, occupancy, squares, place_squares = torch.split(
            output, [query.shape[2], 4, 2, 1, 2, 1, 1, 1], dim=2
        )
        difference = (AB_LIMIT * ab - own_state[..., :2]).abs().sum(dim=2, keepdim=True)
        distance = place_squares + (place * (place - 2 * mean_place)).sum(dim=2, keepdim=True)
        spread = squares - ab.square().sum(dim=2, keepdim=True)
        similarity = (mean_key * query).sum(dim=2, keepdim=True)
        contrast, distance, difference = ((x * occupancy) for x in (mean_light - light, distance, difference))
        attended = torch.cat([ab, contrast, distance, spread, occupancy, similarity, difference], dim=2)
        own = [own_features, layout.partition(density), (own_lightness - own_state[..., 2:3]) / 20]
        logit = self.confidence_mlp(torch.cat([*own, attended * attended.new_tensor(_ATTENDED_SCALE)], dim=2))[..., :1]
        state = layout.merge(torch.cat([AB_LIMIT * ab, 100 * mean_light, squares, logit.sigmoid() * occupancy], dim=2))
        attended_state, confidence = torch.split(state, [STATE_CHANNELS, 1], dim=1)
        return attended_state, confidence

    def _pool_hints_of_few_cells(self, hint_state: Tensor, position: Tensor, features: Tensor) -> Tensor:
        """Pool hints as `_pool_hints` does, but read the cells with a hint only."""
        images = [zero_pad_to_multiple(x, CELL_SIZE) for x in (hint_state, position, features)]
        occupied = F.max_pool2d(images[0][:, STATE_CHANNELS], CELL_SIZE) > 0
        selected = occupied.nonzero(as_tuple=True)
        pooled = self._pool_hints(*(in_blocks(x, CELL_SIZE)[selected].movedim(-1, 1) for x in images))[:, 0, 0]
        cells = pooled.new_zeros(*occupied.shape, pooled.shape[1])
        cells[selected] = pooled
        return cells

    def _pool_hints(self, hint_state: Tensor, position: Tensor, features: Tensor) -> Tensor:
        """Pool hints into cells BhwC: occupancy 0 or 1, and weighted means of ab / 110, L / 100, position and key."""
        weight, key = hint_state[:, STATE_CHANNELS:], self.key(features)
        weighted = torch.cat(
            [weight, hint_state[:, :2] / AB_LIMIT, hint_state[:, 2:3] / 100, weight * position, weight * key], dim=1
        )
        cells = F.avg_pool2d(zero_pad_to_multiple(weighted, CELL_SIZE), CELL_SIZE)
        total, sums = cells[:, :1], cells[:, 1:]
        return torch.cat([(total > 0).float(), sums / total.clamp(min=1e-6)], dim=1).permute(0, 2, 3, 1)

    def _build_table(self, cells: Tensor) -> Tensor:
        """Build the key-value table BMC of cells BMC: the factors of the score, followed by the value channels.

        The factors multiply the query, p, L_p and 1. They are the key, 2 distance_weight c, 2 lightness_weight L_c, and
        -distance_weight |c|^2 - lightness_weight L_c^2 plus a margin that ranks occupied cells above empty ones.
        """
        distance_weight, lightness_weight = self.log_distance_weight.exp(), self.log_lightness_weight.exp()
        occupancy, color, light, position, key = torch.split(cells, [1, 2, 1, 2, self.key.out_channels], dim=2)
        squares, position_squares = (x.square().sum(dim=2, keepdim=True) for x in (color, position))
        reach = CELL_SIZE * (self.window // 2 + 1)
        margin = _OCCUPIED_MARGIN + 2 * reach**2 * distance_weight + lightness_weight
        bias = occupancy * (margin - distance_weight * position_squares - lightness_weight * light.square())
        factors = [key, 2 * distance_weight * position, 2 * lightness_weight * light, bias]
        return torch.cat([*factors, color, light, position, occupancy, squares, position_squares], dim=2)


class _PointwiseConv(nn.Conv2d):
    """1x1 convolution of groups of pixels GNC.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        allow_autocast: Whether an autocast region may run it in lower precision; otherwise it runs in float32.
    """

    def __init__(self, in_channels: int, out_channels: int, allow_autocast: bool = False) -> None:
        super().__init__(in_channels, out_channels, kernel_size=1)
        self.allow_autocast = allow_autocast

    def forward(self, x: Tensor) -> Tensor:
        """Map the channels of GNC."""
        weight = self.weight.flatten(1)
        if self.allow_autocast:
            return F.linear(x, weight, self.bias)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), weight, self.bias)


def _pixel_positions(like: Tensor) -> Tensor:
    """Return the row and column of each pixel, 12HW."""
    axes = (torch.arange(side, device=like.device, dtype=torch.float32) for side in like.shape[-2:])
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def hint_density(weight: Tensor) -> Tensor:
    """Return the local density of hints B1HW: the mean of the hint weights B1HW over 5x5 pixels."""
    if torch.compiler.is_compiling() or not weight.is_cpu:
        return F.avg_pool2d(weight, 5, stride=1, padding=2)
    # additions are several times as fast as pooling on a CPU
    sums = F.pad(weight, (2, 2, 2, 2))
    for axis in (2, 3):
        length = weight.shape[axis]
        sums = functools.reduce(torch.add, [sums.narrow(axis, first, length) for first in range(5)])
    return sums / 25


@torch.no_grad()
def _init_weights(query: nn.Conv2d, last: nn.Module, initial_confidence: float) -> None:
    """Initialize to a small influence of features, the same confidence everywhere, and equal mixing weights."""
    assert query.bias is not None
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    query.weight *= 0.3
    nn.init.zeros_(query.bias)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    last.bias[0] = initial_confidence
