"""iColoriT (2023): a vision transformer in which every patch attends to every other patch.

Shape suffixes: B batch, N tokens (patches of 16x16 pixels, row by row), C channels, E heads, H height, W width.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import Float32Conv2d, crop_like, pad_to_multiple
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2023,
    input="(L - 50) / 100, hint ab / 110, mask",
    source="Yun, Lee, Park, Choo: iColoriT (WACV 2023)",
    recipe="train experiment=icolorit_2023",
    variants=(
        Variant({"width": 192}, parameters=6_444_740, gmac=1.4, image_size=224),
        Variant({"width": 384}, parameters=23_505_800, gmac=4.9, image_size=224),
        Variant({"width": 768}, parameters=89_478_416, gmac=18.2, image_size=224),
    ),
)

PATCH_SIZE = 16
GRID = (14, 14)
"""Token rows and columns of the position tables: those of an image of 224x224 pixels."""
OFFSET_GRID = (2 * GRID[0] - 1, 2 * GRID[1] - 1)
"""Rows and columns of the relative position table, which has one entry per offset between two tokens of `GRID`."""


class Attention(nn.Module):
    """Multi-head self-attention with a learned relative position bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.rpb_table = nn.Parameter(torch.empty(OFFSET_GRID[0] * OFFSET_GRID[1], heads))
        # the authors use a truncated normal distribution, but sampling it fails on fake tensors (see `model_cost`)
        nn.init.uniform_(self.rpb_table, -0.02, 0.02)
        # unused, but part of the released state dicts
        self.register_buffer("relative_position_index", relative_position_index(GRID))
        self.proj = nn.Linear(width, width)

    def forward(self, x_BNC: Tensor, bias_ENN: Tensor) -> Tensor:
        """Map BNC to BNC; the bias ENN is added to the scores of each token (row) for each token (column)."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = F.linear(x_BNC, self.qkv.weight, bias).reshape(*x_BNC.shape[:2], 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias_ENN[None].to(query.dtype))
        output: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return output


class Block(nn.Module):
    """Pre-norm transformer block: attention and an MLP, both with a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _named_sequential(fc1=nn.Linear(width, 4 * width), act=nn.GELU(), fc2=nn.Linear(4 * width, width))

    def forward(self, x_BNC: Tensor, bias_ENN: Tensor) -> Tensor:
        """Map BNC to BNC."""
        x_BNC = x_BNC + self.attn(self.norm1(x_BNC), bias_ENN)
        output: Tensor = x_BNC + self.mlp(self.norm2(x_BNC))
        return output


