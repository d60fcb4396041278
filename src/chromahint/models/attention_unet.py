"""Attention U-Net (Oktay et al. 2018): a U-Net whose decoder decides which places of each skip it hears."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import crop_like, pad_to_multiple, to_eight_bit
from chromahint.models.layers.unet import UNetBase
from chromahint.models.registry import ModelInfo
from chromahint.models.unet import Up

MODEL_INFO = ModelInfo(
    year=2018,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="Oktay et al.: Attention U-Net: Learning Where to Look for the Pancreas (2018)",
    recipe="train experiment=attention_unet_2018",
)


class AttentionGate(nn.Module):
    """Additive attention as the paper's equations have it, at the size of the skip and without BatchNorm.

    Skip and decoder's features are mapped to half as many channels each, one bias between them, and summed; ReLU, one
    channel, sigmoid. The paper's decoder speaks from the coarser size; here its features are those already enlarged for
    the concatenation, so that nothing has to be resampled.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(channels, channels // 2, kernel_size=1, bias=False)
        self.decoder = nn.Conv2d(channels, channels // 2, kernel_size=1)
        self.joint = nn.Conv2d(channels // 2, 1, kernel_size=1)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """Weigh each place of the skip BCHW by 0..1, given the decoder's features x BCHW."""
        return skip * torch.sigmoid(self.joint(F.relu(self.skip(skip) + self.decoder(x))))


class AttentionUp(Up):
    """Double the size with a transposed convolution, join the gated skip, double convolution."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.gate = AttentionGate(inputs // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map x (B, C, H, W) and skip (B, C/2, 2H, 2W) to (B, C/2, 2H, 2W)."""
        x = self.up(x)
        features: Tensor = self.conv(torch.cat([self.gate(skip, x), x], dim=1))
        return features


class AttentionUNet(UNetBase):
    """A U-Net with gated skips: 31.4 M parameters at the width U-Net was published with.

    Args:
        width: channels of the first level; each level down doubles them.
        mask: whether the hints' mask is an input; the course project that used this network gave L and hint ab only.
        zero_init_head: an untrained network predicts no color (ab = 0) rather than noise around ab = -128, and
            hears the hints over the lightness: see `zero_init_lightness_weights`.
    """

    def __init__(self, width: int = 64, mask: bool = True, zero_init_head: bool = True) -> None:
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
        scaled = to_eight_bit(*pad_to_multiple(lightness, hints, 16), mask=self.mask)
        return crop_like(self.predict(scaled), lightness)
