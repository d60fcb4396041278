"""The multi-branch networks of the 2021 course project: Zhang 2017 with paths side by side in its middle."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.lab_scaling import (
    NEUTRAL,
    Head,
    Stem,
    crop_like,
    from_eight_bit,
    pad_to_multiple,
    to_eight_bit,
    zero_init_lightness_weights,
)
from chromahint.models.layers.zhang import Encoder, EncoderDecoder, block, conv
from chromahint.models.registry import ModelInfo, Variant

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

THREE_BRANCHES = [[2, 2, 2], [1, 1, 1], [1, 1, 1]]


class MultiBranch(EncoderDecoder):
    """Zhang 2017 with branches between its blocks 4 and 8: 78.9 M parameters with the project's final three.

    Every branch reads the output of block 4. Where there are several, one 3x3 convolution, the same for all, is applied
    to each, and block 8 reads the sum. What is not published is read in the simplest way: no activation follows that
    convolution, and no block 7 follows two branches.

    Args:
        width: channels of the first block; the deepest have eight times as many.
        branches: for each branch, the dilation of its blocks of three convolutions. The project's variants are
            `[[2, 2, 1]]` (the base: blocks 5 to 7 of Zhang 2017), `[[2, 2], [1, 1]]`, and the default.
        hint_encoder: whether a second encoder reads the hints' ab alone, and is added to the output of block 4.
        zero_init_head: an untrained network predicts no color (ab = 0) rather than noise around ab = -128, and
            hears the hints over the lightness: see `zero_init_lightness_weights`.
    """

    def __init__(
        self,
        width: int = 64,
        branches: list[list[int]] = THREE_BRANCHES,
        hint_encoder: bool = False,
        zero_init_head: bool = True,
    ) -> None:
        if not branches or not all(branch and min(branch) >= 1 for branch in branches):
            raise ValueError(
                f"model.branches is {branches}; it lists for each branch the dilations of its blocks, from 1, "
                "such as 'model.branches=[[2,2],[1,1]]'"
            )
        super().__init__(3, width, kind=Stem)
        deep = 8 * width
        self.hint_encoder = Encoder(2, width, kind=Stem) if hint_encoder else None
        self.branches = nn.ModuleList(
            nn.Sequential(*(block(deep, deep, convs=3, dilation=dilation) for dilation in branch))
            for branch in branches
        )
        self.shared = conv(deep, deep) if len(branches) > 1 else nn.Identity()
        self.add_decoder(width)
        self.head = Head(2 * width)
        if zero_init_head:
            self.head.init_bias(math.atanh(NEUTRAL))
            zero_init_lightness_weights(self.model1)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units; the mask is not read.

        Returns:
            ab B2HW in Lab units, float32.
        """
        scaled = to_eight_bit(*pad_to_multiple(lightness, hints, 8), mask=False)
        conv1, conv2, conv3, conv4 = self.encode(scaled)
        if self.hint_encoder is not None:
            conv4 = conv4 + self.hint_encoder.encode(scaled[:, 1:])[-1]
        deep = torch.stack([self.shared(branch(conv4)) for branch in self.branches]).sum(dim=0)
        conv8 = self.decode_quarter(deep, conv3)
        ab = torch.tanh(self.head(self.decode_full(conv8, conv2, conv1)))
        return crop_like(from_eight_bit(ab), lightness)
