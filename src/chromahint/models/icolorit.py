"""iColoriT (2023): a vision transformer in which every place of a picture hears every hint.

Shape suffixes: B batch, N tokens (patches of 16x16 pixels, row by row), C channels, E heads, H height, W width.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import Float32Conv2d, crop_like, pad_to_multiple
from chromahint.models.registry import ModelInfo, Variant

MODEL_INFO = ModelInfo(
    year=2023,
    input="(L - 50) / 100, hint ab / 110, mask",
    source="Yun, Lee, Park, Choo: iColoriT (WACV 2023)",
    recipe="train experiment=icolorit_2023",
    variants=(
        Variant({"width": 192}, parameters=6_444_740, gmac=1.4, side=224),
        Variant({"width": 384}, parameters=23_505_800, gmac=4.9, side=224),
        Variant({"width": 768}, parameters=89_478_416, gmac=18.2, side=224),
    ),
)

AB_SCALE = 110.0
PATCH = 16
GRID = (14, 14)
"""Rows and columns of tokens that the tables of positions are made for: those of 224x224 pixels."""
OFFSETS = (2 * GRID[0] - 1, 2 * GRID[1] - 1)
"""Rows and columns of a table that has an entry for each offset between two tokens of that grid."""


class Attention(nn.Module):
    """Every token looks at every token, with a learned bias for how far apart they are, down and across."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.rpb_table = nn.Parameter(torch.empty(OFFSETS[0] * OFFSETS[1], heads))
        # the authors cut a normal distribution at this; doing so looks at values, which `chromahint models` has not got
        nn.init.uniform_(self.rpb_table, -0.02, 0.02)
        # part of released files; any grid's is soon made
        self.register_buffer("relative_position_index", relative_index(GRID))
        self.proj = nn.Linear(width, width)

    def forward(self, x_BNC: Tensor, bias_ENN: Tensor) -> Tensor:
        """Map BNC to BNC; the bias is added to what each token (row) finds in each (column)."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = F.linear(x_BNC, self.qkv.weight, bias).reshape(*x_BNC.shape[:2], 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=bias_ENN[None].to(query.dtype))
        attended: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return attended


class Block(nn.Module):
    """Attention and a small network of each token by itself, both added to what comes in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _named(fc1=nn.Linear(width, 4 * width), act=nn.GELU(), fc2=nn.Linear(4 * width, width))

    def forward(self, x_BNC: Tensor, bias_ENN: Tensor) -> Tensor:
        """Map BNC to BNC."""
        x_BNC = x_BNC + self.attn(self.norm1(x_BNC), bias_ENN)
        mixed: Tensor = x_BNC + self.mlp(self.norm2(x_BNC))
        return mixed


