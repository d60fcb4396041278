"""SpreadNet: a small network that learns how color spreads from hints, near and far, rather than the colors.

A convolutional encoder-decoder reads the lightness alone, once for a picture, and says at each level of a pyramid how
much each pixel takes from each neighbor. Hints are pulled down the pyramid; on the way up color is filled in, found
by looking for hints that are alike, and spread step by step with the hints held fixed. Before it is trained the network
spreads as Levin's method does; where a pixel is hinted it answers the hint, trained or not.
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
from chromahint.models.layers.hint_attention import STATE, HintAttention, hint_density
from chromahint.models.layers.lab_scaling import Float32Conv2d, pad_amounts
from chromahint.models.layers.propagation import neighbor_weights, propagate, upsample, upsample_weights
from chromahint.models.pullpush import pull, pull_push
from chromahint.models.registry import ModelInfo

MODEL_INFO = ModelInfo(
    year=2026,
    input="(L - 50) / 50; hints are spread, not read",
    source="Chromahint",
    recipe="train experiment=spreadnet",
)

# of each level, the finest first: features and steps as multiples of the options, cells a side that places look at
_WIDTHS = (1.0, 1.5, 2.0, 3.0, 3.0)
_STEPS = (1.0, 1.0, 1.5, 2.0, 3.0)
_WINDOWS = (5, 7, 7, 7)
_COARSEST = len(_WIDTHS) - 1
_WHOLE = 3
"""The level that looks at the whole picture."""
_SHIFTED = (2, 3)
"""Levels whose colors are shifted by what no hint says."""
_STRONG = AB_LIMIT / 2
"""Lab units that small layers count color in."""
_AT_ONCE = 2**17
"""Pixels of a picture that are worked on at a time where much memory is needed for each."""
_IN_CACHE = 2**14
"""Pixels of a picture that are worked on at a time where a processor's caches then hold what is needed for them."""
_HALO = 16
"""Rows around a strip that its pixels may depend on, a multiple of the side of a cell."""


class Encoding(NamedTuple):
    """What the network says of a gray picture, whatever the hints: to be kept from one hint to the next.

    Attributes:
        size: height and width of the picture.
        lightness: B1HW in 0..100 of each level, the finest first.
        features: BCHW of each level.
        taking: B8HW of each level, what pixels take from their neighbors.
        filling: what the pixels of each level but the coarsest take from the next coarser one.
    """

    size: tuple[int, int]
    lightness: list[Tensor]
    features: list[Tensor]
    taking: list[Tensor]
    filling: list[Tensor]


