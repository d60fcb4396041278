"""What the U-Nets share: double convolution, the U they go down and up, the last layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from chromahint.models.layers.lab_scaling import NEUTRAL, Head, Stem, from_eight_bit, zero_init_lightness_weights


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

    def __init__(self, inputs: int, zero_init_head: bool) -> None:
        super().__init__()
        self.conv = Head(inputs)
        if zero_init_head:
            self.conv.init_bias(NEUTRAL)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to B2HW float32."""
        ab: Tensor = self.conv(x)
        return ab


class UNetBase(nn.Module):
    """A double convolution of the picture, four steps down, four up that join the skips, and the last layer.

    Args:
        inputs: channels read.
        width: channels of the first level; each level down doubles them.
        up: makes a step up that reads so many channels: `step(x, skip, *more)` maps x (B, C, H, W) and skip
            (B, C/2, 2H, 2W) to (B, C/2, 2H, 2W).
        zero_init_head: whether the last layer predicts no color until it is trained, and the first hears the hints over
            the lightness: see `zero_init_lightness_weights`.
    """

    def __init__(self, inputs: int, width: int, up: Callable[[int], nn.Module], zero_init_head: bool) -> None:
        super().__init__()
        self.inc = DoubleConv(inputs, width, first=Stem)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 16 * width)
        self.up1 = up(16 * width)
        self.up2 = up(8 * width)
        self.up3 = up(4 * width)
        self.up4 = up(2 * width)
        self.outc = OutConv(width, zero_init_head)
        if zero_init_head:
            zero_init_lightness_weights(self.inc)

    def predict(self, scaled: Tensor, *more: Tensor) -> Tensor:
        """Map BCHW on the 8-bit Lab scale, whose H and W are multiples of 16, to ab B2HW in Lab units.

        Args:
            scaled: what the first layer reads.
            more: what each step up hears besides its features and its skip.
        """
        skip1 = self.inc(scaled)
        skip2 = self.down1(skip1)
        skip3 = self.down2(skip2)
        skip4 = self.down3(skip3)
        x = self.up1(self.down4(skip4), skip4, *more)
        x = self.up2(x, skip3, *more)
        x = self.up3(x, skip2, *more)
        x = self.up4(x, skip1, *more)
        return from_eight_bit(self.outc(x))
