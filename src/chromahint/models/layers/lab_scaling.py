"""How networks meet pictures: 8-bit Lab scaling, padding to sizes that can be halved, a head that stays in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.hints.hints import Hints

NEUTRAL = 128 / 255
"""Where ab = 0 lies on the 8-bit Lab scale that the course projects of 2021 and 2022 feed to their networks."""


def pad_to_multiple(lightness: Tensor, hints: Hints, multiple: int) -> tuple[Tensor, Hints]:
    """Extend a batch to the right and below until `multiple` divides its height and width.

    Args:
        lightness: B1HW, continued by its last row and column.
        hints: continued by saying nothing.
        multiple: what the padded height and width are multiples of.

    Returns:
        The same tensors, untouched, where nothing is missing.
    """
    room = pad_amounts(lightness, multiple)
    # an exported network finds out at each picture what is missing
    if not torch.compiler.is_exporting() and not any(room):
        return lightness, hints
    return F.pad(lightness, room, mode="replicate"), Hints(F.pad(hints.ab, room), F.pad(hints.mask, room))


def pad_amounts(x: Tensor, multiple: int) -> tuple[int, int, int, int]:
    """What `F.pad` adds to the right and below until `multiple` divides height and width."""
    # written so that an exported network knows the sum to be a multiple
    down, across = ((side + multiple - 1) // multiple * multiple - side for side in x.shape[-2:])
    return 0, across, 0, down


def to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Extend a picture to the right and below by zeros until `multiple` divides its height and width."""
    room = pad_amounts(x, multiple)
    # a copy less where nothing is missing; an exported network finds that out at each picture
    return F.pad(x, room) if torch.compiler.is_exporting() or any(room) else x


def crop_like(output: Tensor, lightness: Tensor) -> Tensor:
    """Cut a padded output BCHW back to the height and width of `lightness`."""
    return output[..., : lightness.shape[-2], : lightness.shape[-1]]


def to_eight_bit(lightness: Tensor, hints: Hints, mask: bool = True) -> Tensor:
    """Join lightness and hints on the 8-bit Lab scale: (L/100, (a+128)/255, (b+128)/255, mask), about 0..1.

    Args:
        lightness: B1HW in 0..100.
        hints: ab in Lab units; where nothing was said the result holds neutral gray.
        mask: whether the hints' mask is the fourth channel.

    Returns:
        B4HW, or B3HW without the mask.
    """
    channels = [lightness / 100, (hints.ab + 128) / 255]
    return torch.cat([*channels, hints.mask] if mask else channels, dim=1)


def from_eight_bit(ab: Tensor) -> Tensor:
    """Turn a network's ab B2HW on the 8-bit Lab scale into Lab units; `NEUTRAL` becomes exactly 0."""
    return (ab - NEUTRAL) * 255


@torch.no_grad()
def zero_init_lightness_weights(block: nn.Module) -> None:
    """Let an untrained network hear the hints over the lightness: 20 times the start of the weights that read their ab.

    On the 8-bit Lab scale a hint differs from neutral by a tenth of what lightness spans, at a few pixels; without this
    a short training spends its time on lightness alone, and on red and green most of it.

    Args:
        block: its first `Stem` reads (L, a, b, ...).
    """
    first = next(module for module in block.modules() if isinstance(module, Stem))
    first.weight[:, 1:3] *= 20


class Float32Conv2d(nn.Conv2d):
    """A convolution that stays in float32 in an autocast region."""

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW of any floating type to float32."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


class Stem(Float32Conv2d):
    """A convolution between the 8-bit Lab scale and the first BatchNorm.

    There neutral gray is 128/255, so what it sums up is a large constant with small differences, which BatchNorm takes
    apart again. In bfloat16 the constant's rounding is as large as the differences, and a network that learns to live
    with that tints its pictures when it runs in float32. A ReLU lets the constant through: where a second convolution
    comes before BatchNorm, it is a stem too.
    """


class Head(Float32Conv2d):
    """The 1x1 convolution to ab.

    On the 8-bit Lab scale one step of bfloat16 is as large as one Lab unit, so the last layer is worth the precision.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2, kernel_size=1)

    def init_bias(self, value: float) -> None:
        """Make the head answer `value` everywhere, whatever it reads, until it is trained."""
        assert self.bias is not None
        nn.init.zeros_(self.weight)
        nn.init.constant_(self.bias, value)
