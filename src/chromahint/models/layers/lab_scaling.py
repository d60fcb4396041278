"""Input and output layers: Lab scaling, padding to multiples of the stride, and convolutions that stay in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints

NEUTRAL_AB = 128 / 255
"""Value of ab = 0 (gray) on the 8-bit Lab scale, which the course projects of 2021 and 2022 use for their inputs."""


def pad_to_multiple(lightness: Tensor, hints: Hints, multiple: int) -> tuple[Tensor, Hints]:
    """Pad a batch on the right and at the bottom to a height and width divisible by `multiple`.

    Args:
        lightness: B1HW, padded by replicating the last row and column.
        hints: ab B2HW and mask B1HW, padded with zeros (no hints).
        multiple: Divisor of the padded height and width.

    Returns:
        The padded tensors, or the same tensors if no padding is needed.
    """
    amounts = pad_amounts(lightness, multiple)
    # an exported network has dynamic sizes, so it always pads, possibly by 0
    if not torch.compiler.is_exporting() and not any(amounts):
        return lightness, hints
    padded = hints._replace(ab=F.pad(hints.ab, amounts), mask=F.pad(hints.mask, amounts))
    return F.pad(lightness, amounts, mode="replicate"), padded


def pad_amounts(x: Tensor, multiple: int) -> tuple[int, int, int, int]:
    """Return the `F.pad` amounts that make height and width divisible by `multiple`, on the right and at the bottom."""
    # written so that torch.export can prove that the padded size is a multiple
    bottom, right = ((size + multiple - 1) // multiple * multiple - size for size in x.shape[-2:])
    return 0, right, 0, bottom


def zero_pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Zero-pad BCHW on the right and at the bottom to a height and width divisible by `multiple`."""
    amounts = pad_amounts(x, multiple)
    # skip the copy if no padding is needed; an exported network has dynamic sizes, so it always pads
    return F.pad(x, amounts) if torch.compiler.is_exporting() or any(amounts) else x


def crop_like(output: Tensor, lightness: Tensor) -> Tensor:
    """Crop a padded output BCHW to the height and width of `lightness`."""
    return output[..., : lightness.shape[-2], : lightness.shape[-1]]


def to_lab8(lightness: Tensor, hints: Hints, include_mask: bool = True) -> Tensor:
    """Concatenate lightness and hints on the 8-bit Lab scale: (L/100, (a+128)/255, (b+128)/255, mask), about 0..1.

    Args:
        lightness: B1HW in 0..100.
        hints: ab B2HW in Lab units and mask B1HW. Pixels without a hint become neutral gray.
        include_mask: Whether to append the mask as the fourth channel.

    Returns:
        B4HW, or B3HW without the mask.
    """
    channels = [lightness / 100, (hints.ab + 128) / 255]
    return torch.cat([*channels, hints.mask] if include_mask else channels, dim=1)


def from_lab8(ab: Tensor) -> Tensor:
    """Convert ab B2HW from the 8-bit Lab scale to Lab units; `NEUTRAL_AB` becomes exactly 0."""
    return (ab - NEUTRAL_AB) * 255


@torch.no_grad()
def scale_hint_weights(block: nn.Module) -> None:
    """Multiply the initial weights that read the hint ab by 20, so that hints outweigh lightness at initialization.

    On the 8-bit Lab scale, a hint differs from neutral gray by about a tenth of the range of lightness, and only at a
    few pixels. Without this scaling, a short training run mostly learns from lightness and ignores the hints.

    Args:
        block: Module whose first `StemConv2d` reads the channels (L, a, b, ...).
    """
    stem = next(module for module in block.modules() if isinstance(module, StemConv2d))
    stem.weight[:, 1:3] *= 20


class Float32Conv2d(nn.Conv2d):
    """Convolution that runs in float32, even inside an autocast region."""

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW of any floating-point type to float32."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


class StemConv2d(Float32Conv2d):
    """First convolution of a network whose input is on the 8-bit Lab scale, before the first BatchNorm.

    On that scale neutral gray is 128/255, so the output is a large constant plus small differences, and BatchNorm
    subtracts the constant. In bfloat16 the rounding error of the constant is as large as the differences; a network
    trained that way tints its output when it runs in float32. A ReLU passes the constant on, so a second convolution
    before the BatchNorm must be a `StemConv2d` as well.
    """


class ABHead(Float32Conv2d):
    """Last layer: 1x1 convolution from features to ab.

    It runs in float32 because one bfloat16 step on the 8-bit Lab scale is as large as one Lab unit.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, 2, kernel_size=1)

    def init_bias(self, value: float) -> None:
        """Initialize the weights to 0 and the bias to `value`, so that the untrained layer predicts a constant."""
        assert self.bias is not None
        nn.init.zeros_(self.weight)
        nn.init.constant_(self.bias, value)
