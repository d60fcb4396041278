"""Colorful image colorization (Zhang et al. 2016): automatic, from lightness alone, by classification of colors."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.gamut_bins import NUM_GAMUT_BINS, gamut_bins
from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import CLASS_STRIDE
from chromahint.models.layers.lab_scaling import Float32Conv2d, crop_like, pad_amounts
from chromahint.models.layers.zhang import conv3x3, conv_block
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2016,
    input="(L - 50) / 100; takes no hints",
    source="Zhang, Isola, Efros: Colorful Image Colorization (ECCV 2016)",
    recipe="train experiment=zhang_2016",
    variants=(Variant(parameters=32_200_000),),
)


class Zhang2016(nn.Module):
    """Eight blocks that classify every fourth pixel into 313 colors: 32.2 M parameters at the published width.

    The color of a pixel is the annealed mean of the predicted distribution: the mean after its logits are divided by
    the temperature. The network takes no hints.

    Args:
        width: Channels of the first block; the deepest blocks have eight times as many.
        temperature: 1 is the mean of the distribution, which is dull; towards 0, the most likely color, which is vivid
            but changes abruptly between neighboring pixels. The authors chose 0.38.
    """

    num_classes: ClassVar[int] = NUM_GAMUT_BINS

    @validate_arguments("model")
    def __init__(self, width: Width = 64, temperature: Annotated[float, Gt(0), Le(10)] = 0.38) -> None:
        super().__init__()
        self.temperature = temperature
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.model1 = _halving_block(1, w1, num_convs=2)
        self.model2 = _halving_block(w1, w2, num_convs=2)
        self.model3 = _halving_block(w2, w4, num_convs=3)
        self.model4 = conv_block(w4, w8, num_convs=3)
        self.model5 = conv_block(w8, w8, num_convs=3, dilation=2)
        self.model6 = conv_block(w8, w8, num_convs=3, dilation=2)
        self.model7 = conv_block(w8, w8, num_convs=3)
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(w8, w4, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            conv3x3(w4, w4),
            nn.ReLU(inplace=True),
            conv3x3(w4, w4),
            nn.ReLU(inplace=True),
            Float32Conv2d(w4, NUM_GAMUT_BINS, kernel_size=1),
        )
        # the colors of the bins, as the weights of a convolution because released files have them under this name
        self.model_out = Float32Conv2d(NUM_GAMUT_BINS, 2, kernel_size=1, bias=False).requires_grad_(False)
        with torch.no_grad():
            self.model_out.weight.copy_(gamut_bins().T[..., None, None] / AB_LIMIT)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: Not used.

        Returns:
            ab B2HW in Lab units, float32, within -110..110.
        """
        return self.encode(lightness)

    def encode(self, lightness: Tensor) -> Tensor:
        """Predict color, which is the same for any hints, for lightness B1HW in 0..100."""
        return self._color(self._logits(lightness), lightness)

    def propagate(self, encoding: Tensor, hints: Hints) -> Tensor:
        """Return the predicted color."""
        return encoding

    def with_classes(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor]:
        """Predict color, and the logits of the 313 color classes of `gamut_bins`.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: Not used.

        Returns:
            ab B2HW as returned by `forward`, and logits (B, 313, ceil(H/4), ceil(W/4)) float32.
        """
        logits = self._logits(lightness)
        height, width = (-(-size // CLASS_STRIDE) for size in lightness.shape[-2:])
        return self._color(logits, lightness), logits[..., :height, :width]

    def freeze_classes(self) -> None:
        """Do nothing: color comes from the classes, so that a loss of color trains them, too."""

    def _logits(self, lightness: Tensor) -> Tensor:
        padded = F.pad(lightness, pad_amounts(lightness, 8), mode="replicate")
        x = self.model3(self.model2(self.model1((padded - 50) / 100)))
        x = self.model7(self.model6(self.model5(self.model4(x))))
        logits: Tensor = self.model8(x)
        return logits

    def _color(self, logits: Tensor, lightness: Tensor) -> Tensor:
        ab = AB_LIMIT * self.model_out((logits / self.temperature).softmax(dim=1))
        return crop_like(F.interpolate(ab, scale_factor=float(CLASS_STRIDE), mode="bilinear"), lightness)


def _halving_block(in_channels: int, out_channels: int, num_convs: int) -> nn.Sequential:
    """Create a block whose last convolution halves height and width."""
    block = conv_block(in_channels, out_channels, num_convs)
    last = block[-3]
    assert isinstance(last, nn.Conv2d)
    last.stride = (2, 2)
    return block