class SpreadNet(nn.Module):
    """Spreads hints by learned weights over five levels.

    Args:
        width: features of the finest level, an even number.
        steps: of spreading at the finest level; coarser ones have up to three times as many.
    """

    def __init__(self, width: int = 16, propagation_steps: int = 4) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"model.width={width}: an even number from 2 is allowed; type model.width=16")
        if propagation_steps < 0:
            raise ValueError(
                f"model.propagation_steps={propagation_steps}: 0 or more are allowed; type model.propagation_steps=4"
            )
        widths = [int(factor * width) for factor in _WIDTHS]
        self.propagation_steps = [int(factor * propagation_steps) for factor in _STEPS]
        self.down = nn.ModuleList(_block(a, b) for a, b in zip([1, *widths[:-1]], widths, strict=True))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.taking = nn.ModuleList(zero_init_conv(channels, 8) for channels in widths)
        self.filling = nn.ModuleList(zero_init_conv(channels, 16) for channels in widths[1:])
        self.far = HintAttention(widths[_WHOLE], heads=4, trust=-2.0)
        self.near = nn.ModuleList(
            HintAttention(channels, features=16 if level else 8, window=window)
            for level, (channels, window) in enumerate(zip(widths[:-1], _WINDOWS, strict=True))
        )
        self.shift = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[level] + 6, 2 * width, 3, padding=1), nn.ReLU(), zero_init_conv(2 * width, 2)
            )
            for level in _SHIFTED
        )
        self.tone = nn.Sequential(
            nn.Conv2d(widths[0] + 7, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, kernel_size=1),
            nn.ReLU(inplace=True),
            zero_init_conv(2 * width, 3, nn.Conv2d),
        )

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Color pictures.

        Args:
            lightness: B1HW in 0..100.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32; at hinted pixels the hint.
        """
        return self.propagate(self.encode(lightness), hints)

    def encode(self, lightness: Tensor) -> Encoding:
        """Do all that does not depend on hints, for lightness B1HW in 0..100."""
        height, width = lightness.shape[-2:]
        levels = [F.pad(lightness.float(), pad_amounts(lightness, 2**_COARSEST), mode="replicate")]
        features = [self._in_strips(lambda light: self.down[0]((light - 50) / 50), levels[0])]
        for block in list(self.down)[1:]:
            levels.append(F.avg_pool2d(levels[-1], 2))
            features.append(block(F.avg_pool2d(features[-1], 2)))
        for level in reversed(range(_COARSEST)):
            features[level] = self._in_strips(partial(_join, self.up[level]), features[level], features[level + 1])
        return Encoding(
            (height, width),
            levels,
            features,
            [
                self._in_strips(partial(_take, head), light, x)
                for light, x, head in zip(levels, features, self.taking, strict=True)
            ],
            [
                upsample_weights(levels[level], levels[level + 1], head(features[level + 1]))
                for level, head in enumerate(self.filling)
            ],
        )

    def propagate(self, reading: Encoding, hints: Hints) -> Tensor:
        """Color the pictures that were read: ab B2HW in Lab units, float32."""
        finest = reading.lightness[0]
        room = pad_amounts(hints.mask, 2**_COARSEST)
        known = [hint_state(finest, F.pad(hints.ab.float(), room), F.pad(hints.mask.float(), room))]
        for _ in range(_COARSEST):
            known.append(pull(known[-1]))
        state = pull_push(known[-1])
        for level in reversed(range(_COARSEST + 1)):
            light, features = reading.lightness[level], reading.features[level]
            given, weight = torch.split(known[level], [STATE, 1], dim=1)
            dense, free = hint_density(weight), 1 - weight
            if level < _COARSEST:
                state = torch.addcmul(given, free, upsample(state, reading.filling[level]))
            seekers = [*([self.far] if level == _WHOLE else []), *([self.near[level]] if level < _COARSEST else [])]
            for seek in seekers:
                seen = features, light, known[level], dense, state
                both = self._in_strips(partial(_find, seek), *seen) if seek.window else _find(seek, *seen)
                found, trust = torch.split(both, [STATE, 1], dim=1)
                given = torch.addcmul(given, free * trust, found)
                free = free * (1 - trust)
            state = propagate(state, reading.taking[level], given, free, self.propagation_steps[level])
            if level in _SHIFTED:
                about = [features, *_about(state, light), weight, dense]
                shift = self.shift[_SHIFTED.index(level)](torch.cat(about, dim=1))
                state = state + F.pad((1 - weight) * _STRONG * shift, (0, 0, 0, 0, 0, STATE - 2))
        ab = self._in_strips(self._tone, reading.features[0], finest, known[0], dense, state, pixels=_IN_CACHE, halo=0)
        height, width = reading.size
        return ab[..., :height, :width]

    def _tone(self, features: Tensor, lightness: Tensor, known: Tensor, dense: Tensor, state: Tensor) -> Tensor:
        """A pixel lighter or darker than the hints that it goes by has another color; at a hint it is neither."""
        weight, ab = known[:, STATE:], state[:, :2]
        about = [features, *_about(state, lightness), weight, dense, lightness / 100]
        stronger, other = torch.split(self.tone(torch.cat(about, dim=1)), [1, 2], dim=1)
        return ab + (lightness - state[:, 2:3]) / 50 * (stronger * ab + 50 * other)

    def _in_strips(
        self, step: Callable[..., Tensor], *pictures: Tensor, pixels: int = _AT_ONCE, halo: int = _HALO
    ) -> Tensor:
        """Do a step on a large picture strip by strip.

        Args:
            step: maps the pictures to one of the height of the first.
            pictures: BCHW, of the same height or of half of it.
            pixels: of a strip.
            halo: rows around a strip that its pixels may depend on.
        """
        height, width = pictures[0].shape[-2:]
        rows = max(2 * _HALO, pixels // width // _HALO * _HALO)
        if torch.compiler.is_exporting() or self.training or height <= rows:
            return step(*pictures)
        strips = []
        for first in range(0, height, rows):
            top, bottom = max(0, first - halo), min(height, first + rows + halo)
            cut = [x[..., top * x.shape[-2] // height : bottom * x.shape[-2] // height, :] for x in pictures]
            strips.append(step(*cut)[..., first - top : first - top + rows, :])
        return torch.cat(strips, dim=2)


def _join(block: nn.Module, finer: Tensor, coarser: Tensor) -> Tensor:
    larger = F.interpolate(coarser, scale_factor=2.0, mode="nearest")
    joined: Tensor = block(torch.cat([larger, finer], dim=1))
    return joined


def _take(head: nn.Module, lightness: Tensor, features: Tensor) -> Tensor:
    return neighbor_weights(lightness, head(features))


def _find(seek: nn.Module, *pictures: Tensor) -> Tensor:
    return torch.cat(seek(*pictures), dim=1)


def hint_state(lightness: Tensor, ab: Tensor, mask: Tensor) -> Tensor:
    """The `STATE` of hinted pixels, 0 elsewhere, and the mask."""
    ab = ab * mask
    return torch.cat([ab, lightness * mask, (ab / AB_LIMIT).square().sum(dim=1, keepdim=True), mask], dim=1)


def _about(state: Tensor, lightness: Tensor) -> list[Tensor]:
    """Color, how much lighter the pixel is than the hints that it goes by, and how much these differ."""
    ab = state[:, :2]
    differ = state[:, 3:] - (ab / AB_LIMIT).square().sum(dim=1, keepdim=True)
    return [ab / _STRONG, (lightness - state[:, 2:3]) / 50, 10 * differ]


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]
    return nn.Sequential(*layers)


def zero_init_conv(inputs: int, outputs: int, kind: type[nn.Conv2d] = Float32Conv2d) -> nn.Conv2d:
    """A last layer that says 0 until it has learned something else."""
    conv = kind(inputs, outputs, kernel_size=1)
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv
