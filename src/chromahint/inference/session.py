"""Interactive colorization session for one photo: keeps its lightness and its encoding between hints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chromahint.color import lab_to_gamut_mapped_rgb, rgb_to_lab
from chromahint.hints.annotations import Annotations, parse_annotations
from chromahint.hints.global_hints import GlobalHints
from chromahint.hints.hint_file import read_hints
from chromahint.hints.hint_layers import HintLayers, hint_layers
from chromahint.hints.hints import Hints
from chromahint.hints.sparse_hints import SparseHints, sparse_from_hints
from chromahint.inference.array_adapters import ImageBuffer
from chromahint.inference.look import Look, Reach, reach_map
from chromahint.inference.segments import Parts
from chromahint.inference.upsample import joint_bilateral_upsample, restore_hint_pixels

HintsLike = Hints | Annotations | SparseHints | HintLayers | str | Path | Sequence[Any] | None
"""Hints in any form (see `Colorizer.colorize`)."""

Size = tuple[int, int]
DEFAULT_LOOK = Look()
_CHUNK_PIXELS = 2**17
"""Pixels of a photo that are processed at a time."""


@runtime_checkable
class CachedEncoder(Protocol):
    """Network whose computation splits into an encoding of the lightness, which can be cached, and the rest."""

    def encode(self, lightness: Tensor) -> Any:
        """Encode lightness B1HW in 0..100 as a tensor, or nested tuples, lists, and dicts of tensors, batch first."""
        ...

    def propagate(self, encoding: Any, hints: Hints) -> Tensor:
        """Predict ab B2HW in Lab units from an encoding and hints."""
        ...


@runtime_checkable
class ChoosesHints(CachedEncoder, Protocol):
    """Network that predicts where the next hint helps most."""

    def expected_gain(self, encoding: Any, hints: Hints) -> Tensor:
        """Predict how much squared error, in Lab units, one more hint removes, for each cell of a grid, B1hw."""
        ...

    def expected_error(self, encoding: Any, hints: Hints) -> Tensor:
        """Predict the error of ab, in Lab units, of each cell of a grid, B1hw."""
        ...


class Session:
    """A photo that a network colors repeatedly, with changing hints.

    Args:
        network: Network in eval mode, (lightness, hints) -> ab.
        size: The network colors a version of the photo of about size x size pixels.
        square: Squash the photo to size x size instead.
        device: Device of the network.
        image: Buffer of the photo and its colored version.
        lightness: L 11HW in 0..100 of the photo, if known.
    """

    def __init__(
        self,
        network: nn.Module,
        size: int,
        square: bool,
        device: torch.device,
        image: ImageBuffer,
        lightness: Tensor | None = None,
    ) -> None:
        self.network = network
        self.size = size
        self.square = square
        self.device = device
        self.image = image
        self.lightness = compute_lightness(image, device) if lightness is None else lightness
        self._inputs: dict[int, Tensor] = {}
        self._encodings: dict[int, Any] = {}
        self._parts: Parts | None = None
        self._priors: dict[int, tuple[GlobalHints | None, Tensor]] = {}

    def network_input(self, size: int | None = None) -> Tensor:
        """Return the input of the network, L 11hw in 0..100, on its device.

        Args:
            size: Downsample the photo to about size x size pixels; None is the size of the session.
        """
        size = self.size if size is None else size
        if size not in self._inputs:
            self._inputs[size] = _downsample(self.lightness, size, self.square).to(self.device)
        return self._inputs[size]

    def encoding(self, size: int | None = None) -> Any:
        """Return the encoding of the network's input, from a `CachedEncoder`. It is kept.

        Args:
            size: As in `network_input`.
        """
        size = self.size if size is None else size
        if size not in self._encodings:
            self._encodings[size] = self.network.encode(self.network_input(size))  # type: ignore[operator]
        return self._encodings[size]

    @torch.no_grad()
    def colorize_small(self, hints: HintsLike = None, size: int | None = None, look: Look = DEFAULT_LOOK) -> Tensor:
        """Predict ab 12hw in Lab units for the downsampled photo. Its encoding is cached.

        Args:
            hints: Hints for the photo at its original size, as in `Colorizer.colorize`.
            size: Downsample the photo to about size x size pixels; None is the size of the session.
            look: How the colors are used.
        """
        small = self.network_input(size)
        size = self.size if size is None else size
        if isinstance(self.network, CachedEncoder):
            self.encoding(size)
        return self._predict(small, size, self._layers(small, size, hints), look.reach) * look.strength

    @torch.no_grad()
    def colorize_full(self, hints: HintsLike = None, look: Look = DEFAULT_LOOK) -> None:
        """Color the photo at its original size and write it to the buffer's output."""
        small = self.network_input()
        layers = self._layers(small, self.size, hints)
        ab = self._predict(small, self.size, layers, look.reach)
        height, width = self.image.size
        for first, step in row_chunks(height, width):
            rows = self.lightness[..., first : first + step, :].to(self.device)
            colored = joint_bilateral_upsample(ab, small, rows, first, height)
            restore_hint_pixels(colored, layers.valid, first)
            self.image.fill(first, lab_to_gamut_mapped_rgb(rows, colored * look.strength))

    def parts(self) -> Parts:
        """Return the parts of the downsampled photo, which are kept."""
        if self._parts is None:
            self._parts = Parts(self.network_input(), self.colorize_small())
        return self._parts

    def _layers(self, small: Tensor, size: int, hints: HintsLike) -> HintLayers:
        [layers] = to_hint_layers([self.image.size], hints)
        if not layers.is_weakened:
            return layers
        return layers.with_strength_applied(self._prior(small, size, layers.everywhere))

    def _predict(self, small: Tensor, size: int, layers: HintLayers, reach: Reach) -> Tensor:
        """Predict ab of the downsampled photo, each of its parts with the hints that count there."""
        ab = self._predict_near(small, size, layers.everywhere, reach)
        for part in layers.parts:
            mask = part.mask((small.shape[-2], small.shape[-1])).to(ab.device)
            has_hints = len(part.pixels.flat_index) > 0
            colors = (self._predict_whole if has_hints else self._prior)(small, size, part.pixels)
            ab = torch.lerp(ab, colors, mask)
        return ab

    def _predict_near(self, small: Tensor, size: int, pixels: SparseHints, reach: Reach) -> Tensor:
        """Predict ab of the downsampled photo; with the reach `near`, hints count only around them."""
        if not len(pixels.flat_index):
            return self._prior(small, size, pixels)
        ab = self._predict_whole(small, size, pixels)
        if reach == "whole":
            return ab
        prior = self._prior(small, size, pixels)
        weight = reach_map(small, pixels.to_dense((small.shape[-2], small.shape[-1])).mask)
        return prior + weight * (ab - prior)

    def _prior(self, small: Tensor, size: int, pixels: SparseHints) -> Tensor:
        """Predict ab without hinted pixels. It is kept until the palette changes."""
        palette = pixels.global_hints
        if size not in self._priors or not _is_same(self._priors[size][0], palette):
            self._priors[size] = palette, self._predict_whole(small, size, pixels.select(torch.arange(0)))
        return self._priors[size][1]

    def _predict_whole(self, small: Tensor, size: int, pixels: SparseHints) -> Tensor:
        if pixels.global_hints is not None and not takes_palette(self.network):
            raise ValueError(
                f"palette: {type(self.network).__name__} takes no palette. Leave it out, or use spreadnet, xiao2019, "
                "or zhang2017 with global hints."
            )
        hints = pixels.to_dense((small.shape[-2], small.shape[-1])).to(self.device)
        if isinstance(self.network, CachedEncoder) and size in self._encodings:
            return self.network.propagate(self._encodings[size], hints).float()
        ab: Tensor = self.network(small, hints)
        return ab.float()


