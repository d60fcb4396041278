"""SpreadNet: a network that learns which places of an image belong together, and how color propagates from hints.

1. `encode` runs once per image, on the lightness alone. A semantic encoder sees the whole image at 128x128 pixels and
   predicts, on a grid of 32x32 cells, a prior color, and features by which cells find hints that apply to them. A
   convolutional encoder-decoder at full resolution predicts, at each of four pyramid levels, how much every pixel takes
   from each of its neighbors and from the next coarser level.
2. `propagate` runs once per set of hints. Each cell's prior color is shifted by the hints that it attends to. Then,
   from the coarsest level of the pyramid to the finest, the color is upsampled, mixed with colors that attention finds
   at similar hints nearby, and propagated between neighbors for a few steps while hinted pixels stay fixed. Small heads
   finally correct the color for what hints do not determine.

Before training, all learned terms are 0: the prior is gray, and color propagates like in Levin's method. Hinted pixels
always keep their hint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.hints import Hints
from chromahint.models.layers.area_resize import area_resize
from chromahint.models.layers.hint_attention import STATE_CHANNELS, HintAttention, hint_density
from chromahint.models.layers.lab_scaling import Float32Conv2d, pad_amounts
from chromahint.models.layers.prior_attention import (
    AB_UNIT,
    CellColors,
    CellEncoding,
    PriorAttention,
    pool_hints,
)
from chromahint.models.layers.prior_losses import auxiliary_loss
from chromahint.models.layers.propagation import neighbor_weights, propagate, upsample, upsample_weights
from chromahint.models.layers.semantic_encoder import GRID_SIZE, INPUT_SIZE, SemanticEncoder
from chromahint.models.pullpush import pull
from chromahint.models.registry import ModelInfo
from chromahint.ranges import Positive, Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2026,
    input="(L - 50) / 50; hints are propagated, not read by convolutions",
    source="Chromahint",
    recipe="experiment spreadnet",
)

# per level, finest first: features and propagation steps as multiples of the options, attention window in cells
_WIDTHS = (1.0, 1.5, 2.0, 3.0)
_STEPS = (1.0, 1.0, 1.5, 2.0)
_WINDOWS = (5, 7, 7, 7)
_COARSEST = len(_WIDTHS) - 1
_OFFSET_LEVEL = 2
"""Level that adds a predicted color offset."""
_CHUNK_PIXELS = 2**17
"""Pixels processed at a time where each pixel needs a lot of memory."""
_CACHE_PIXELS = 2**14
"""Pixels processed at a time where the working set then fits into the CPU cache."""
_HALO = 16
"""Rows around a chunk that its pixels may depend on, a multiple of the cell size."""


class Encoding(NamedTuple):
    """Everything that depends only on the lightness of an image. Reuse it for any number of hints.

    Attributes:
        size: Height and width of the image.
        lightness: B1HW in 0..100 of each level, finest first.
        features: BCHW of each level; empty in the stage `cells`, as the next two.
        neighbor_weights: B8HW of each level, weights between neighboring pixels.
        upsample_weights: Weights of each level but the coarsest for the pixels of the next coarser level.
        cells: Prior color and attention features of the 32x32 cells.
    """

    size: tuple[int, int]
    lightness: list[Tensor]
    features: list[Tensor]
    neighbor_weights: list[Tensor]
    upsample_weights: list[Tensor]
    cells: CellEncoding


class SpreadNet(nn.Module):
    """Predicts prior colors, shifts them by hints, and propagates them with learned weights over a pyramid.

    Args:
        width: Features of the finest level, an even number.
        propagation_steps: Propagation steps at the finest level. Coarser levels use up to twice as many.
        semantic_width: Features of each of the 32x32 cells, an even number.
        attention_blocks: Blocks of self-attention in the semantic encoder.
        stage: What is trained: `propagation` is the whole network; `cells` is only what determines the colors of the
            32x32 cells, which are enlarged bilinearly, a first stage that takes a fifth of the time; `pyramid` is
            everything else, a second stage that leaves the cells as they are.
        auxiliary_weight: Weight of the auxiliary losses in training; see `chromahint.models.layers.prior_losses`.
    """

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 16,
        propagation_steps: Annotated[int, Ge(0), Le(1000)] = 4,
        semantic_width: Width = 48,
        attention_blocks: Annotated[int, Ge(0), Le(100)] = 4,
        stage: Literal["cells", "pyramid", "propagation"] = "propagation",
        auxiliary_weight: Positive = 0.1,
    ) -> None:
        super().__init__()
        self.stage = stage
        self.auxiliary_weight = auxiliary_weight
        self.semantic_encoder = SemanticEncoder(semantic_width, attention_blocks)
        self.prior_attention = PriorAttention(semantic_width)
        widths = [int(factor * width) for factor in _WIDTHS]
        self.steps_per_level = [int(factor * propagation_steps) for factor in _STEPS]
        self.encoder = nn.ModuleList(_conv_block(a, b) for a, b in zip([1, *widths[:-1]], widths, strict=True))
        self.decoder = nn.ModuleList(_conv_block(a + b, a) for a, b in pairwise([*widths, semantic_width]))
        self.neighbor_weight_heads = nn.ModuleList(zero_init_conv(channels, 8) for channels in widths)
        self.upsample_weight_heads = nn.ModuleList(zero_init_conv(channels, 16) for channels in widths[1:])
        self.window_attention = nn.ModuleList(
            HintAttention(channels, head_dim=16 if level else 8, window=window)
            for level, (channels, window) in enumerate(zip(widths, _WINDOWS, strict=True))
        )
        self.color_offset = nn.Sequential(
            nn.Conv2d(widths[_OFFSET_LEVEL] + 6, 2 * width, 3, padding=1), nn.ReLU(), zero_init_conv(2 * width, 2)
        )
        self.lightness_correction = nn.Sequential(
            nn.Conv2d(widths[0] + 7, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            zero_init_conv(2 * width, 3, nn.Conv2d),
        )
        if stage != "propagation":  # distributed training waits for the gradients of all trained parameters
            self.requires_grad_(stage == "pyramid")
            self.semantic_encoder.requires_grad_(stage == "cells")
            self.prior_attention.requires_grad_(stage == "cells")

    def train(self, mode: bool = True) -> SpreadNet:
        """Set training mode, in which a part that is not trained keeps its batch statistics."""
        super().train(mode)
        if self.stage == "pyramid":
            self.semantic_encoder.eval()
        return self

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32. Hinted pixels keep their hint.
        """
        return self.propagate(self.encode(lightness), hints)

    def with_auxiliary_loss(
        self, lightness: Tensor, hints: Hints, target: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Predict color, and compute losses of what the network predicts besides (see `prior_losses`).

        Args:
            lightness: B1HW in 0..100.
            hints: ab B2HW in Lab units and mask B1HW.
            target: ab B2HW of the photos in Lab units.
            generator: Random generator of the losses.

        Returns:
            ab B2HW in Lab units, and a scalar.
        """
        encoding = self.encode(lightness)
        colors = self.cell_colors(encoding.cells, lightness, hints)
        if self.stage == "pyramid":
            return self._refine(encoding, colors, hints), lightness.new_zeros(())
        loss = auxiliary_loss(self.prior_attention, encoding.cells, colors, target, generator)
        return self._refine(encoding, colors, hints), self.auxiliary_weight * loss

    def encode(self, lightness: Tensor) -> Encoding:
        """Compute everything that does not depend on the hints, for lightness B1HW in 0..100."""
        height, width = lightness.shape[-2:]
        cells = self.encode_cells(lightness)
        if self.stage == "cells":
            return Encoding((height, width), [lightness.float()], [], [], [], cells)
        levels = [F.pad(lightness.float(), pad_amounts(lightness, 2**_COARSEST), mode="replicate")]
        features = [self._in_chunks(lambda light: self.encoder[0]((light - 50) / 50), levels[0])]
        for block in list(self.encoder)[1:]:
            levels.append(F.avg_pool2d(levels[-1], 2))
            features.append(block(F.avg_pool2d(features[-1], 2)))
        semantic = F.interpolate(cells.features, levels[-1].shape[-2:], mode="bilinear")
        features[-1] = self.decoder[_COARSEST](torch.cat([semantic, features[-1]], dim=1))
        for level in reversed(range(_COARSEST)):
            decode = partial(_decode, self.decoder[level])
            features[level] = self._in_chunks(decode, features[level], features[level + 1])
        return Encoding(
            size=(height, width),
            lightness=levels,
            features=features,
            neighbor_weights=[
                self._in_chunks(partial(_predict_neighbor_weights, head), light, x)
                for light, x, head in zip(levels, features, self.neighbor_weight_heads, strict=True)
            ],
            upsample_weights=[
                upsample_weights(levels[level], levels[level + 1], head(features[level + 1]))
                for level, head in enumerate(self.upsample_weight_heads)
            ],
            cells=cells,
        )

    def encode_cells(self, lightness: Tensor) -> CellEncoding:
        """Compute the part of the encoding that determines `cell_colors`, for lightness B1HW in 0..100."""
        lightness = lightness.float()
        features = self.semantic_encoder(area_resize(lightness, INPUT_SIZE, INPUT_SIZE))
        return self.prior_attention.encode(features, lightness)

    def cell_colors(self, cells: CellEncoding, lightness: Tensor, hints: Hints) -> CellColors:
        """Estimate the color of each of the 32x32 cells, and how wrong it may be.

        Args:
            cells: From `encode_cells`.
            lightness: B1HW in 0..100, of the size of the hints.
            hints: ab B2HW in Lab units and mask B1HW.
        """
        colors: CellColors = self.prior_attention(
            cells, pool_hints(lightness.float(), hints.ab.float(), hints.mask.float())
        )
        return colors

    def expected_gain(self, encoding: Encoding, hints: Hints) -> Tensor:
        """Return how much squared error, in Lab units, one more hint in each of the 32x32 cells may remove, B1HW."""
        lightness = encoding.lightness[0][..., : encoding.size[0], : encoding.size[1]]
        pooled = pool_hints(lightness, hints.ab.float(), hints.mask.float())
        colors = self.prior_attention(encoding.cells, pooled)
        return self.prior_attention.expected_gain(encoding.cells, pooled, colors)

    def expected_error(self, encoding: Encoding, hints: Hints) -> Tensor:
        """Return the expected error of each cell's ab for these hints, in Lab units; B1HW, 32x32."""
        lightness = encoding.lightness[0][..., : encoding.size[0], : encoding.size[1]]
        return self.cell_colors(encoding.cells, lightness, hints).log_variance.float().div(2).exp()

    def color_distribution(self, encoding: Encoding, hints: Hints, row: int, column: int) -> tuple[Tensor, Tensor]:
        """Return the colors that the pixel of one image may have, given the hints: ab K2 in Lab units, weights K.

        They are the modes of the prior, as far as no hint applies, and the colors of the hints, as far as they do.
        """
        height, width = encoding.size
        lightness = encoding.lightness[0][..., :height, :width]
        pooled = pool_hints(lightness, hints.ab.float(), hints.mask.float())
        cell = row * GRID_SIZE // height * GRID_SIZE + column * GRID_SIZE // width
        logits, a, b, _ = encoding.cells.modes[0, cell].chunk(4)
        hint_weights = self.prior_attention.weights(encoding.cells, pooled)[0, cell]
        prior = encoding.cells.prior[0]
        colors = [AB_UNIT * torch.stack([a, b], dim=1), prior[cell] + pooled.ab[0] - prior[pooled.cell[0]]]
        weights = [(1 - hint_weights.sum()) * logits.softmax(dim=0), hint_weights]
        return torch.cat(colors), torch.cat(weights)

    def propagate(self, encoding: Encoding, hints: Hints) -> Tensor:
        """Predict color from an encoding and hints.

        Every pixel has a state of `STATE_CHANNELS` channels: its color, and the lightness and diversity of the hints
        that the color comes from. At each level, `given` holds known state times its confidence, and `free` is the
        remaining share, which comes from the coarser level and from neighbors.

        Args:
            encoding: Encoding of the images, from `encode`.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        height, width = encoding.size
        colors = self.cell_colors(encoding.cells, encoding.lightness[0][..., :height, :width], hints)
        return self._refine(encoding, colors, hints)

    def _refine(self, encoding: Encoding, colors: CellColors, hints: Hints) -> Tensor:
        """Upsample the colors of the cells level by level, and propagate hints at each level."""
        height, width = encoding.size
        if self.stage == "cells":
            return F.interpolate(colors.ab, (height, width), mode="bilinear")
        finest = encoding.lightness[0]
        amounts = pad_amounts(hints.mask, 2**_COARSEST)
        pyramid = [hint_state(finest, F.pad(hints.ab.float(), amounts), F.pad(hints.mask.float(), amounts))]
        for _ in range(_COARSEST):
            pyramid.append(pull(pyramid[-1]))
        state = torch.cat([colors.ab, colors.lightness, colors.squares], dim=1)
        state = F.interpolate(state, encoding.lightness[-1].shape[-2:], mode="bilinear")
        for level in reversed(range(_COARSEST + 1)):
            light, features = encoding.lightness[level], encoding.features[level]
            given, weight = torch.split(pyramid[level], [STATE_CHANNELS, 1], dim=1)
            density, free = hint_density(weight), 1 - weight
            if level < _COARSEST:
                state = upsample(state, encoding.upsample_weights[level])
            state = torch.addcmul(given, free, state)
            inputs = features, light, pyramid[level], density, state
            output = self._in_chunks(partial(_attend, self.window_attention[level]), *inputs)
            attended, confidence = torch.split(output, [STATE_CHANNELS, 1], dim=1)
            given = torch.addcmul(given, free * confidence, attended)
            free = free * (1 - confidence)
            state = propagate(state, encoding.neighbor_weights[level], given, free, self.steps_per_level[level])
            if level == _OFFSET_LEVEL:
                known = [features, *_describe_state(state, light), weight, density]
                offset = self.color_offset(torch.cat(known, dim=1))
                state = state + F.pad((1 - weight) * AB_UNIT * offset, (0, 0, 0, 0, 0, STATE_CHANNELS - 2))
        inputs = encoding.features[0], finest, pyramid[0], density, state
        ab = self._in_chunks(self._correct_for_lightness, *inputs, pixels=_CACHE_PIXELS, halo=0)
        return ab[..., :height, :width]

    def _correct_for_lightness(
        self, features: Tensor, lightness: Tensor, hint_state: Tensor, density: Tensor, state: Tensor
    ) -> Tensor:
        """Adjust a pixel's color to its lightness, which may differ from that of the hints the color comes from.

        The correction is proportional to the difference in lightness, so it is 0 at a hinted pixel.
        """
        weight, ab = hint_state[:, STATE_CHANNELS:], state[:, :2]
        inputs = [features, *_describe_state(state, lightness), weight, density, lightness / 100]
        saturation, shift = torch.split(self.lightness_correction(torch.cat(inputs, dim=1)), [1, 2], dim=1)
        return ab + (lightness - state[:, 2:3]) / 50 * (saturation * ab + 50 * shift)

    def _in_chunks(
        self, function: Callable[..., Tensor], *images: Tensor, pixels: int = _CHUNK_PIXELS, halo: int = _HALO
    ) -> Tensor:
        """Apply a function to a large image in horizontal chunks, which limits peak memory.

        Args:
            function: Maps the images to one image with the height of the first.
            images: BCHW, all with the same height, or half of it.
            pixels: Pixels per chunk.
            halo: Rows around a chunk that its pixels may depend on.
        """
        height, width = images[0].shape[-2:]
        rows = max(2 * _HALO, pixels // width // _HALO * _HALO)
        if torch.compiler.is_exporting() or self.training or height <= rows:
            return function(*images)
        chunks = []
        for first in range(0, height, rows):
            top, bottom = max(0, first - halo), min(height, first + rows + halo)
            inputs = [x[..., top * x.shape[-2] // height : bottom * x.shape[-2] // height, :] for x in images]
            chunks.append(function(*inputs)[..., first - top : first - top + rows, :])
        return torch.cat(chunks, dim=2)


def hint_state(lightness: Tensor, ab: Tensor, mask: Tensor) -> Tensor:
    """Return the state of hinted pixels, 0 elsewhere, with the mask as the last channel: (B, STATE_CHANNELS + 1, H, W).

    Args:
        lightness: B1HW in 0..100.
        ab: B2HW in Lab units.
        mask: B1HW.
    """
    ab = ab * mask
    return torch.cat([ab, lightness * mask, (ab / AB_LIMIT).square().sum(dim=1, keepdim=True), mask], dim=1)


def zero_init_conv(in_channels: int, out_channels: int, conv_type: type[nn.Conv2d] = Float32Conv2d) -> nn.Conv2d:
    """Create a 1x1 convolution that outputs 0 until it is trained."""
    conv = conv_type(in_channels, out_channels, kernel_size=1)
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv


def _decode(block: nn.Module, finer: Tensor, coarser: Tensor) -> Tensor:
    upsampled = F.interpolate(coarser, scale_factor=2.0, mode="nearest")
    features: Tensor = block(torch.cat([upsampled, finer], dim=1))
    return features


def _predict_neighbor_weights(head: nn.Module, lightness: Tensor, features: Tensor) -> Tensor:
    return neighbor_weights(lightness, head(features))


def _attend(attention: nn.Module, *inputs: Tensor) -> Tensor:
    return torch.cat(attention(*inputs), dim=1)


def _describe_state(state: Tensor, lightness: Tensor) -> list[Tensor]:
    """Return a state as layer inputs: color, lightness relative to its hints, and how much these hints differ."""
    ab = state[:, :2]
    spread = state[:, 3:] - (ab / AB_LIMIT).square().sum(dim=1, keepdim=True)
    return [ab / AB_UNIT, (lightness - state[:, 2:3]) / 50, 10 * spread]


def _conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)]
        layers += [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
