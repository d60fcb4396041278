"""Deep Residual U-Net (Zhang, Liu, Wang 2018), the network chosen by the 2021 course project."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import (
    NEUTRAL_AB,
    ABHead,
    crop_like,
    from_lab8,
    pad_to_multiple,
    scale_hint_weights,
    to_lab8,
)
from chromahint.models.layers.residual_units import LightResidualUnit, ResidualUnit
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2018,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="Zhang, Liu, Wang: Road Extraction by Deep Residual U-Net (GRSL 2018)",
    recipe="train experiment=resunet_2021",
    variants=(Variant(parameters=8_220_000), Variant({"blocks": "alresnet"})),
)


class ResUNet(nn.Module):
    """U-Net of residual units with three downsampling steps: 8.22 M parameters at the published width.

    Args:
        width: Channels of the first level; each level doubles them.
        mask: Whether the hint mask is an input. The 2021 project only had L and hint ab.
        blocks: Units of the encoder: `residual` as published, or `alresnet`, the lighter `LightResidualUnit`. The
            decoder has residual units.
        output: Output activation: `linear`, or `tanh` as in the 2021 project.
        zero_init_head: Whether the untrained network predicts no color (ab = 0) instead of noise around ab = -128, and
            weighs hints over lightness; see `scale_hint_weights`.
    """

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 64,
        mask: bool = True,
        blocks: Literal["residual", "alresnet"] = "residual",
        output: Literal["linear", "tanh"] = "linear",
        zero_init_head: bool = True,
    ) -> None:
        super().__init__()
        self.mask = mask
        self.output = output
        unit = ResidualUnit if blocks == "residual" else LightResidualUnit
        self.encoder1 = unit(4 if mask else 3, width, preactivate=False)
        self.encoder2 = unit(width, 2 * width, stride=2)
        self.encoder3 = unit(2 * width, 4 * width, stride=2)
        self.bridge = unit(4 * width, 8 * width, stride=2)
        self.decoder1 = ResidualUnit((8 + 4) * width, 4 * width)
        self.decoder2 = ResidualUnit((4 + 2) * width, 2 * width)
        self.decoder3 = ResidualUnit((2 + 1) * width, width)
        self.head = ABHead(width)
        if zero_init_head:
            self.head.init_bias(math.atanh(NEUTRAL_AB) if output == "tanh" else NEUTRAL_AB)
            scale_hint_weights(self.encoder1.body)
            scale_hint_weights(self.encoder1.shortcut)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        skip1 = self.encoder1(to_lab8(*pad_to_multiple(lightness, hints, 8), include_mask=self.mask))
        skip2 = self.encoder2(skip1)
        skip3 = self.encoder3(skip2)
        x = self.decoder1(_upsample_and_concat(self.bridge(skip3), skip3))
        x = self.decoder2(_upsample_and_concat(x, skip2))
        x = self.decoder3(_upsample_and_concat(x, skip1))
        ab = self.head(x)
        return crop_like(from_lab8(torch.tanh(ab) if self.output == "tanh" else ab), lightness)


def _upsample_and_concat(x: Tensor, skip: Tensor) -> Tensor:
    return torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1)