def _is_same(one: GlobalHints | None, other: GlobalHints | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(map(torch.equal, one, other))


def takes_palette(network: nn.Module) -> bool:
    """Return whether a network reads the palette of `Hints.global_hints`."""
    return bool(getattr(network, "takes_palette", False))


def row_chunks(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield (first row, number of rows) of chunks that are small enough to process at once."""
    step = max(1, _CHUNK_PIXELS // width)
    for first in range(0, height, step):
        yield first, min(step, height - first)


def to_sparse_hints(sizes: Sequence[Size], hints: HintsLike) -> list[SparseHints]:
    """Convert hints to hinted pixels of images of these heights and widths.

    Raises:
        ValueError: The hints do not fit the images, or their type is not supported.
    """
    if isinstance(hints, Hints):
        for name, maps, channels in (("ab", hints.ab, 2), ("mask", hints.mask, 1)):
            if tuple(maps.shape) != (len(sizes), channels, *sizes[0]):
                raise ValueError(
                    f"hints.{name} of shape {tuple(maps.shape)}: does not fit the image. "
                    f"Pass a tensor of shape {(len(sizes), channels, *sizes[0])}."
                )
            if not bool(torch.isfinite(maps).all()):
                raise ValueError(f"hints.{name}: contains nan or inf. Pass finite values.")
        return [sparse_from_hints(hints.images(n, n + 1)) for n in range(len(sizes))]
    if isinstance(hints, HintLayers):
        hints = hints.valid
    if isinstance(hints, SparseHints):
        return [hints.resized(size) for size in sizes]
    if isinstance(hints, str | Path):
        hints = read_hints(hints)
    if hints is not None and not isinstance(hints, Annotations):
        if not isinstance(hints, Sequence):
            raise ValueError(
                f"hints of type {type(hints).__name__}: not supported. "
                "Pass a list of (x, y, color, radius), the path of a hint file, or Hints(ab, mask)."
            )
        hints = parse_annotations(hints)
    return [(hints or Annotations()).rasterize(*size) for size in sizes]


def to_hint_layers(sizes: Sequence[Size], hints: HintsLike) -> list[HintLayers]:
    """Convert hints to those of images of these heights and widths, with the parts in which they count.

    Raises:
        ValueError: The hints do not fit the images, or their type is not supported.
    """
    if isinstance(hints, HintLayers):
        return [hints] * len(sizes)
    if isinstance(hints, str | Path):
        hints = read_hints(hints)
    if isinstance(hints, Annotations):
        return [hint_layers(hints, *size) for size in sizes]
    return [HintLayers(pixels, (), pixels) for pixels in to_sparse_hints(sizes, hints)]


def compute_lightness(image: ImageBuffer, device: torch.device) -> Tensor:
    """Return L 11HW in 0..100 of a photo, on the CPU. It is computed on the device, in chunks."""
    height, width = image.size
    lightness = torch.empty(1, 1, height, width)
    for first, step in row_chunks(height, width):
        rgb = image.rows(first, first + step, device)
        lightness[..., first : first + step, :] = rgb_to_lab(rgb)[0]
    return lightness


def _downsample(lightness: Tensor, size: int, square: bool) -> Tensor:
    height, width = lightness.shape[-2:]
    scale = min(1.0, size / math.sqrt(height * width))
    shape = (size, size) if square else (max(1, round(height * scale)), max(1, round(width * scale)))
    if shape == (height, width):
        return lightness
    return F.interpolate(lightness, shape, mode="bilinear", antialias=True)
