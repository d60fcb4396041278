"""HSCAU-Net (Gachon University, 2022): a U-Net whose skips are gated by where, by what, and by the hints.

Each skip becomes skip * S(skip) * C(skip) * H(hint): spatial attention, channel attention, and a gate that the hint
colors open and close.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import crop_like, pad_to_multiple, to_eight_bit
from chromahint.models.layers.unet import DoubleConv, UNetBase
from chromahint.models.registry import ModelInfo, Variant

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


class SpatialAttention(nn.Module):
    """Which places count: a 7x7 convolution over the channels' mean and maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to a gate B1HW in 0..1."""
        # with channels last, mean and max keep that layout on the way back, at a third of the time
        pixels = x.movedim(1, -1)
        return torch.sigmoid(self.conv1(torch.stack([pixels.mean(dim=-1), pixels.max(dim=-1).values], dim=1)))


class ChannelAttention(nn.Module):
    """Which channels count: one small network over the places' mean and over their maximum (CBAM, Woo et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(1, channels // 16)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1, bias=False)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to a gate (B, C, 1, 1) in 0..1."""
        exporting = torch.compiler.is_exporting()  # of a window of any size, only of a fixed one
        mean = x.mean(dim=(2, 3), keepdim=True) if exporting else F.avg_pool2d(x, x.shape[-2:])
        maximum = F.adaptive_max_pool2d(x, 1)
        return torch.sigmoid(self.fc2(F.relu(self.fc1(mean))) + self.fc2(F.relu(self.fc1(maximum))))


class GatedUp(nn.Module):
    """Double the size with a transposed convolution, join the gated skip, double convolution."""

    def __init__(self, inputs: int, channel: nn.Module) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(inputs, inputs // 2)
        self.sp = SpatialAttention()
        self.ch = channel
        self.conv_1by1 = nn.Conv2d(2, 1, kernel_size=1, bias=False)

    def forward(self, x: Tensor, skip: Tensor, hint_ab: Tensor) -> Tensor:
        """Map x (B, C, H, W), skip (B, C/2, 2H, 2W) and scaled hint ab B2hw of any size to (B, C/2, 2H, 2W)."""
        hint = F.interpolate(hint_ab, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        where = self.sp(skip) * torch.sigmoid(self.conv_1by1(hint))
        features: Tensor = self.conv(torch.cat([skip * where * self.ch(skip), self.up(x)], dim=1))
        return features


class HSCAUNet(UNetBase):
    """A U-Net with gated skips: 31.1 M parameters at the published width.

    Args:
        width: channels of the first level; each level down doubles them.
        channel_attention: `cbam` is the project's design; `spatial` is its released code, where a second spatial
            attention sits in that place, and is what its released weights need.
        zero_init_head: an untrained network predicts no color (ab = 0) rather than noise around ab = -128, and
            hears the hints over the lightness: see `zero_init_lightness_weights`.
    """

    def __init__(
        self,
        width: int = 64,
        channel_attention: Literal["cbam", "spatial"] = "cbam",
        zero_init_head: bool = True,
    ) -> None:
        def gated_up(inputs: int) -> GatedUp:
            spatial = channel_attention == "spatial"
            return GatedUp(inputs, SpatialAttention() if spatial else ChannelAttention(inputs // 2))

        super().__init__(4, width, gated_up, zero_init_head)
        if channel_attention == "spatial":
            # released weights hold these four tensors under both names
            self.ch1, self.ch2, self.ch3, self.ch4 = self.up1.ch, self.up2.ch, self.up3.ch, self.up4.ch

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        scaled = to_eight_bit(*pad_to_multiple(lightness, hints, 16))
        return crop_like(self.predict(scaled, scaled[:, 1:3]), lightness)
