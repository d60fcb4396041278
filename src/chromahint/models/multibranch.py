"""Multi-branch networks of the 2021 course project: Zhang 2017 with parallel branches in the middle."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge, Le, MaxLen, MinLen
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import (
    NEUTRAL_AB,
    ABHead,
    StemConv2d,
    crop_like,
    from_lab8,
    pad_to_multiple,
    scale_hint_weights,
    to_lab8,
)
from chromahint.models.layers.zhang import Encoder, EncoderDecoder, conv3x3, conv_block
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2021,
    input="L, hint ab; 8-bit Lab / 255",
    source="Hint-based colorization (course project, 2021), built on Zhang et al. 2017",
    recipe="train experiment=multibranch_2021",
    variants=(
        Variant({"branches": [[2, 2, 1]]}),
        Variant({"branches": [[2, 2], [1, 1]]}),
        Variant({"branches": [[2, 2], [1, 1]], "hint_encoder": True}),
        Variant({"branches": [[2, 2, 2], [1, 1, 1], [1, 1, 1]]}),
    ),
)

Dilations = Annotated[list[Annotated[int, Ge(1), Le(1024)]], MinLen(1), MaxLen(64)]
Branches = Annotated[list[Dilations], MinLen(1), MaxLen(64)]
THREE_BRANCHES = [[2, 2, 2], [1, 1, 1], [1, 1, 1]]


class MultiBranch(EncoderDecoder):
    """Zhang 2017 with parallel branches between blocks 4 and 8: 78.9 M parameters with the default three branches.

    Every branch reads the output of block 4. If there are several, one shared 3x3 convolution is applied to each of
    them, and block 8 reads the sum. We choose the simplest option for details that were not published: no activation
    follows the shared convolution, and no block 7 follows two branches.

    Args:
        width: Channels of the first block; the deepest blocks have eight times as many.
        branches: For each branch, the dilations of its blocks of three convolutions. The project used `[[2, 2, 1]]`
            (blocks 5 to 7 of Zhang 2017), `[[2, 2], [1, 1]]`, and the default.
        hint_encoder: Whether to add the output of a second encoder, which reads only the hint ab, to block 4.
        zero_init_head: Whether the untrained network predicts no color (ab = 0) instead of noise around ab = -128, and
            weighs hints over lightness; see `scale_hint_weights`.
    """

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 64,
        branches: Branches = THREE_BRANCHES,
        hint_encoder: bool = False,
        zero_init_head: bool = True,
    ) -> None:
        super().__init__(3, width, conv_type=StemConv2d)
        deep = 8 * width
        self.hint_encoder = Encoder(2, width, conv_type=StemConv2d) if hint_encoder else None
        self.branches = nn.ModuleList(
            nn.Sequential(*(conv_block(deep, deep, num_convs=3, dilation=dilation) for dilation in branch))
            for branch in branches
        )
        self.shared = conv3x3(deep, deep) if len(branches) > 1 else nn.Identity()
        self.add_decoder(width)
        self.head = ABHead(2 * width)
        if zero_init_head:
            self.head.init_bias(math.atanh(NEUTRAL_AB))
            scale_hint_weights(self.model1)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units; the mask is not used.

        Returns:
            ab B2HW in Lab units, float32.
        """
        x = to_lab8(*pad_to_multiple(lightness, hints, 8), include_mask=False)
        conv1, conv2, conv3, conv4 = self.encode(x)
        if self.hint_encoder is not None:
            conv4 = conv4 + self.hint_encoder.encode(x[:, 1:])[-1]
        deep = torch.stack([self.shared(branch(conv4)) for branch in self.branches]).sum(dim=0)
        conv8 = self.decode_quarter(deep, conv3)
        ab = torch.tanh(self.head(self.decode_full(conv8, conv2, conv1)))
        return crop_like(from_lab8(ab), lightness)
