"""SpreadNet: a small network that learns how color propagates from hints, rather than the colors themselves.

1. `encode` runs a convolutional encoder-decoder on the lightness alone, once per image. It predicts, at each of five
   pyramid levels, how much every pixel takes from each of its neighbors and from the next coarser level.
2. `propagate` runs once per set of hints. It pools the hints down the pyramid. Then, from the coarsest level to the
   finest, it upsamples the color, mixes in colors that attention finds at similar hints, and propagates color between
   neighbors for a few steps while hinted pixels stay fixed. Small heads finally correct the color for what hints do not
   determine.

Before training, all learned terms are 0, and SpreadNet propagates color like Levin's method. Hinted pixels always keep
their hint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.hints import Hints
from chromahint.models.layers.hint_attention import STATE_CHANNELS, HintAttention, hint_density
from chromahint.models.layers.lab_scaling import Float32Conv2d, pad_amounts
from chromahint.models.layers.propagation import neighbor_weights, propagate, upsample, upsample_weights
from chromahint.models.pullpush import pull, pull_push
from chromahint.models.registry import ModelInfo
from chromahint.ranges import Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2026,
    input="(L - 50) / 50; hints are propagated, not read by convolutions",
    source="Chromahint",
    recipe="train experiment=spreadnet",
)

# per level, finest first: features and propagation steps as multiples of the options, attention window in cells
_WIDTHS = (1.0, 1.5, 2.0, 3.0, 3.0)
_STEPS = (1.0, 1.0, 1.5, 2.0, 3.0)
_WINDOWS = (5, 7, 7, 7)
_COARSEST = len(_WIDTHS) - 1
_GLOBAL_LEVEL = 3
"""Level with global attention."""
_OFFSET_LEVELS = (2, 3)
"""Levels that add a predicted color offset."""
_AB_UNIT = AB_LIMIT / 2
"""Unit, in Lab units, in which small layers read and predict color."""
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
        features: BCHW of each level.
        neighbor_weights: B8HW of each level, weights between neighboring pixels.
        upsample_weights: Weights of each level but the coarsest for the pixels of the next coarser level.
    """

    size: tuple[int, int]
    lightness: list[Tensor]
    features: list[Tensor]
    neighbor_weights: list[Tensor]
    upsample_weights: list[Tensor]


class SpreadNet(nn.Module):
    """Propagates hints with learned weights over a pyramid of five levels.

    Args:
        width: Features of the finest level, an even number.
        propagation_steps: Propagation steps at the finest level. Coarser levels use up to three times as many.
    """

    @validate_arguments("model")
    def __init__(self, width: Width = 16, propagation_steps: Annotated[int, Ge(0), Le(1000)] = 4) -> None:
        super().__init__()
        widths = [int(factor * width) for factor in _WIDTHS]
        self.steps_per_level = [int(factor * propagation_steps) for factor in _STEPS]
        self.encoder = nn.ModuleList(_conv_block(a, b) for a, b in zip([1, *widths[:-1]], widths, strict=True))
        self.decoder = nn.ModuleList(_conv_block(a + b, a) for a, b in pairwise(widths))
        self.neighbor_weight_heads = nn.ModuleList(zero_init_conv(channels, 8) for channels in widths)
        self.upsample_weight_heads = nn.ModuleList(zero_init_conv(channels, 16) for channels in widths[1:])
        self.global_attention = HintAttention(widths[_GLOBAL_LEVEL], heads=4, initial_confidence=-2.0)
        self.window_attention = nn.ModuleList(
            HintAttention(channels, head_dim=16 if level else 8, window=window)
            for level, (channels, window) in enumerate(zip(widths[:-1], _WINDOWS, strict=True))
        )
        self.color_offset = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[level] + 6, 2 * width, 3, padding=1), nn.ReLU(), zero_init_conv(2 * width, 2)
            )
            for level in _OFFSET_LEVELS
        )
        self.lightness_correction = nn.Sequential(
            nn.Conv2d(widths[0] + 7, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            zero_init_conv(2 * width, 3, nn.Conv2d),
        )

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32. Hinted pixels keep their hint.
        """
        return self.propagate(self.encode(lightness), hints)

    def encode(self, lightness: Tensor) -> Encoding:
        """Compute everything that does not depend on the hints, for lightness B1HW in 0..100."""
        height, width = lightness.shape[-2:]
        levels = [F.pad(lightness.float(), pad_amounts(lightness, 2**_COARSEST), mode="replicate")]
        features = [self._in_chunks(lambda light: self.encoder[0]((light - 50) / 50), levels[0])]
        for block in list(self.encoder)[1:]:
            levels.append(F.avg_pool2d(levels[-1], 2))
            features.append(block(F.avg_pool2d(features[-1], 2)))
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
        )

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
        finest = encoding.lightness[0]
        amounts = pad_amounts(hints.mask, 2**_COARSEST)
        pyramid = [hint_state(finest, F.pad(hints.ab.float(), amounts), F.pad(hints.mask.float(), amounts))]
        for _ in range(_COARSEST):
            pyramid.append(pull(pyramid[-1]))
        state = pull_push(pyramid[-1])
        for level in reversed(range(_COARSEST + 1)):
            light, features = encoding.lightness[level], encoding.features[level]
            given, weight = torch.split(pyramid[level], [STATE_CHANNELS, 1], dim=1)
            density, free = hint_density(weight), 1 - weight
            if level < _COARSEST:
                state = torch.addcmul(given, free, upsample(state, encoding.upsample_weights[level]))
            for attention in self._attention_at(level):
                inputs = features, light, pyramid[level], density, state
                attend = partial(_attend, attention)
                output = self._in_chunks(attend, *inputs) if attention.window else attend(*inputs)
                attended, confidence = torch.split(output, [STATE_CHANNELS, 1], dim=1)
                given = torch.addcmul(given, free * confidence, attended)
                free = free * (1 - confidence)
            state = propagate(state, encoding.neighbor_weights[level], given, free, self.steps_per_level[level])
            if level in _OFFSET_LEVELS:
                offset_head = self.color_offset[_OFFSET_LEVELS.index(level)]
                offset = offset_head(torch.cat([features, *_describe_state(state, light), weight, density], dim=1))
                state = state + F.pad((1 - weight) * _AB_UNIT * offset, (0, 0, 0, 0, 0, STATE_CHANNELS - 2))
        inputs = encoding.features[0], finest, pyramid[0], density, state
        ab = self._in_chunks(self._correct_for_lightness, *inputs, pixels=_CACHE_PIXELS, halo=0)
        height, width = encoding.size
        return ab[..., :height, :width]

    def _attention_at(self, level: int) -> list[nn.Module]:
        global_attention = [self.global_attention] if level == _GLOBAL_LEVEL else []
        return [*global_attention, *([self.window_attention[level]] if level < _COARSEST else [])]

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
    return [ab / _AB_UNIT, (lightness - state[:, 2:3]) / 50, 10 * spread]


def _conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)]
        layers += [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
