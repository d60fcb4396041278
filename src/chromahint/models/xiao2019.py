"""Interactive colorization with global and local inputs (Xiao et al. 2019): one network for no, global, or local hints.

Shape suffixes: B batch, C channels, H height, W width, P slots of a palette.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.global_hints import MAX_PALETTE, GlobalHints, no_global_hints
from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import ABHead, crop_like, pad_to_multiple
from chromahint.models.layers.zhang import EncoderDecoder, conv3x3, conv_block, global_branch
from chromahint.models.registry import ModelInfo
from chromahint.ranges import NonNegative, Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2019,
    input="(L - 50) / 50, hint ab / 127.5, mask; palette of 7 colors with a mask",
    source="Xiao, Zhou, Zheng: Interactive Deep Colorization With Simultaneous Global and Local Inputs (ICASSP 2019)",
    recipe="train experiment=xiao_2019",
)

_AB_SCALE = 127.5
_HUBER_DELTA = 127.5
"""Error, in Lab units, at which the published Huber losses become linear."""


class Xiao2019(EncoderDecoder):
    """U-shaped network of ten blocks, with a palette that joins the features at 1/8 resolution.

    Lightness and local hints have a first convolution each, whose outputs are added. The palette goes through four 1x1
    convolutions, whose output is added to block 4. An image may have a palette, local hints, both, or neither. Details
    are those of the authors' published program for the extension of the network (2020), except that the last block is
    that of Zhang et al. 2017, which is otherwise the same network.

    Args:
        width: Channels of the first block; the deepest blocks have eight times as many.
        theme_weight: Weight of the theme loss in training, relative to that of the colors: the Huber loss between
            prediction and the photo reduced to its palette, for photos that have one. Published: 0.1 to 0.9, with
            loss=huber loss.delta=1.159.
        zero_init_head: Whether the untrained network predicts no color (ab = 0).
    """

    takes_palette: ClassVar[bool] = True

    @validate_arguments("model")
    def __init__(self, width: Width = 64, theme_weight: NonNegative = 0.111, zero_init_head: bool = True) -> None:
        super().__init__(width, width)
        self.theme_weight = theme_weight
        self.lightness = nn.Sequential(conv3x3(1, width), nn.ReLU())
        self.local = nn.Sequential(conv3x3(3, width), nn.ReLU())
        self.theme = global_branch(3 * MAX_PALETTE, 8 * width)
        self.model5 = conv_block(8 * width, 8 * width, num_convs=3, dilation=2)
        self.model6 = conv_block(8 * width, 8 * width, num_convs=3, dilation=2)
        self.model7 = conv_block(8 * width, 8 * width, num_convs=3)
        self.add_decoder(width)
        self.head = ABHead(2 * width)
        if zero_init_head:
            self.head.init_bias(0.0)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW; of the global hints, the palette. Its weights are not used.

        Returns:
            ab B2HW in Lab units, float32, within -127.5..127.5.
        """
        padded, local = pad_to_multiple(lightness, hints, 8)
        x = self.lightness((padded - 50) / 50) + self.local(torch.cat([local.ab / _AB_SCALE, local.mask], dim=1))
        conv1, conv2, conv3, conv4 = self.encode(x)
        conv4 = conv4 + self._theme_features(hints)
        conv7 = self.model7(self.model6(self.model5(conv4)))
        conv8 = self.decode_quarter(conv7, conv3)
        ab = _AB_SCALE * torch.tanh(self.head(self.decode_full(conv8, conv2, conv1)))
        return crop_like(ab, lightness)

    def with_auxiliary_loss(
        self, lightness: Tensor, hints: Hints, target: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Predict color, and compute the theme loss, on the scale of `loss=huber`.

        Args:
            lightness: B1HW in 0..100.
            hints: Hints; photos without a palette have no theme loss.
            target: ab B2HW of the photos in Lab units.
            generator: Not used.

        Returns:
            ab B2HW in Lab units, and a scalar.
        """
        prediction = self.forward(lightness, hints)
        if hints.global_hints is None:
            return prediction, prediction.new_zeros(())
        theme = theme_map(target.float(), hints.global_hints)
        error_B = F.huber_loss(prediction.float(), theme, reduction="none", delta=_HUBER_DELTA).flatten(1).mean(dim=1)
        scaled_B = 2 * error_B / (AB_LIMIT * _HUBER_DELTA) * hints.global_hints.has_palette
        return prediction, self.theme_weight * scaled_B.mean()

    def _theme_features(self, hints: Hints) -> Tensor:
        """Return the features of the palettes, BC11, which are 0 for images without one.

        Without that factor, training with local hints alone gives the BatchNorm layers a variance of 0, which amplifies
        rounding errors and spoils every prediction.
        """
        known = hints.global_hints
        if known is None:
            known = no_global_hints(hints.mask.shape[0], hints.mask.device)
        is_used = (known.palette_weights > 0).float()
        slots_BP3 = torch.cat([known.palette / _AB_SCALE, is_used[..., None]], dim=2)
        features: Tensor = self.theme(slots_BP3.flatten(1)[..., None, None])
        return features * known.has_palette.float()[:, None, None, None]


def theme_map(ab: Tensor, global_hints: GlobalHints) -> Tensor:
    """Return images ab B2HW with each pixel in the nearest color of the image's palette; without a palette, gray."""
    colors_BN2 = ab.flatten(2).transpose(1, 2)
    squares_BNP = torch.cdist(colors_BN2, global_hints.palette).square()
    nearest_BN = squares_BNP.masked_fill((global_hints.palette_weights == 0)[:, None], torch.inf).argmin(dim=2)
    found = global_hints.palette.gather(1, nearest_BN[..., None].expand(-1, -1, 2))
    return found.transpose(1, 2).view_as(ab)
