"""Colour that is not handed on but found: each place looks for hints that are like it, near by or in the whole picture.

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
from chromahint.models.scaling import Float32Conv2d, room_to_multiple

STATE = 4
"""Channels of what is known of a place: a and b of the hints that it goes by, their L, and the mean of their
(a^2 + b^2) / 110^2, which tells one hint from a mixture."""

_MOST = 32
"""Cells a side where all of a picture is looked at."""

_CELL = 4
"""Places a side of a cell where a window is looked at."""

_BLOCK = 2
"""Cells a side of a block, whose places look together; what lies beyond the window of a place is masked."""

_TELLS = 8
"""Channels of what a cell tells, beside its features, to whom it is like."""

_THERE = 200.0
"""By how much a cell with a hint is at least more like a place than one without, wherever it lies and however light it
is: exp(-200) is 0 in float32."""


class Seek(nn.Module):
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
        self.query = Float32Conv2d(channels, heads * features, kernel_size=1)
        self.key = Float32Conv2d(channels, heads * features, kernel_size=1)
        # logarithm of the weight of squared distance: in places within a window; in the whole picture in its sides, and
        # the more hints there are, the nearer they have to be
        self.near = nn.Parameter(torch.full((heads,), -4.0) if window else torch.linspace(0.0, 1.0, heads))
        self.crowd = None if window else nn.Parameter(torch.ones(heads))
        # logarithm of the weight of the squared difference of L / 100
        self.alike = nn.Parameter(torch.full((heads,), 5.0))
        self.judge = nn.Sequential(
            nn.Conv2d(channels + 2 + _TELLS * heads, 2 * features, kernel_size=1),
            nn.ReLU(),
            Float32Conv2d(2 * features, 1 + heads, kernel_size=1),
        )
        _start(self.query, self.judge[-1], trust)

    def forward(self, features: Tensor, lightness: Tensor, known: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Look for hints.

        Args:
            features: BCHW of the places.
            lightness: B1HW in 0..100.
            known: (B, 5, H, W), the `STATE` of the hints at each place times its weight, and the weight in 0..1.
            state: B4HW, what the places go by so far.

        Returns:
            The `STATE` that was found, B4HW, and how far to trust it, B1HW in 0..1: not at all where no hint is in
            reach.
        """
        height, width = lightness.shape[-2:]
        light, weight = lightness / 100, known[:, STATE:]
        place = _places(height, width, lightness).expand(lightness.shape[0], -1, -1, -1)
        near, alike = (logarithm.view(1, -1, 1, 1, 1) for logarithm in (self.near, self.alike))
        far_apart = torch.full((1, 1, 1, 1, 1), 100.0, device=light.device)
        if self.crowd is not None:
            place = place / _larger(height, width)
            hints = weight.sum(dim=(1, 2, 3)).clamp(min=1).view(-1, 1, 1, 1, 1)
            near = near + self.crowd.view(1, -1, 1, 1, 1) * hints.log()
            far_apart = 10 / hints
        near, alike = near.exp(), alike.exp()

        query = _apart(self.query(features), self.heads) / (self.query.out_channels // self.heads) ** 0.5
        key, colour, cell_light, cell_place, there = self._gather(known, place, self.key(features))
        squares, place_squares = (x.square().sum(dim=2, keepdim=True) for x in (colour, cell_place))
        reach = _CELL * (self.window // 2 + 1) if self.window else 1
        lead = _THERE + 2 * reach**2 * near + alike
        alone = there * (lead - near * place_squares - alike * cell_light.square())
        tells = torch.cat([colour, cell_light, cell_place, there, squares, place_squares], dim=2)
        table = torch.cat(
            [key, 2 * near * cell_place, 2 * alike * cell_light, alone, tells.expand(-1, self.heads, -1, -1, -1)], dim=2
        )
        nothing = torch.zeros_like(light).expand(-1, _TELLS, -1, -1)
        asked = torch.cat([place, light, torch.ones_like(light), nothing], dim=1)[:, None]
        asked = torch.cat([query, asked.expand(-1, self.heads, -1, -1, -1)], dim=2)

        found = self._look(asked, table)
        found_key, _, ab, found_light, found_place, some, squares, place_squares = torch.split(
            found, [query.shape[2], 4, 2, 1, 2, 1, 1, 1], dim=2
        )
        own = place[:, None]
        apart = place_squares + (own * (own - 2 * found_place)).sum(dim=2, keepdim=True)
        about = [
            ab,
            5 * (found_light - light[:, None]) * some,
            apart / far_apart * some,
            10 * (squares - ab.square().sum(dim=2, keepdim=True)),
            some,
            (found_key * query).sum(dim=2, keepdim=True),
            (AB_LIMIT * ab - state[:, None, :2]).abs().sum(dim=2, keepdim=True) / 20 * some,
        ]
        here = [features, density(weight), (lightness - state[:, 2:3]) / 20]
        judged = self.judge(torch.cat([*here, torch.cat(about, dim=2).flatten(1, 2)], dim=1))
        choice = judged[:, 1:].softmax(dim=1)[:, :, None]
        chosen = (choice * torch.cat([AB_LIMIT * ab, 100 * found_light, squares], dim=2)).sum(dim=1)
        return chosen, judged[:, :1].sigmoid() * some[:, 0]

    def _gather(self, known: Tensor, place: Tensor, key: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Mean features (B, E, D, h, w), ab / 110, L / 100, place (B, 1, ., h, w), and 1 where there is a hint."""
        height, width = known.shape[-2:]
        side = _CELL if self.window else (_larger(height, width) + _MOST - 1) // _MOST
        weight = known[:, STATE:]
        every = torch.cat([weight, known[:, :2] / AB_LIMIT, known[:, 2:3] / 100, weight * place, weight * key], dim=1)
        if torch.compiler.is_exporting() and not self.window:
            cells = _pool_to_most(every, side)
        else:
            cells = F.avg_pool2d(F.pad(every, room_to_multiple(every, side)), side)
        amount, mean = cells[:, :1], cells[:, 1:]
        mean = mean / amount.clamp(min=1e-6)
        colour, light, where, keys = (x[:, None] for x in torch.split(mean, [2, 1, 2, key.shape[1]], dim=1))
        return _apart(keys[:, 0], self.heads), colour, light, where, (amount > 0).float()[:, None]

    def _look(self, asked: Tensor, table: Tensor) -> Tensor:
        """Mean of the table's columns (B, E, C, h, w) by how well they answer what is asked (B, E, C, H, W)."""
        height, width = asked.shape[-2:]
        with torch.autocast(asked.device.type, enabled=False):
            if not self.window:
                places, cells = (x.flatten(3).transpose(2, 3).contiguous() for x in (asked, table))
                answers = _answer(places, cells)
                return answers.transpose(2, 3).reshape(*asked.shape[:3], height, width)
            asked, table = asked.flatten(0, 1), table.flatten(0, 1)
            margin, side = self.window // 2, _CELL * _BLOCK
            asked = F.pad(asked, room_to_multiple(asked, side))
            down, across = asked.shape[2] // side, asked.shape[3] // side
            below, beside = margin + _BLOCK * down - table.shape[2], margin + _BLOCK * across - table.shape[3]
            rows = F.pad(table, (margin, beside, margin, below)).permute(0, 2, 3, 1)
            numbers = torch.arange(rows.shape[0] * rows.shape[1] * rows.shape[2], device=table.device).view(
                rows.shape[:3]
            )
            reach = _BLOCK + 2 * margin
            seen = numbers.unfold(1, reach, _BLOCK).unfold(2, reach, _BLOCK).flatten(3).flatten(1, 2)  # BGM
            groups = asked.view(*asked.shape[:2], down, side, across, side)
            groups = groups.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)  # BGNC
            answers = _answer(groups, F.embedding(seen, rows.flatten(0, 2)), _in_window(self.window, table))
            answers = answers.view(asked.shape[0], down, across, side, side, -1).permute(0, 5, 1, 3, 2, 4)
            answers = answers.flatten(4, 5).flatten(2, 3)[..., :height, :width]
            return answers.reshape(-1, self.heads, *answers.shape[1:])


def _larger(height: int, width: int) -> int:
    """The larger of two numbers, also where an exported network knows neither."""
    larger: int = torch.sym_max(height, width)  # type: ignore[no-untyped-call]
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


def _answer(asked: Tensor, table: Tensor, mask: Tensor | None = None) -> Tensor:
    return F.scaled_dot_product_attention(asked, table, table, attn_mask=mask, scale=1.0)


def _in_window(window: int, like: Tensor) -> Tensor:
    """What to add for each place of a block and each cell around: 0 within the window of its cell, else -inf, NM."""
    cells = torch.arange(_BLOCK, device=like.device)
    around = torch.arange(_BLOCK + window - 1, device=like.device)
    near = (around >= cells[:, None]) & (around < cells[:, None] + window)
    near = near.repeat_interleave(_CELL, dim=0)
    both = near[:, None, :, None] & near[None, :, None, :]
    return torch.where(both.flatten(2).flatten(0, 1), 0.0, -torch.inf)


def _apart(x: Tensor, heads: int) -> Tensor:
    return x.reshape(x.shape[0], heads, -1, *x.shape[2:])


def _places(height: int, width: int, like: Tensor) -> Tensor:
    """Row and column of each place, 12HW."""
    axes = (torch.arange(side, device=like.device, dtype=torch.float32) for side in (height, width))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def density(weight: Tensor) -> Tensor:
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
