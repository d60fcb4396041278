"""Encoder and decoder blocks of Zhang et al. 2017: blocks 1 to 4 (encoder) and blocks 8 to 10 (decoder)."""

from __future__ import annotations

from torch import Tensor, nn


def conv3x3(
    in_channels: int, out_channels: int, dilation: int = 1, conv_type: type[nn.Conv2d] = nn.Conv2d
) -> nn.Conv2d:
    """Create a 3x3 convolution that preserves height and width."""
    return conv_type(in_channels, out_channels, kernel_size=3, padding=dilation, dilation=dilation)


def conv_block(
    in_channels: int,
    out_channels: int,
    num_convs: int,
    dilation: int = 1,
    conv_type: type[nn.Conv2d] = nn.Conv2d,
) -> nn.Sequential:
    """Create a block of 3x3 convolutions, each followed by a ReLU, with a BatchNorm at the end.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        num_convs: Number of convolutions.
        dilation: Dilation of every convolution.
        conv_type: Type of every convolution; `StemConv2d` if the input is on the 8-bit Lab scale.
    """
    layers: list[nn.Module] = []
    for i in range(num_convs):
        layers += [
            conv3x3(out_channels if i else in_channels, out_channels, dilation, conv_type),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.BatchNorm2d(out_channels))


def global_branch(in_channels: int, out_channels: int) -> nn.Sequential:
    """Create four 1x1 convolutions, each followed by a ReLU and a BatchNorm, for what holds for a whole image."""
    layers: list[nn.Module] = []
    for i in range(4):
        layers += [
            nn.Conv2d(out_channels if i else in_channels, out_channels, kernel_size=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(out_channels),
        ]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Blocks 1 to 4, at full, 1/2, 1/4 and 1/8 resolution. Each block reads every second pixel of the previous one.

    Args:
        in_channels: Number of input channels.
        width: Channels of the first block; each following block doubles them.
        conv_type: Type of the convolutions in block 1; `StemConv2d` if the input is on the 8-bit Lab scale.
    """

    def __init__(self, in_channels: int, width: int, conv_type: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        self.model1 = conv_block(in_channels, width, num_convs=2, conv_type=conv_type)
        self.model2 = conv_block(width, 2 * width, num_convs=2)
        self.model3 = conv_block(2 * width, 4 * width, num_convs=3)
        self.model4 = conv_block(4 * width, 8 * width, num_convs=3)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the output of each block for BCHW, where H and W are multiples of 8."""
        conv1 = self.model1(x)
        conv2 = self.model2(conv1[..., ::2, ::2])
        conv3 = self.model3(conv2[..., ::2, ::2])
        return conv1, conv2, conv3, self.model4(conv3[..., ::2, ::2])


class EncoderDecoder(Encoder):
    """Blocks 1 to 4, and blocks 8 to 10 once `add_decoder` is called. Subclasses define the layers in between."""

    def add_decoder(self, width: int) -> None:
        """Add blocks 8 to 10.

        Call this after creating the subclass's own layers, because optimizer states depend on the parameter order.
        """
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.model8up = nn.Sequential(nn.ConvTranspose2d(w8, w4, kernel_size=4, stride=2, padding=1))
        self.model3short8 = nn.Sequential(conv3x3(w4, w4))
        self.model8 = nn.Sequential(nn.ReLU(inplace=True), *conv_block(w4, w4, num_convs=2))
        self.model9up = nn.Sequential(nn.ConvTranspose2d(w4, w2, kernel_size=4, stride=2, padding=1))
        self.model2short9 = nn.Sequential(conv3x3(w2, w2))
        self.model9 = nn.Sequential(nn.ReLU(inplace=True), *conv_block(w2, w2, num_convs=1))
        self.model10up = nn.Sequential(nn.ConvTranspose2d(w2, w2, kernel_size=4, stride=2, padding=1))
        self.model1short10 = nn.Sequential(conv3x3(w1, w2))
        self.model10 = nn.Sequential(nn.ReLU(inplace=True), conv3x3(w2, w2), nn.LeakyReLU(0.2, inplace=True))

    def decode_quarter(self, deep: Tensor, conv3: Tensor) -> Tensor:
        """Run block 8: upsample features from 1/8 to 1/4 resolution and add those of block 3."""
        features: Tensor = self.model8(self.model8up(deep) + self.model3short8(conv3))
        return features

    def decode_full(self, conv8: Tensor, conv2: Tensor, conv1: Tensor) -> Tensor:
        """Run blocks 9 and 10: upsample the output of block 8 to full resolution and add blocks 2 and 1."""
        conv9 = self.model9(self.model9up(conv8) + self.model2short9(conv2))
        features: Tensor = self.model10(self.model10up(conv9) + self.model1short10(conv1))
        return features
