"""Color that is not handed on but found: each place looks for hints that are like it, near by or in the whole picture.

How alike a place and a hint are is the sum of what learned features say, of how far apart they are, and of how their
lightness differs. What a place finds is a mean of hints; how far it trusts that is learned too.

Shape suffixes: B batch, C channels, D features, E heads, H height, W width, N places, M cells of hints, G groups of
places that look at the same cells.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.models.layers.attention_windows import CELL, GlobalAttention, WindowAttention
from chromahint.models.layers.lab_scaling import Float32Conv2d, to_multiple

STATE = 4
"""Channels of what is known of a place: a and b of the hints that it goes by, their L, and the mean of their
(a^2 + b^2) / 110^2, which tells one hint from a mixture."""

_MOST = 32
"""Cells a side where all of a picture is looked at."""

_TELLS = 8
"""Channels of what a cell tells, beside its features, to whom it is like."""

_THERE = 200.0
"""By how much a cell with a hint is at least more like a place than one without, wherever it lies and however light it
is: exp(-200) is 0 in float32."""


class HintAttention(nn.Module):
    """Looks at hints, gathered in cells: at those around a place, or at all of the picture.

    Args:
        channels: of the features that places have.
        features: how many of them are compared, in each way.
        heads: ways of comparing; each has its own reach, and a place chooses among what they found.
        window: the cells of 4x4 places that a place looks at are the one it lies in and those around, so many a side; 0
            looks at the whole picture, in at most 32x32 cells.
        trust: how far what is found is trusted before anything is learned, as a logit.
    """

    def __init__(self, channels: int, features: int = 16, heads: int = 1, window: int = 0, trust: float = -3.0) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.query = _Pointwise(channels, heads * features)
        self.key = Float32Conv2d(channels, heads * features, kernel_size=1)
        # logarithm of the weight of squared distance: in places within a window; in the whole picture in its sides, and
        # the more hints there are, the nearer they have to be
        self.near = nn.Parameter(torch.full((heads,), -4.0) if window else torch.linspace(0.0, 1.0, heads))
        self.crowd = None if window else nn.Parameter(torch.ones(heads))
        # logarithm of the weight of the squared difference of L / 100
        self.alike = nn.Parameter(torch.full((heads,), 5.0))
        self.judge = nn.Sequential(
            _Pointwise(channels + 2 + _TELLS * heads, 2 * features, half=True),
            nn.ReLU(inplace=True),
            _Pointwise(2 * features, 1 + heads),
        )
        _start(self.query, self.judge[-1], trust)

    def forward(
        self, features: Tensor, lightness: Tensor, known: Tensor, dense: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Look for hints.

        Args:
            features: BCHW of the places.
            lightness: B1HW in 0..100.
            known: (B, 5, H, W), the `STATE` of the hints at each place times its weight, and the weight in 0..1.
            dense: B1HW, how densely hints lie around each place, from `density`.
            state: B4HW, what the places go by so far.

        Returns:
            The `STATE` that was found, B4HW, and how far to trust it, B1HW in 0..1: not at all where no hint is in
            reach.
        """
        weight = known[:, STATE:]
        place = _places(lightness).expand(lightness.shape[0], -1, -1, -1)
        near, alike = (logarithm.view(1, 1, -1, 1) for logarithm in (self.near, self.alike))
        far_apart: Tensor | float = 100.0
        if self.crowd is not None:
            place = place / _larger(lightness)
            hints = weight.sum(dim=(1, 2, 3)).clamp(min=1).view(-1, 1, 1, 1)
            near = near + self.crowd.view(1, 1, -1, 1) * hints.log()
            far_apart = 10 / hints
        near, alike = near.exp(), alike.exp()
        cells = self._gather(known, place, self.key(features))
        groups = WindowAttention(self.window, lightness, cells) if self.window else GlobalAttention(lightness, cells)
        table = groups.keys(lambda cells: self._table(cells, near, alike))

        own_features, own_light, own_place, own_state = map(groups.partition, (features, lightness, place, state))
        query = _in_heads(self.query(own_features), self.heads)
        query = query / query.shape[3] ** 0.5
        light, own = own_light[:, :, None] / 100, own_place[:, :, None]
        same = torch.cat([own, light, torch.ones_like(light)], dim=3).expand(-1, -1, self.heads, -1)
        asked = F.pad(torch.cat([query, same], dim=3), (0, _TELLS))
        found = groups.attend(asked, table)
        found_key, _, ab, found_light, found_place, some, squares, place_squares = torch.split(
            found, [query.shape[3], 4, 2, 1, 2, 1, 1, 1], dim=3
        )
        apart = place_squares + (own * (own - 2 * found_place)).sum(dim=3, keepdim=True)
        about = [
            ab,
            5 * (found_light - light) * some,
            apart / far_apart * some,
            10 * (squares - ab.square().sum(dim=3, keepdim=True)),
            some,
            (found_key * query).sum(dim=3, keepdim=True),
            (AB_LIMIT * ab - own_state[:, :, None, :2]).abs().sum(dim=3, keepdim=True) / 20 * some,
        ]
        here = [own_features, groups.partition(dense), (own_light - own_state[..., 2:3]) / 20]
        judged = self.judge(torch.cat([*here, torch.cat(about, dim=3).flatten(2)], dim=2))
        choice = judged[..., 1:].softmax(dim=2)[..., None]
        chosen = (choice * torch.cat([AB_LIMIT * ab, 100 * found_light, squares], dim=3)).sum(dim=2)
        trust = judged[..., :1].sigmoid() * some[:, :, 0]
        return groups.merge(chosen), groups.merge(trust)

    def _gather(self, known: Tensor, place: Tensor, key: Tensor) -> Tensor:
        """Gather hints in cells, BhwC: 1 where there is one, mean ab / 110, L / 100, place, features."""
        side = CELL if self.window else (_larger(known) + _MOST - 1) // _MOST
        weight = known[:, STATE:]
        every = torch.cat([weight, known[:, :2] / AB_LIMIT, known[:, 2:3] / 100, weight * place, weight * key], dim=1)
        if torch.compiler.is_exporting() and not self.window:
            cells = _pool_to_most(every, side)
        else:
            cells = F.avg_pool2d(to_multiple(every, side), side)
        amount, mean = cells[:, :1], cells[:, 1:]
        return torch.cat([(amount > 0).float(), mean / amount.clamp(min=1e-6)], dim=1).permute(0, 2, 3, 1)

    def _table(self, cells: Tensor, near: Tensor, alike: Tensor) -> Tensor:
        """What cells BMC answer to places that ask, BMEC."""
        there, color, light, place, key = torch.split(cells[:, :, None], [1, 2, 1, 2, self.key.out_channels], dim=3)
        squares, place_squares = (x.square().sum(dim=3, keepdim=True) for x in (color, place))
        reach = CELL * (self.window // 2 + 1) if self.window else 1
        lead = _THERE + 2 * reach**2 * near + alike
        alone = there * (lead - near * place_squares - alike * light.square())
        tells = torch.cat([color, light, place, there, squares, place_squares], dim=3)
        return torch.cat(
            [
                _in_heads(key[:, :, 0], self.heads),
                2 * near * place,
                2 * alike * light,
                alone,
                tells.expand(-1, -1, self.heads, -1),
            ],
            dim=3,
        )


class _Pointwise(nn.Conv2d):
    """A 1x1 convolution of places that lie in rows, GNC, rather than in a picture.

    Args:
        inputs: channels.
        outputs: channels.
        half: whether an autocast region may do it in half precision.
    """

    def __init__(self, inputs: int, outputs: int, half: bool = False) -> None:
        super().__init__(inputs, outputs, kernel_size=1)
        self.half_too = half

    def forward(self, x: Tensor) -> Tensor:
        """Map GNC."""
        weight = self.weight.flatten(1)
        if self.half_too:
            return F.linear(x, weight, self.bias)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), weight, self.bias)


