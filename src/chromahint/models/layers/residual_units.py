"""Residual units of encoders and decoders."""

from __future__ import annotations

from torch import Tensor, nn

from chromahint.models.layers.attention import ChannelAttention, SpatialAttention
from chromahint.models.layers.lab_scaling import StemConv2d


class ResidualUnit(nn.Module):
    """Pre-activation residual unit: two 3x3 convolutions, plus a 1x1 shortcut with BatchNorm.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        stride: Stride of the first convolution; 2 halves height and width.
        preactivate: Whether BatchNorm and ReLU precede the first convolution. False for the first unit of a network,
            which reads the image.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, preactivate: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.activation = (
            nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True)) if preactivate else nn.Identity()
        )
        first_conv = nn.Conv2d if preactivate else StemConv2d
        self.body = self._build_body(in_channels, out_channels, stride, first_conv)
        # no bias: the BatchNorm would subtract it again
        self.shortcut = nn.Sequential(
            first_conv(in_channels, out_channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        # slice instead of a strided 1x1 convolution, which on CPUs writes out of bounds for channels-last inputs with
        # few channels
        sliced = x[..., :: self.stride, :: self.stride]
        features: Tensor = self.body(self.activation(x))
        shortcut: Tensor = self.shortcut(sliced)
        return features + shortcut.to(features.dtype)

    def _build_body(
        self, in_channels: int, out_channels: int, stride: int, first_conv: type[nn.Conv2d]
    ) -> nn.Sequential:
        return nn.Sequential(
            first_conv(in_channels, out_channels, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1),
        )


class LightResidualUnit(ResidualUnit):
    """Residual unit whose branch has depthwise separable convolutions, and channel and spatial attention.

    After the attention-driven light residual blocks of ALResNet (Lu et al. 2021). The publication does not color
    images, so the details are ours: the unit is pre-activated, like those that it replaces, the attention is that of
    CBAM, and the first convolution of a network stays a full one, as it reads four channels only. The arguments are
    those of `ResidualUnit`.
    """

    def _build_body(
        self, in_channels: int, out_channels: int, stride: int, first_conv: type[nn.Conv2d]
    ) -> nn.Sequential:
        reads_image = first_conv is StemConv2d
        return nn.Sequential(
            first_conv(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)
            if reads_image
            else _separable_conv(in_channels, out_channels, stride),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            _separable_conv(out_channels, out_channels),
            Gated(ChannelAttention(out_channels)),
            Gated(SpatialAttention()),
        )


class Gated(nn.Module):
    """Multiplies features by a gate that is computed from them.

    Args:
        gate: Maps BCHW to BCHW, or to 1 in place of any of C, H and W.
    """

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to BCHW."""
        gated: Tensor = x * self.gate(x)
        return gated


def _separable_conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Create a 3x3 convolution of each channel by itself, followed by a 1x1 convolution."""
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, kernel_size=3, stride=stride, padding=1, groups=in_channels, bias=False),
        nn.Conv2d(in_channels, out_channels, kernel_size=1),
    )
