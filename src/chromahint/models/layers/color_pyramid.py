"""Color pyramid: propagates the colors of hints, and of a coarse grid, to all pixels.

A convolutional encoder-decoder reads the lightness at full resolution. At each of four levels, it predicts how much
every pixel takes from each of its neighbors and from the next coarser level. From the coarsest level to the finest, the
color is upsampled, mixed with colors that attention finds at similar hints nearby, and propagated between neighbors for
a few steps while hinted pixels stay fixed. Small heads finally correct the color for what hints do not determine.

Before training, all learned terms are 0, and color propagates like in Levin's method.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.color import AB_LIMIT
from chromahint.hints.hints import Hints
from chromahint.models.layers.hint_attention import STATE_CHANNELS, HintAttention, hint_density
from chromahint.models.layers.lab_scaling import Float32Conv2d, pad_amounts
from chromahint.models.layers.prior_attention import AB_UNIT, CellColors
from chromahint.models.layers.propagation import neighbor_weights, propagate, upsample, upsample_weights
from chromahint.models.pullpush import pull

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


class PyramidEncoding(NamedTuple):
    """What depends only on the lightness of an image.

    Attributes:
        lightness: B1HW in 0..100 of each level, finest first; padded to a multiple of the coarsest pixel.
        features: BCHW of each level.
        neighbor_weights: B8HW of each level, weights between neighboring pixels.
        upsample_weights: Weights of each level but the coarsest for the pixels of the next coarser level.
    """

    lightness: list[Tensor]
    features: list[Tensor]
    neighbor_weights: list[Tensor]
    upsample_weights: list[Tensor]


class ColorPyramid(nn.Module):
    """Propagates colors from hints and from a grid of cells to all pixels, level by level.

    Args:
        width: Features of the finest level, an even number.
        propagation_steps: Propagation steps at the finest level. Coarser levels use up to twice as many.
        semantic_channels: Features of a cell, which the coarsest level reads.
    """

    def __init__(self, width: int, propagation_steps: int, semantic_channels: int) -> None:
        super().__init__()
        widths = [int(factor * width) for factor in _WIDTHS]
        self.steps_per_level = [int(factor * propagation_steps) for factor in _STEPS]
        self.encoder = nn.ModuleList(_conv_block(a, b) for a, b in zip([1, *widths[:-1]], widths, strict=True))
        self.decoder = nn.ModuleList(_conv_block(a + b, a) for a, b in pairwise([*widths, semantic_channels]))
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
            _PixelConv(widths[0] + 7, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            _PixelConv(2 * width, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            zero_init_conv(2 * width, 3, _PixelConv),
        )

    def encode(self, lightness: Tensor, semantic_features: Tensor) -> PyramidEncoding:
        """Compute everything that does not depend on the hints.

        Args:
            lightness: B1HW in 0..100.
            semantic_features: BCHW of the cells.
        """
        levels = [F.pad(lightness, pad_amounts(lightness, 2**_COARSEST), mode="replicate")]
        features = [self._in_chunks(lambda light: self.encoder[0]((light - 50) / 50), levels[0])]
        for block in list(self.encoder)[1:]:
            levels.append(F.avg_pool2d(levels[-1], 2))
            features.append(block(F.avg_pool2d(features[-1], 2)))
        semantic = F.interpolate(semantic_features, levels[-1].shape[-2:], mode="bilinear")
        features[-1] = self.decoder[_COARSEST](torch.cat([semantic, features[-1]], dim=1))
        for level in reversed(range(_COARSEST)):
            decode = partial(_decode, self.decoder[level])
            features[level] = self._in_chunks(decode, features[level], features[level + 1])
        return PyramidEncoding(
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

    def forward(self, encoding: PyramidEncoding, colors: CellColors, hints: Hints) -> Tensor:
        """Upsample the colors of the cells level by level, and propagate hints at each level.

        Every pixel has a state of `STATE_CHANNELS` channels: its color, and the lightness and diversity of the hints
        that the color comes from. At each level, `given` holds known state times its confidence, and `free` is the
        remaining share, which comes from the coarser level and from neighbors.

        Args:
            encoding: From `encode`.
            colors: Colors of the cells.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32. Hinted pixels keep their hint.
        """
        height, width = hints.mask.shape[-2:]
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
    return torch.cat([ab, lightness * mask, _squared_chroma(ab), mask], dim=1)


def zero_init_conv(in_channels: int, out_channels: int, conv_type: type[nn.Conv2d] = Float32Conv2d) -> nn.Conv2d:
    """Create a 1x1 convolution that outputs 0 until it is trained."""
    conv = conv_type(in_channels, out_channels, kernel_size=1)
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv


class _PixelConv(nn.Conv2d):
    """1x1 convolution. For the few channels here, a matrix product is about twice as fast on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Map the channels of BCHW."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or not x.is_cpu:
            return super().forward(x)
        assert self.bias is not None
        weight, bias = self.weight.flatten(1), self.bias[:, None]
        products = torch.stack([torch.addmm(bias, weight, image) for image in x.flatten(2)])
        return products.view(-1, self.out_channels, *x.shape[2:])


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
    spread = state[:, 3:] - _squared_chroma(ab)
    return [ab / AB_UNIT, (lightness - state[:, 2:3]) / 50, 10 * spread]


def _squared_chroma(ab: Tensor) -> Tensor:
    """Return (a^2 + b^2) / 110^2 of ab B2HW, B1HW."""
    a, b = torch.split((ab / AB_LIMIT).square(), 1, dim=1)
    return a + b  # several times as fast as a sum over two channels


def _conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)]
        layers += [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