def _larger(x_BCHW: Tensor) -> int:
    """The larger side of a picture, also where an exported network knows neither."""
    larger: int = torch.sym_max(*x_BCHW.shape[-2:])  # type: ignore[no-untyped-call]
    return larger


def _pool_to_most(x: Tensor, side: int) -> Tensor:
    """Average cells as `F.avg_pool2d` does, with a side that is known at each picture, into `_MOST` by `_MOST` cells.

    Those beyond the picture are empty, as cells without a hint are.
    """
    down, across = (_in_cells(length, side, x) for length in x.shape[-2:])
    return down @ x @ across.T


def _in_cells(length: int, side: int, like: Tensor) -> Tensor:
    """What each of `_MOST` cells takes from each of `length` places."""
    first = torch.arange(_MOST, device=like.device)[:, None] * side
    place = torch.arange(length, device=like.device)
    return ((place >= first) & (place < first + side)).to(like.dtype) / side


def _in_heads(x: Tensor, heads: int) -> Tensor:
    return x.view(*x.shape[:2], heads, x.shape[2] // heads)


def _places(like: Tensor) -> Tensor:
    """Row and column of each place, 12HW."""
    axes = (torch.arange(side, device=like.device, dtype=torch.float32) for side in like.shape[-2:])
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def hint_density(weight: Tensor) -> Tensor:
    """How densely hints lie around each place: the mean of their weights B1HW over 5x5 places."""
    return F.avg_pool2d(weight, 5, stride=1, padding=2)


@torch.no_grad()
def _start(query: nn.Conv2d, last: nn.Module, trust: float) -> None:
    """Compare by features a little, trust all places alike, and choose no way over another."""
    assert query.bias is not None
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    query.weight *= 0.3
    nn.init.zeros_(query.bias)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    last.bias[0] = trust
