"""Encoder that sees the whole image at low resolution, where things can be recognized by their shape.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INPUT_SIZE = 128
"""Height and width that an image is squashed to, in pixels."""

GRID_SIZE = 32
"""Height and width of the grid of output features."""

_HEAD_CHANNELS = 48


class SemanticEncoder(nn.Module):
    """U-Net with self-attention at its bottom, from 128x128 pixels of lightness to a 32x32 grid of features.

    Args:
        channels: Features of the 32x32 grid. The 16x16 and 8x8 grids inside have two and four times as many.
        attention_blocks: Blocks of self-attention between the 8x8 cells at the bottom.
    """

    def __init__(self, channels: int, attention_blocks: int) -> None:
        super().__init__()
        middle, bottom = 2 * channels, 4 * channels
        self.stem = nn.Conv2d(1, 16, kernel_size=3, stride=2, padding=1)
        self.input = nn.Conv2d(5 * 16, channels, kernel_size=3, padding=1)
        self.encoder = nn.ModuleList([_residual_blocks(channels), _residual_blocks(middle)])
        self.downsample = nn.ModuleList(
            [nn.Conv2d(channels, middle, 2, stride=2), nn.Conv2d(middle, bottom, 2, stride=2)]
        )
        self.position = nn.Parameter(torch.zeros(1, bottom, GRID_SIZE // 4, GRID_SIZE // 4))
        blocks: list[nn.Module] = []
        for index in range(attention_blocks):
            blocks += [ResidualBlock(bottom)] if index < 2 else []
            blocks += [SelfAttentionBlock(bottom, heads=max(1, bottom // _HEAD_CHANNELS))]
        self.bottom = nn.Sequential(*blocks)
        self.upsample = nn.ModuleList(
            [nn.ConvTranspose2d(middle, channels, 2, stride=2), nn.ConvTranspose2d(bottom, middle, 2, stride=2)]
        )
        self.decoder = nn.ModuleList([_residual_blocks(channels), _residual_blocks(middle)])

    def forward(self, lightness: Tensor) -> Tensor:
        """Compute features BCHW of the grid from lightness B1HW in 0..100, of `INPUT_SIZE` pixels."""
        x = (lightness - 50) / 50
        halved = F.relu(self.stem(x))
        fine = self.encoder[0](self.input(torch.cat([F.pixel_unshuffle(halved, 2), F.pixel_unshuffle(x, 4)], dim=1)))
        middle = self.encoder[1](self.downsample[0](fine))
        bottom = self.bottom(self.downsample[1](middle) + self.position)
        middle = self.decoder[1](middle + self.upsample[1](bottom))
        return F.relu(self.decoder[0](fine + self.upsample[0](middle)))


class ResidualBlock(nn.Module):
    """Pre-activation residual block (He et al. 2016) that starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            _zero_init(nn.Conv2d(channels, channels, kernel_size=3, padding=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to BCHW."""
        y: Tensor = x + self.layers(x)
        return y


class SelfAttentionBlock(nn.Module):
    """Pre-norm transformer block over all cells of a grid that starts as the identity."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(1, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, kernel_size=1)
        self.output = _zero_init(nn.Conv2d(channels, channels, kernel_size=1))
        self.mlp = nn.Sequential(
            nn.GroupNorm(1, channels),
            nn.Conv2d(channels, 3 * channels, kernel_size=1),
            nn.GELU(),
            _zero_init(nn.Conv2d(3 * channels, channels, kernel_size=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to BCHW."""
        batch, channels, height, width = x.shape
        heads = self.qkv(self.norm(x)).reshape(batch, 3, self.heads, channels // self.heads, height * width)
        query, key, value = heads.transpose(3, 4).unbind(dim=1)
        attended = F.scaled_dot_product_attention(query, key, value)
        x = x + self.output(attended.transpose(2, 3).reshape(x.shape))
        y: Tensor = x + self.mlp(x)
        return y


def _residual_blocks(channels: int) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(channels), ResidualBlock(channels))


def _zero_init(conv: nn.Conv2d) -> nn.Conv2d:
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv
