"""U-Net (Ronneberger et al. 2015) as the 2022 course project builds it: HSCAU-Net without its gates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import crop_like, pad_to_multiple, to_eight_bit
from chromahint.models.layers.unet import DoubleConv, UNetBase
from chromahint.models.registry import ModelInfo, Variant

MODEL_INFO = ModelInfo(
    year=2015,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="Ronneberger, Fischer, Brox: U-Net (MICCAI 2015); HSCAU-Net without gates",
    variants=(Variant(parameters=31_038_274),),
)


class Up(nn.Module):
    """Double the size with a transposed convolution, join the skip, double convolution."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(inputs, inputs // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map x (B, C, H, W) and skip (B, C/2, 2H, 2W) to (B, C/2, 2H, 2W)."""
        features: Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return features


class UNet(UNetBase):
    """Four levels down and up, 31.0 M parameters at the published width: what HSCAU-Net's gates are compared with.

    Args:
        width: channels of the first level; each level down doubles them.
        zero_init_head: an untrained network predicts no color (ab = 0) rather than noise around ab = -128, and
            hears the hints over the lightness: see `zero_init_lightness_weights`.
    """

    def __init__(self, width: int = 64, zero_init_head: bool = True) -> None:
        super().__init__(4, width, Up, zero_init_head)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        scaled = to_eight_bit(*pad_to_multiple(lightness, hints, 16))
        return crop_like(self.predict(scaled), lightness)