class IColoriT(nn.Module):
    """Patches of 16x16 pixels as tokens, twelve blocks, and a 3x3 convolution over the tokens that colors each patch.

    Attention compares all patches with each other: memory grows with the fourth power of a picture's side. Trained at
    one size it runs at others, where its positions are stretched over the picture.

    Args:
        width: channels of a token, an even number: 192 (tiny, 6.4 M parameters), 384 (small, 23.5 M) or 768 (base,
            89.5 M). There is a head of attention for each whole 64, at least one.
        depth: blocks, one or more.
        mask_center: subtracted from the 0/1 mask; 0.5 for weights that were trained so.
        zero_init_head: an untrained network predicts no color (ab = 0).
    """

    positions_NC: Tensor

    def __init__(
        self, width: int = 768, depth: int = 12, mask_offset: float = 0.0, zero_init_head: bool = True
    ) -> None:
        super().__init__()
        heads = max(1, width // 64)
        if width < 2 or width % 2 or width % heads:
            raise ValueError(
                f"model.width={width}: an even number is allowed which {heads} heads of attention (one for each whole "
                "64) can share. Type for example model.width=192 (tiny), 384 (small) or 768 (base)."
            )
        if depth < 1:
            raise ValueError(f"model.depth={depth}: one block or more is allowed. Type for example model.depth=12.")
        self.mask_offset = mask_offset
        self.patch_embed = _named(proj=nn.Conv2d(4, width, kernel_size=PATCH, stride=PATCH))
        self.register_buffer("positions_NC", _sin_cos(GRID[0] * GRID[1], width), persistent=False)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        # in bfloat16 colors would come in steps of up to a Lab unit
        head = Float32Conv2d(width, 2 * PATCH * PATCH, kernel_size=3, padding=1, padding_mode="reflect")
        self.head = _named(head=head)
        self.apply(_start)
        if zero_init_head:
            nn.init.zeros_(head.weight)
            assert head.bias is not None
            nn.init.zeros_(head.bias)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32, within -110..110.
        """
        original = lightness
        # the head mirrors the tokens at the border, for which a single row or column is not enough
        multiple = PATCH if min(lightness.shape[-2:]) > PATCH else 2 * PATCH
        lightness, hints = pad_to_multiple(lightness, hints, multiple)
        scaled = [(lightness - 50) / 100, hints.ab / AB_SCALE, hints.mask - self.mask_offset]
        tokens = self.patch_embed(torch.cat(scaled, dim=1))
        grid = (tokens.shape[2], tokens.shape[3])
        x_BNC = tokens.flatten(2).transpose(1, 2) + stretch(self.positions_NC, GRID, grid)
        # stretched together: quicker than one by one
        tables = torch.cat([block.get_parameter("attn.rpb_table") for block in self.blocks], dim=1)
        tables = stretch(tables, OFFSETS, (2 * grid[0] - 1, 2 * grid[1] - 1))
        index = relative_index(grid, tokens.device)
        for block, table in zip(self.blocks, tables.chunk(len(self.blocks), dim=1), strict=True):
            x_BNC = block(x_BNC, table[index].permute(2, 0, 1).contiguous())
        values = self.head(self.norm(x_BNC).transpose(1, 2).unflatten(2, grid))
        # a token's values are 16 rows of 16 columns of (a, b)
        patches = values.unflatten(1, (PATCH, PATCH, 2)).permute(0, 3, 4, 1, 5, 2)
        ab = AB_SCALE * torch.tanh(patches.flatten(4, 5).flatten(2, 3))
        return crop_like(ab, original)


def relative_index(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Where the offset of each token (row) from each (column) stands in a table of all offsets of a grid, NN int64.

    The table has 2 rows - 1 times 2 columns - 1 entries, the middle one for a token and itself.
    """
    rows, columns = (torch.arange(side, device=device) for side in grid)
    row, column = (place.flatten() for place in torch.meshgrid(rows, columns, indexing="ij"))
    down = row[:, None] - row + grid[0] - 1
    right = column[:, None] - column + grid[1] - 1
    return down * (2 * grid[1] - 1) + right


def stretch(table: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Resize a table (rows * columns, C) from `old` to `new` rows and columns; itself where nothing changes.

    Linear and antialiased, so that training on small pictures reaches every entry. As products of matrices it runs on
    every device, and its gradient adds up in the same order each time.
    """
    if old == new:
        return table
    with torch.autocast(table.device.type, enabled=False):
        down, across = (_weights(*sides, table) for sides in zip(old, new, strict=True))
        return torch.einsum("ir,jc,rck->ijk", down, across, table.view(*old, -1)).flatten(0, 1)


def _weights(old: int, new: int, like: Tensor) -> Tensor:
    """What each of `new` cells takes from each of `old` cells that span the same length, new x old."""
    # tensors are divided, not the two numbers: a compiler that leaves sizes open fails on fractions of them
    place = (torch.arange(new, device=like.device, dtype=like.dtype) + 0.5) * old / new - 0.5
    distance = (place[:, None] - torch.arange(old, device=like.device)).abs()
    weight = F.relu(1 - distance * new / max(new, old))
    return weight / weight.sum(dim=1, keepdim=True)


def _sin_cos(tokens: int, width: int) -> Tensor:
    """Sine (even channels) and cosine (odd ones) of a token's number, each pair slower than the one before."""
    slowness = 10000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] / slowness
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()


def _named(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
