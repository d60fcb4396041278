"""What networks on the plan of Zhang et al. 2017 share: blocks 1 to 4 on the way down and 8 to 10 on the way up."""

from __future__ import annotations

from torch import Tensor, nn


def conv(inputs: int, outputs: int, dilation: int = 1, kind: type[nn.Conv2d] = nn.Conv2d) -> nn.Conv2d:
    """A 3x3 convolution that keeps height and width."""
    return kind(inputs, outputs, kernel_size=3, padding=dilation, dilation=dilation)


def block(inputs: int, outputs: int, convs: int, dilation: int = 1, kind: type[nn.Conv2d] = nn.Conv2d) -> nn.Sequential:
    """Convolutions with a ReLU after each, and BatchNorm at the end.

    Args:
        inputs: channels read.
        outputs: channels written.
        convs: how many convolutions.
        dilation: of each of them.
        kind: what they are; each a `Stem` where the input is on the 8-bit Lab scale.
    """
    layers: list[nn.Module] = []
    for i in range(convs):
        layers += [conv(outputs if i else inputs, outputs, dilation, kind), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))


class Encoder(nn.Module):
    """Blocks 1 to 4, at full, 1/2, 1/4 and 1/8 size: every second pixel goes on to the next.

    Args:
        inputs: channels read.
        width: channels of the first block; each one after it has twice as many.
        kind: what the convolutions of block 1 are; each a `Stem` where the input is on the 8-bit Lab scale.
    """

    def __init__(self, inputs: int, width: int, kind: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        self.model1 = block(inputs, width, convs=2, kind=kind)
        self.model2 = block(width, 2 * width, convs=2)
        self.model3 = block(2 * width, 4 * width, convs=3)
        self.model4 = block(4 * width, 8 * width, convs=3)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Map BCHW, whose H and W are multiples of 8, to what each block makes of it."""
        conv1 = self.model1(x)
        conv2 = self.model2(conv1[..., ::2, ::2])
        conv3 = self.model3(conv2[..., ::2, ::2])
        return conv1, conv2, conv3, self.model4(conv3[..., ::2, ::2])


class EncoderDecoder(Encoder):
    """Blocks 1 to 4, and 8 to 10 once `add_decoder` was called; what lies between is a network's own."""

    def add_decoder(self, width: int) -> None:
        """Add blocks 8 to 10, after a network's own blocks: optimizer states know weights by their order."""
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.model8up = nn.Sequential(nn.ConvTranspose2d(w8, w4, kernel_size=4, stride=2, padding=1))
        self.model3short8 = nn.Sequential(conv(w4, w4))
        self.model8 = nn.Sequential(nn.ReLU(inplace=True), *block(w4, w4, convs=2))
        self.model9up = nn.Sequential(nn.ConvTranspose2d(w4, w2, kernel_size=4, stride=2, padding=1))
        self.model2short9 = nn.Sequential(conv(w2, w2))
        self.model9 = nn.Sequential(nn.ReLU(inplace=True), *block(w2, w2, convs=1))
        self.model10up = nn.Sequential(nn.ConvTranspose2d(w2, w2, kernel_size=4, stride=2, padding=1))
        self.model1short10 = nn.Sequential(conv(w1, w2))
        self.model10 = nn.Sequential(nn.ReLU(inplace=True), conv(w2, w2), nn.LeakyReLU(0.2, inplace=True))

    def decode_quarter(self, deep: Tensor, conv3: Tensor) -> Tensor:
        """Block 8: map features at 1/8 size to 1/4 size, joined by those of block 3."""
        features: Tensor = self.model8(self.model8up(deep) + self.model3short8(conv3))
        return features

    def decode_full(self, conv8: Tensor, conv2: Tensor, conv1: Tensor) -> Tensor:
        """Blocks 9 and 10: map what block 8 made to full size, joined by the features of blocks 2 and 1."""
        conv9 = self.model9(self.model9up(conv8) + self.model2short9(conv2))
        features: Tensor = self.model10(self.model10up(conv9) + self.model1short10(conv1))
        return features
