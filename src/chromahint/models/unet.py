"""U-Net (Ronneberger et al. 2015) in the variant of the 2022 course project: HSCAU-Net without its gates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import crop_like, pad_to_multiple, to_lab8
from chromahint.models.layers.unet import DoubleConv, UNetBase
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2015,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="Ronneberger, Fischer, Brox: U-Net (MICCAI 2015); HSCAU-Net without gates",
    variants=(Variant(parameters=31_038_274),),
)


class Up(nn.Module):
    """Upsampling step: a transposed convolution, concatenation with the skip, and a double convolution."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(in_channels, in_channels // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map x (B, C, H, W) and skip (B, C/2, 2H, 2W) to (B, C/2, 2H, 2W)."""
        features: Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return features


class UNet(UNetBase):
    """U-Net with four downsampling steps: 31.0 M parameters at the published width.

    Args:
        width: Channels of the first level; each level doubles them.
        zero_init_head: Whether the untrained network predicts no color (ab = 0) instead of noise around ab = -128, and
            weighs hints over lightness; see `scale_hint_weights`.
    """

    @validate_arguments("model")
    def __init__(self, width: Width = 64, zero_init_head: bool = True) -> None:
        super().__init__(4, width, Up, zero_init_head)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        return crop_like(self.predict(to_lab8(*pad_to_multiple(lightness, hints, 16))), lightness)
