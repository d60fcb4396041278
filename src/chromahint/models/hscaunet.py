"""HSCAU-Net (Gachon University, 2022): a U-Net whose skips are gated by spatial, channel and hint attention.

Each skip becomes skip * S(skip) * C(skip) * H(hint), with spatial attention S, channel attention C, and a gate H
computed from the hint colors.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.attention import ChannelAttention, SpatialAttention
from chromahint.models.layers.lab_scaling import crop_like, pad_to_multiple, to_lab8
from chromahint.models.layers.unet import DoubleConv, UNetBase
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2022,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="HSCAU-Net, Hint- and Spatial-Channel Attention U-Net (Gachon University course project)",
    recipe="train experiment=hscaunet_2022",
    variants=(
        Variant({"channel_attention": "cbam"}, parameters=31_082_194),
        Variant({"channel_attention": "spatial"}, parameters=31_039_066),
    ),
)


class GatedUp(nn.Module):
    """Upsampling step: a transposed convolution, concatenation with the gated skip, and a double convolution."""

    def __init__(self, in_channels: int, channel_attention: nn.Module) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(in_channels, in_channels // 2)
        self.sp = SpatialAttention()
        self.ch = channel_attention
        self.conv_1by1 = nn.Conv2d(2, 1, kernel_size=1, bias=False)

    def forward(self, x: Tensor, skip: Tensor, hint_ab: Tensor) -> Tensor:
        """Map x (B, C, H, W), skip (B, C/2, 2H, 2W) and hint ab B2hw of any size to (B, C/2, 2H, 2W)."""
        hint = F.interpolate(hint_ab, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        gate = self.sp(skip) * torch.sigmoid(self.conv_1by1(hint))
        features: Tensor = self.conv(torch.cat([skip * gate * self.ch(skip), self.up(x)], dim=1))
        return features


class HSCAUNet(UNetBase):
    """U-Net with gated skips: 31.1 M parameters at the published width.

    Args:
        width: Channels of the first level; each level doubles them.
        channel_attention: `cbam` is the design of the paper. `spatial` is the released code, which uses a second
            spatial attention instead; the released weights need it.
        zero_init_head: Whether the untrained network predicts no color (ab = 0) instead of noise around ab = -128, and
            weighs hints over lightness; see `scale_hint_weights`.
    """

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 64,
        channel_attention: Literal["cbam", "spatial"] = "cbam",
        zero_init_head: bool = True,
    ) -> None:
        def build_up(in_channels: int) -> GatedUp:
            spatial = channel_attention == "spatial"
            return GatedUp(in_channels, SpatialAttention() if spatial else ChannelAttention(in_channels // 2))

        super().__init__(4, width, build_up, zero_init_head)
        if channel_attention == "spatial":
            # the released weights contain these four modules under both names
            self.ch1, self.ch2, self.ch3, self.ch4 = self.up1.ch, self.up2.ch, self.up3.ch, self.up4.ch

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        x = to_lab8(*pad_to_multiple(lightness, hints, 16))
        return crop_like(self.predict(x, x[:, 1:3]), lightness)
