"""Real-time user-guided colorization (Zhang et al. 2017), the SIGGRAPH-17 network with its head of color classes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import CLASSES, STRIDE
from chromahint.models.layers.lab_scaling import Head, crop_like, pad_to_multiple
from chromahint.models.layers.zhang import EncoderDecoder, block
from chromahint.models.registry import ModelInfo, Variant

MODEL_INFO = ModelInfo(
    year=2017,
    input="(L - 50) / 100, hint ab / 110, mask",
    source="Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization (SIGGRAPH 2017)",
    recipe="experiment zhang_2017",
    variants=(Variant(parameters=34_187_027),),
)

AB_SCALE = 110.0


class Zhang2017(EncoderDecoder):
    """Ten blocks, the middle ones at 1/8 size and dilated: 34.2 M parameters at the published width.

    Args:
        width: channels of the first block; the deepest have eight times as many.
        mask_center: subtracted from the 0/1 mask: 0.5 for weights trained in PyTorch, 0 for those converted from Caffe.
        stage: what is being trained. `classes`: the body learns from the classes alone, and the color branch reads it
            without changing it; `regression`: the other way round.
        init: `normal` draws all convolutions from N(0, 0.02) as the authors did; `pytorch` leaves PyTorch's own start.
        zero_init_head: an untrained network predicts no color (ab = 0).
    """

    def __init__(
        self,
        width: int = 64,
        mask_offset: float = 0.5,
        stage: Literal["classes", "regression"] = "regression",
        init: Literal["pytorch", "normal"] = "pytorch",
        zero_init_head: bool = True,
    ) -> None:
        super().__init__(4, width)
        self.mask_offset = mask_offset
        self.stage = stage
        self.model5 = block(8 * width, 8 * width, convs=3, dilation=2)
        self.model6 = block(8 * width, 8 * width, convs=3, dilation=2)
        self.model7 = block(8 * width, 8 * width, convs=3)
        self.add_decoder(width)
        self.model_class = nn.Sequential(nn.Conv2d(4 * width, CLASSES, kernel_size=1))
        head = Head(2 * width)
        self.model_out = nn.Sequential(head, nn.Tanh())
        if init == "normal":
            self.apply(_start_normal)
        if zero_init_head:
            head.init_bias(0.0)

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32, within -110..110.
        """
        return crop_like(self._color(*self._body(lightness, hints)), lightness)

    def with_classes(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor]:
        """Predict color, and how likely each of the 529 classes of `ab_classes` is.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW as `forward` gives it, and logits (B, 529, ceil(H/4), ceil(W/4)) float32.
        """
        conv1, conv2, conv8 = self._body(lightness, hints)
        logits = self.model_class(conv8.detach() if self.stage == "regression" else conv8).float()
        height, width = (-(-side // STRIDE) for side in lightness.shape[-2:])
        return crop_like(self._color(conv1, conv2, conv8), lightness), logits[..., :height, :width]

    def freeze_classes(self) -> None:
        """Leave the class head out of training, where no loss reads its classes."""
        self.model_class.requires_grad_(False)

    def _body(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor, Tensor]:
        lightness, hints = pad_to_multiple(lightness, hints, 8)
        scaled = [(lightness - 50) / 100, hints.ab / AB_SCALE, hints.mask - self.mask_offset]
        conv1, conv2, conv3, conv4 = self.encode(torch.cat(scaled, dim=1))
        conv7 = self.model7(self.model6(self.model5(conv4)))
        return conv1, conv2, self.decode_quarter(conv7, conv3)

    def _color(self, conv1: Tensor, conv2: Tensor, conv8: Tensor) -> Tensor:
        if self.stage == "classes":
            conv1, conv2, conv8 = conv1.detach(), conv2.detach(), conv8.detach()
        ab: Tensor = self.model_out(self.decode_full(conv8, conv2, conv1))
        return ab * AB_SCALE


def _start_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