class IColoriT(nn.Module):
    """Vision transformer on patches of 16x16 pixels, with a 3x3 convolution over the tokens as its head.

    Memory grows with the fourth power of the image size, because attention compares all pairs of patches. The network
    accepts images of any size; it resizes its position tables to the grid of tokens.

    Args:
        width: Channels of a token: 192 (tiny, 6.4 M parameters), 384 (small, 23.5 M) or 768 (base, 89.5 M). There is
            one attention head for every 64 channels, and at least one.
        depth: Number of transformer blocks.
        mask_offset: Value subtracted from the 0/1 mask; 0.5 for weights that were trained this way.
        zero_init_head: Whether the untrained network predicts no color (ab = 0).
    """

    positions_NC: Tensor

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 768,
        depth: Annotated[int, Ge(1), Le(1000)] = 12,
        mask_offset: float = 0.0,
        zero_init_head: bool = True,
    ) -> None:
        super().__init__()
        heads = max(1, width // 64)
        if width % heads:
            raise ValueError(
                f"model.width={width}: must be a multiple of its {heads} attention heads, one for every 64 channels. "
                "Try model.width=192 (tiny), 384 (small), or 768 (base)."
            )
        self.mask_offset = mask_offset
        self.patch_embed = _named_sequential(proj=nn.Conv2d(4, width, kernel_size=PATCH_SIZE, stride=PATCH_SIZE))
        self.register_buffer("positions_NC", _sinusoidal_positions(GRID[0] * GRID[1], width), persistent=False)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        # float32, because bfloat16 would round colors to steps of up to one Lab unit
        head = Float32Conv2d(width, 2 * PATCH_SIZE * PATCH_SIZE, kernel_size=3, padding=1, padding_mode="reflect")
        self.head = _named_sequential(head=head)
        self.apply(_init_weights)
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
        # the reflection padding of the head needs at least two rows and columns of tokens
        multiple = PATCH_SIZE if min(lightness.shape[-2:]) > PATCH_SIZE else 2 * PATCH_SIZE
        lightness, hints = pad_to_multiple(lightness, hints, multiple)
        inputs = [(lightness - 50) / 100, hints.ab / AB_LIMIT, hints.mask - self.mask_offset]
        tokens = self.patch_embed(torch.cat(inputs, dim=1))
        grid = (tokens.shape[2], tokens.shape[3])
        x_BNC = tokens.flatten(2).transpose(1, 2) + resize_table(self.positions_NC, GRID, grid)
        # resize the tables of all blocks at once, which is faster
        tables = torch.cat([block.get_parameter("attn.rpb_table") for block in self.blocks], dim=1)
        tables = resize_table(tables, OFFSET_GRID, (2 * grid[0] - 1, 2 * grid[1] - 1))
        index = relative_position_index(grid, tokens.device)
        for block, table in zip(self.blocks, tables.chunk(len(self.blocks), dim=1), strict=True):
            x_BNC = block(x_BNC, table[index].permute(2, 0, 1).contiguous())
        values = self.head(self.norm(x_BNC).transpose(1, 2).unflatten(2, grid))
        # the channels of a token are 16 rows of 16 columns of (a, b)
        patches = values.unflatten(1, (PATCH_SIZE, PATCH_SIZE, 2)).permute(0, 3, 4, 1, 5, 2)
        ab = AB_LIMIT * torch.tanh(patches.flatten(4, 5).flatten(2, 3))
        return crop_like(ab, original)


def relative_position_index(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Return the index of each pair of tokens in the relative position table, NN int64.

    The table has (2 * rows - 1) * (2 * columns - 1) entries, one per offset; the one in the middle is for offset 0.

    Args:
        grid: Rows and columns of tokens.
        device: Device of the result.
    """
    rows, columns = (torch.arange(size, device=device) for size in grid)
    row, column = (index.flatten() for index in torch.meshgrid(rows, columns, indexing="ij"))
    down = row[:, None] - row + grid[0] - 1
    right = column[:, None] - column + grid[1] - 1
    return down * (2 * grid[1] - 1) + right


def resize_table(table: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Resize a table (rows * columns, C) from `old` to `new` rows and columns.

    The interpolation is linear and antialiased, so training on small images updates every entry. It uses matrix
    products instead of `F.interpolate`, so it runs on every device and has a deterministic gradient.
    """
    if old == new:
        return table
    with torch.autocast(table.device.type, enabled=False):
        rows, columns = (_resize_matrix(*sizes, table) for sizes in zip(old, new, strict=True))
        return torch.einsum("ir,jc,rck->ijk", rows, columns, table.view(*old, -1)).flatten(0, 1)


def _resize_matrix(old: int, new: int, like: Tensor) -> Tensor:
    """Return the (new, old) matrix that resizes one axis."""
    # divide tensors rather than the sizes themselves, because torch.compile fails on fractions of dynamic sizes
    position = (torch.arange(new, device=like.device, dtype=like.dtype) + 0.5) * old / new - 0.5
    distance = (position[:, None] - torch.arange(old, device=like.device)).abs()
    weight = F.relu(1 - distance * new / max(new, old))
    return weight / weight.sum(dim=1, keepdim=True)


def _sinusoidal_positions(tokens: int, width: int) -> Tensor:
    """Return sinusoidal position embeddings NC: sine in even channels, cosine in odd ones."""
    wavelength = 10000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] / wavelength
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()


def _named_sequential(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
