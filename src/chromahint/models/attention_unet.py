"""Attention U-Net (Oktay et al. 2018): a U-Net with attention gates on its skip connections."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import crop_like, pad_to_multiple, to_lab8
from chromahint.models.layers.unet import UNetBase
from chromahint.models.registry import ModelInfo
from chromahint.models.unet import Up
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2018,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="Oktay et al.: Attention U-Net: Learning Where to Look for the Pancreas (2018)",
    recipe="train experiment=attention_unet_2018",
)


class AttentionGate(nn.Module):
    """Additive attention gate, as defined by the equations of the paper, without BatchNorm.

    The gate is sigmoid(joint(relu(skip(s) + decoder(x)))), with 1x1 convolutions to half the channels, and to one. The
    paper uses decoder features at the coarser resolution as x; here x is already upsampled for the concatenation, so
    the gate needs no resampling.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(channels, channels // 2, kernel_size=1, bias=False)
        self.decoder = nn.Conv2d(channels, channels // 2, kernel_size=1)
        self.joint = nn.Conv2d(channels // 2, 1, kernel_size=1)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """Multiply each pixel of the skip BCHW by a gate in 0..1, given decoder features x BCHW."""
        return skip * torch.sigmoid(self.joint(F.relu(self.skip(skip) + self.decoder(x))))


class AttentionUp(Up):
    """Upsampling step: a transposed convolution, concatenation with the gated skip, and a double convolution."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels)
        self.gate = AttentionGate(in_channels // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map x (B, C, H, W) and skip (B, C/2, 2H, 2W) to (B, C/2, 2H, 2W)."""
        x = self.up(x)
        features: Tensor = self.conv(torch.cat([self.gate(skip, x), x], dim=1))
        return features


class AttentionUNet(UNetBase):
    """U-Net with attention gates: 31.4 M parameters at the published width of U-Net.

    Args:
        width: Channels of the first level; each level doubles them.
        mask: Whether the hint mask is an input. The course project that used this network only had L and hint ab.
        zero_init_head: Whether the untrained network predicts no color (ab = 0) instead of noise around ab = -128, and
            weighs hints over lightness; see `scale_hint_weights`.
    """

    @validate_arguments("model")
    def __init__(self, width: Width = 64, mask: bool = True, zero_init_head: bool = True) -> None:
        super().__init__(4 if mask else 3, width, AttentionUp, zero_init_head)
        self.mask = mask

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        x = to_lab8(*pad_to_multiple(lightness, hints, 16), include_mask=self.mask)
        return crop_like(self.predict(x), lightness)
