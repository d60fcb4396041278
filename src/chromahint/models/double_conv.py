"""The blocks that U-Net and HSCAU-Net share: double convolution, a step down, the last layer."""

from __future__ import annotations

from torch import Tensor, nn

from chromahint.models.scaling import NEUTRAL, Head


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
