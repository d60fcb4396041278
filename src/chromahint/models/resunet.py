"""Deep Residual U-Net (Zhang, Liu, Wang 2018), the network that the 2021 course project selected."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import (
    NEUTRAL,
    Head,
    Stem,
    crop_like,
    from_eight_bit,
    pad_to_multiple,
    to_eight_bit,
    zero_init_lightness_weights,
)
from chromahint.models.registry import ModelInfo, Variant

MODEL_INFO = ModelInfo(
    year=2018,
    input="L, hint ab, mask; 8-bit Lab / 255",
    source="Zhang, Liu, Wang: Road Extraction by Deep Residual U-Net (GRSL 2018)",
    recipe="train experiment=resunet_2021",
    variants=(Variant(parameters=8_220_000),),
)


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions with BatchNorm and ReLU before each, plus a 1x1 shortcut with BatchNorm.

    Args:
        inputs: channels read.
        outputs: channels written.
        stride: of the first convolution; 2 halves height and width.
        activate: whether BatchNorm and ReLU come before the first convolution; not so where the input is a picture.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, activate: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.activation = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)) if activate else nn.Identity()
        first = nn.Conv2d if activate else Stem
        self.body = nn.Sequential(
            first(inputs, outputs, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1),
        )
        # the BatchNorm that follows takes a constant away again, so a bias would never learn
        self.shortcut = nn.Sequential(
            first(inputs, outputs, kernel_size=1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to `outputs` channels, at half the size with stride 2."""
        # a 1x1 convolution with a stride writes past its memory on a processor, with channels last and few channels
        skipped = x[..., :: self.stride, :: self.stride]
        features: Tensor = self.body(self.activation(x))
        skipped_features: Tensor = self.shortcut(skipped)
        return features + skipped_features.to(features.dtype)


class ResUNet(nn.Module):
    """Three levels of residual units down and up: 8.22 M parameters at the published width.

    Args:
        width: channels of the first level; each level down doubles them.
        mask: whether the hints' mask is an input; the 2021 project gave L and hint ab only.
        output: `linear`, or `tanh` as the 2021 project ended its networks.
        zero_init_head: an untrained network predicts no color (ab = 0) rather than noise around ab = -128, and
            hears the hints over the lightness: see `zero_init_lightness_weights`.
    """

    def __init__(
        self,
        width: int = 64,
        mask: bool = True,
        output: Literal["linear", "tanh"] = "linear",
        zero_init_head: bool = True,
    ) -> None:
        super().__init__()
        self.mask = mask
        self.output = output
        self.encoder1 = ResidualUnit(4 if mask else 3, width, activate=False)
        self.encoder2 = ResidualUnit(width, 2 * width, stride=2)
        self.encoder3 = ResidualUnit(2 * width, 4 * width, stride=2)
        self.bridge = ResidualUnit(4 * width, 8 * width, stride=2)
        self.decoder1 = ResidualUnit((8 + 4) * width, 4 * width)
        self.decoder2 = ResidualUnit((4 + 2) * width, 2 * width)
        self.decoder3 = ResidualUnit((2 + 1) * width, width)
        self.head = Head(width)
        if zero_init_head:
            self.head.init_bias(math.atanh(NEUTRAL) if output == "tanh" else NEUTRAL)
            zero_init_lightness_weights(self.encoder1.body)
            zero_init_lightness_weights(self.encoder1.shortcut)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        skip1 = self.encoder1(to_eight_bit(*pad_to_multiple(lightness, hints, 8), mask=self.mask))
        skip2 = self.encoder2(skip1)
        skip3 = self.encoder3(skip2)
        x = self.decoder1(_enlarge_and_join(self.bridge(skip3), skip3))
        x = self.decoder2(_enlarge_and_join(x, skip2))
        x = self.decoder3(_enlarge_and_join(x, skip1))
        ab = self.head(x)
        return crop_like(from_eight_bit(torch.tanh(ab) if self.output == "tanh" else ab), lightness)


def _enlarge_and_join(x: Tensor, skip: Tensor) -> Tensor:
    return torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1)
