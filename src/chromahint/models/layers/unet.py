"""U-Net building blocks: double convolution, downsampling, output layer and the encoder-decoder skeleton."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from chromahint.models.layers.lab_scaling import NEUTRAL_AB, ABHead, StemConv2d, from_lab8, scale_hint_weights


class DoubleConv(nn.Module):
    """Two blocks of 3x3 convolution, BatchNorm and ReLU.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        first_conv: Type of the first convolution; `StemConv2d` if the input is on the 8-bit Lab scale.
    """

    def __init__(self, in_channels: int, out_channels: int, first_conv: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            first_conv(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H, W)."""
        features: Tensor = self.double_conv(x)
        return features


class Down(nn.Module):
    """2x2 max pooling followed by a double convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(in_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H/2, W/2)."""
        features: Tensor = self.maxpool_conv(x)
        return features


class OutConv(nn.Module):
    """Output layer: ab on the 8-bit Lab scale, without an activation."""

    def __init__(self, in_channels: int, zero_init_head: bool) -> None:
        super().__init__()
        self.conv = ABHead(in_channels)
        if zero_init_head:
            self.conv.init_bias(NEUTRAL_AB)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to B2HW float32."""
        ab: Tensor = self.conv(x)
        return ab


class UNetBase(nn.Module):
    """Encoder-decoder skeleton: a double convolution, four downsampling and four upsampling steps, and an output layer.

    Args:
        in_channels: Number of input channels.
        width: Channels of the first level; each level doubles them.
        build_up: Function that builds an upsampling step for a number of input channels C. The step's
            `forward(x, skip, *extra)` maps x (B, C, H, W) and skip (B, C/2, 2H, 2W) to (B, C/2, 2H, 2W).
        zero_init_head: Whether the untrained network predicts no color and weighs hints over lightness; see
            `scale_hint_weights`.
    """

    def __init__(
        self, in_channels: int, width: int, build_up: Callable[[int], nn.Module], zero_init_head: bool
    ) -> None:
        super().__init__()
        self.inc = DoubleConv(in_channels, width, first_conv=StemConv2d)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 16 * width)
        self.up1 = build_up(16 * width)
        self.up2 = build_up(8 * width)
        self.up3 = build_up(4 * width)
        self.up4 = build_up(2 * width)
        self.outc = OutConv(width, zero_init_head)
        if zero_init_head:
            scale_hint_weights(self.inc)

    def predict(self, x: Tensor, *extra: Tensor) -> Tensor:
        """Predict ab B2HW in Lab units.

        Args:
            x: Input BCHW on the 8-bit Lab scale; H and W are multiples of 16.
            extra: Additional inputs that every upsampling step receives.
        """
        skip1 = self.inc(x)
        skip2 = self.down1(skip1)
        skip3 = self.down2(skip2)
        skip4 = self.down3(skip3)
        x = self.up1(self.down4(skip4), skip4, *extra)
        x = self.up2(x, skip3, *extra)
        x = self.up3(x, skip2, *extra)
        x = self.up4(x, skip1, *extra)
        return from_lab8(self.outc(x))
