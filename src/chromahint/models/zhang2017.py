"""Real-time user-guided colorization (Zhang et al. 2017): the SIGGRAPH-17 network with its color class head."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.gamut_bins import NUM_GAMUT_BINS
from chromahint.hints.global_hints import no_global_hints
from chromahint.hints.hints import Hints
from chromahint.models.ab_bins import CLASS_STRIDE, NUM_CLASSES
from chromahint.models.layers.lab_scaling import ABHead, crop_like, pad_to_multiple
from chromahint.models.layers.zhang import EncoderDecoder, conv_block, global_branch
from chromahint.models.registry import ModelInfo, Variant
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2017,
    input="(L - 50) / 100, hint ab / 110, mask",
    source="Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization (SIGGRAPH 2017)",
    recipe="experiment zhang_2017",
    variants=(Variant(parameters=34_187_027), Variant({"global_hints": True})),
)


class Zhang2017(EncoderDecoder):
    """Ten blocks, with dilated ones at 1/8 resolution in the middle: 34.2 M parameters at the published width.

    Args:
        width: Channels of the first block; the deepest blocks have eight times as many.
        mask_offset: Value subtracted from the 0/1 mask: 0.5 for weights trained in PyTorch, 0 for weights converted
            from Caffe.
        stage: Training stage. In `classes`, only the class loss trains the body, and the color branch reads detached
            features; in `regression`, it is the other way around.
        global_hints: Whether to add a branch that reads the histogram and the mean saturation of the image, each with
            an indicator: 316 numbers. A palette counts as the histogram of its colors. In terms of the layers of the
            released Caffe network, `model_glob.0` is `glob_conv1` (314 inputs) and `s_conv1` (2 inputs) side by side,
            `model_glob.3`, `.6` and `.9` are `glob_conv2` to `glob_conv4`, and `model_glob.2`, `.5`, `.8` and `.11`
            are the BatchNorms that follow them.
        init: `normal` initializes all convolutions from N(0, 0.02), as the authors did; `pytorch` keeps PyTorch's
            default initialization.
        zero_init_head: Whether the untrained network predicts no color (ab = 0).
    """

    num_classes: ClassVar[int] = NUM_CLASSES

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 64,
        mask_offset: float = 0.5,
        stage: Literal["classes", "regression"] = "regression",
        global_hints: bool = False,
        init: Literal["pytorch", "normal"] = "pytorch",
        zero_init_head: bool = True,
    ) -> None:
        super().__init__(4, width)
        self.mask_offset = mask_offset
        self.stage = stage
        self.model5 = conv_block(8 * width, 8 * width, num_convs=3, dilation=2)
        self.model6 = conv_block(8 * width, 8 * width, num_convs=3, dilation=2)
        self.model7 = conv_block(8 * width, 8 * width, num_convs=3)
        self.model_glob = global_branch(NUM_GAMUT_BINS + 3, 8 * width) if global_hints else None
        self.add_decoder(width)
        self.model_class = nn.Sequential(nn.Conv2d(4 * width, NUM_CLASSES, kernel_size=1))
        head = ABHead(2 * width)
        self.model_out = nn.Sequential(head, nn.Tanh())
        if init == "normal":
            self.apply(_init_normal)
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
        """Predict color, and the logits of the 529 color classes of `ab_classes`.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW as returned by `forward`, and logits (B, 529, ceil(H/4), ceil(W/4)) float32.
        """
        conv1, conv2, conv8 = self._body(lightness, hints)
        logits = self.model_class(conv8.detach() if self.stage == "regression" else conv8).float()
        height, width = (-(-size // CLASS_STRIDE) for size in lightness.shape[-2:])
        return crop_like(self._color(conv1, conv2, conv8), lightness), logits[..., :height, :width]

    @property
    def takes_palette(self) -> bool:
        """Whether the network reads global hints."""
        return self.model_glob is not None

    def freeze_classes(self) -> None:
        """Exclude the class head from training. Call this if no loss uses the classes."""
        self.model_class.requires_grad_(False)

    def _body(self, lightness: Tensor, hints: Hints) -> tuple[Tensor, Tensor, Tensor]:
        lightness, hints = pad_to_multiple(lightness, hints, 8)
        inputs = [(lightness - 50) / 100, hints.ab / AB_LIMIT, hints.mask - self.mask_offset]
        conv1, conv2, conv3, conv4 = self.encode(torch.cat(inputs, dim=1))
        if self.model_glob is not None:
            conv4 = conv4 + self.model_glob(_global_inputs(hints))
        conv7 = self.model7(self.model6(self.model5(conv4)))
        return conv1, conv2, self.decode_quarter(conv7, conv3)

    def _color(self, conv1: Tensor, conv2: Tensor, conv8: Tensor) -> Tensor:
        if self.stage == "classes":
            conv1, conv2, conv8 = conv1.detach(), conv2.detach(), conv8.detach()
        ab: Tensor = self.model_out(self.decode_full(conv8, conv2, conv1))
        return ab * AB_LIMIT


def _global_inputs(hints: Hints) -> Tensor:
    """Return histogram, mean saturation, and their indicators, (B, 316, 1, 1)."""
    known = hints.global_hints
    if known is None:
        known = no_global_hints(hints.mask.shape[0], hints.mask.device)
    inputs = [known.histogram, known.has_histogram, known.saturation, known.has_saturation]
    return torch.cat(inputs, dim=1)[..., None, None]


def _init_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
