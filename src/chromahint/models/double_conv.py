"""What the U-Nets share: double convolution, the way down, the last layer."""

from __future__ import annotations

from torch import Tensor, nn

from chromahint.models.scaling import NEUTRAL, Head, Stem, listen_to_hints


class DoubleConv(nn.Module):
    """Twice (3x3 convolution, BatchNorm, ReLU), at the size of its input.

    Args:
        inputs: channels read.
        outputs: channels written.
        first: what the first convolution is; a `Stem` where the input is a picture.
    """

    def __init__(self, inputs: int, outputs: int, first: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            first(inputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW of `inputs` channels to BCHW of `outputs` channels."""
        features: Tensor = self.double_conv(x)
        return features


class Down(nn.Module):
    """Max-pool by 2, then a double convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to half the height and width, `outputs` channels."""
        features: Tensor = self.maxpool_conv(x)
        return features


class WayDown(nn.Module):
    """A double convolution of the picture and four steps down; a U-Net adds its steps up.

    Args:
        inputs: channels read.
        width: channels of the first level; each level down doubles them.
        neutral_start: whether the first layer hears the hints over the lightness: see `listen_to_hints`.
    """

    def __init__(self, inputs: int, width: int, neutral_start: bool) -> None:
        super().__init__()
        self.inc = DoubleConv(inputs, width, first=Stem)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 16 * width)
        if neutral_start:
            listen_to_hints(self.inc)

    def descend(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Map BCHW, whose H and W are multiples of 16, to the features of each level, the deepest last."""
        skip1 = self.inc(x)
        skip2 = self.down1(skip1)
        skip3 = self.down2(skip2)
        skip4 = self.down3(skip3)
        return skip1, skip2, skip3, skip4, self.down4(skip4)


class OutConv(nn.Module):
    """The last layer: ab on the 8-bit Lab scale, without activation."""

    def __init__(self, inputs: int, neutral_start: bool) -> None:
        super().__init__()
        self.conv = Head(inputs)
        if neutral_start:
            self.conv.start_at(NEUTRAL)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to B2HW float32."""
        ab: Tensor = self.conv(x)
        return ab
