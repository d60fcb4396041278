"""From a grey picture to colour in Python: any picture of any size, any hints, a picture of the same kind back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from chromahint.color import lab_to_rgb8, lab_to_shown_rgb, rgb_to_lab
from chromahint.hints.hint_file import read_hints
from chromahint.hints.maps import Hints
from chromahint.hints.marks import Marks, marks_of
from chromahint.hints.pixels import HintedPixels, pixels_of
from chromahint.inference.images import Opened, open_images
from chromahint.inference.load import Say, load_network
from chromahint.inference.ready import choose_device
from chromahint.inference.upsample import bring_up
from chromahint.models.suggest import suggest

AnyPicture = TypeVar("AnyPicture", NDArray[Any], Image.Image, Tensor)
Given = Hints | Marks | HintedPixels | str | Path | Sequence[Any] | None
"""Hints in any form; see `Colorizer.colorize`."""

LEAST_SIZE = 16
_AT_ONCE = 2**18
"""Pixels of a photo that are worked on at a time."""
_NEAR = 8.0
"""Units of ab: a hinted pixel of a network that is that far from its hint would be a speck if it were set to it."""


class SuggestedColor(NamedTuple):
    """A colour to choose from.

    Attributes:
        color: #rrggbb with the pixel's lightness, to be used as a hint.
        probability: 0..1; those of all suggestions sum to 1.
    """

    color: str
    probability: float


class Colorizer:
    """Colours pictures with a network: `Colorizer.load()` has the weights in the package.

    The network sees a picture shrunk to about `size` x `size` pixels, and its colours are brought up along the edges of
    the picture, which keeps its own lightness at its own size.

    Args:
        network: ready to colour, (lightness, hints) -> ab.
        name: of the network, for messages.
        size: the network sees pictures of about size x size pixels, in their own proportions; smaller ones as they are.
        square: whether pictures of any size are squashed to size x size, as networks were published with.
    """

    def __init__(self, network: nn.Module, name: str, size: int, square: bool = False) -> None:
        if size < LEAST_SIZE:
            raise ValueError(f"size={size}: {LEAST_SIZE} pixels or more are allowed, such as 512")
        self.network = network
        self.name = name
        self.size = size
        self.square = square
        self.device = next((p.device for p in network.parameters()), torch.device("cpu"))

    @classmethod
    def load(
        cls,
        source: str | Path = "box",
        *,
        size: int | None = None,
        device: str = "auto",
        say: Say = lambda sentence: None,
    ) -> Colorizer:
        """Make a network ready.

        Args:
            source: `box` for the weights in the package; the folder of a run; a file of weights (a checkpoint,
                safetensors, or a released file of HSCAU-Net, Zhang 2017 or iColoriT); a folder or an ONNX file that
                `chromahint export` wrote; or `levin` or `pullpush`, which have nothing to learn.
            size: the network sees pictures of about size x size pixels; None takes what is good for the network.
            device: auto, cpu, cuda, cuda:1 or mps.
            say: told, in a sentence, what was found.

        Raises:
            ValueError: there is no such source, or it can't be used.
        """
        loaded = load_network(source, choose_device(device), say)
        return cls(loaded.network, loaded.name, loaded.size if size is None else size, loaded.square)

    @torch.no_grad()
    def colorize(self, image: AnyPicture, hints: Given = None) -> AnyPicture:
        """Colour a picture; of one that has colours only the lightness counts.

        Args:
            image: a NumPy array HxW or HxWx3, a PIL image, or a tensor CxHxW or BxCxHxW with 1 or 3 channels; uint8,
                uint16, or floating point in 0..1; sRGB.
            hints: points as tuples (x, y, color) or (x, y, color, radius), x to the right and y down from 0 in pixels,
                the colour as "#rrggbb" or (r, g, b), or None for what stays grey; the path of a hint file; `Marks`;
                or maps, `Hints` (ab B2HW, mask B1HW) of the picture's size. A batch takes maps, or the same hints for
                all.

        Returns:
            A coloured picture of the same kind, size and type, RGB, with the lightness of the one given.
        """
        opened, close = open_images(image)
        for picture, pixels in zip(opened, _pixels(hints, opened), strict=True):
            self._fill(picture, pixels)
        coloured: AnyPicture = close()
        return coloured

    @torch.no_grad()
    def suggest(self, image: AnyPicture, x: int, y: int, hints: Given = None) -> list[SuggestedColor]:
        """Offer up to nine colours for a pixel, the likeliest first; only networks with colour classes can.

        Args:
            image: as in `colorize`, one picture.
            x: of the pixel.
            y: of the pixel.
            hints: as in `colorize`.
        """
        opened, _ = open_images(image)
        if len(opened) != 1:
            raise ValueError(f"colours are suggested for one picture at a time, not {len(opened)}")
        height, width = opened[0].size
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"x={x}, y={y}: outside of the photo, which is {width} wide and {height} high")
        small = self._small(self._lightness(opened[0]))
        size = (small.shape[-2], small.shape[-1])
        given = _pixels(hints, opened)[0].at(size).to(self.device)
        row, column = y * size[0] // height, x * size[1] // width
        found = suggest(self.network, small, given, row, column)  # type: ignore[arg-type]  # it tells whether it can
        place = small[..., row : row + 1, column : column + 1].cpu()
        shown = [lab_to_rgb8(place, torch.tensor(each.ab).view(1, 2, 1, 1)).flatten().tolist() for each in found]
        return [
            SuggestedColor("#{:02x}{:02x}{:02x}".format(*rgb), each.probability)
            for rgb, each in zip(shown, found, strict=True)
        ]

    def _fill(self, opened: Opened, pixels: HintedPixels) -> None:
        lightness = self._lightness(opened)
        small = self._small(lightness)
        ab = self.network(small, pixels.at((small.shape[-2], small.shape[-1])).to(self.device)).float()
        height, width = opened.size
        step = max(1, _AT_ONCE // width)
        for first in range(0, height, step):
            rows = lightness[..., first : first + step, :].to(self.device)
            coloured = bring_up(ab, small, rows, first, height)
            _keep_hints(coloured, pixels, first)
            opened.fill(first, lab_to_shown_rgb(rows, coloured))

    def _lightness(self, opened: Opened) -> Tensor:
        """L 11HW in 0..100, on the processor."""
        height, width = opened.size
        lightness = torch.empty(1, 1, height, width)
        step = max(1, _AT_ONCE // width)
        for first in range(0, height, step):
            rgb = opened.rows(first, first + step, self.device)
            lightness[..., first : first + step, :] = rgb_to_lab(rgb)[0]
        return lightness

    def _small(self, lightness: Tensor) -> Tensor:
        """What the network sees: L 11hw, on its device."""
        height, width = lightness.shape[-2:]
        share = min(1.0, self.size / math.sqrt(height * width))
        size = (max(1, round(height * share)), max(1, round(width * share)))
        if self.square:
            size = (self.size, self.size)
        if size != (height, width):
            lightness = F.interpolate(lightness, size, mode="bilinear", antialias=True)
        return lightness.to(self.device)


def _pixels(hints: Given, opened: Sequence[Opened]) -> list[HintedPixels]:
    """The hinted pixels of each picture."""
    sizes = [each.size for each in opened]
    if isinstance(hints, Hints):
        for name, maps, channels in (("ab", hints.ab, 2), ("mask", hints.mask, 1)):
            if tuple(maps.shape) != (len(opened), channels, *sizes[0]):
                raise ValueError(
                    f"hints.{name} has shape {tuple(maps.shape)}, and the picture needs "
                    f"{(len(opened), channels, *sizes[0])}"
                )
            if not bool(torch.isfinite(maps).all()):
                raise ValueError(f"hints.{name} holds values that are not numbers (nan or inf)")
        return [pixels_of(Hints(hints.ab[n : n + 1], hints.mask[n : n + 1])) for n in range(len(opened))]
    if isinstance(hints, HintedPixels):
        return [hints.moved(size) for size in sizes]
    if isinstance(hints, str | Path):
        hints = read_hints(hints)
    if hints is not None and not isinstance(hints, Marks):
        if not isinstance(hints, Sequence):
            raise ValueError(
                f"hints came as {type(hints).__name__}: allowed are a list of (x, y, color, radius), the path of a "
                "hint file, and Hints(ab, mask)"
            )
        hints = marks_of(hints)
    return [(hints or Marks()).on(*size) for size in sizes]


def _keep_hints(ab: Tensor, pixels: HintedPixels, first: int) -> None:
    """Set hinted pixels of a strip, ab 12RW, to their hint: inside of hinted areas, and where it is near anyway.

    A lone pixel whose hint the network has not taken would be a speck.
    """
    rows, width = ab.shape[-2:]
    # a row more above and below tells what is inside of an area
    around = torch.tensor([(first - 1) * width, (first + rows + 1) * width])
    start, end = torch.searchsorted(pixels.place, around).tolist()
    if start == end:
        return
    place = pixels.place[start:end] - (first - 1) * width
    mask = torch.zeros((rows + 2) * width)
    mask[place] = 1
    mask = mask.view(1, 1, rows + 2, width)
    beyond = [row for row, there in ((0, first > 0), (rows + 1, first + rows < pixels.size[0])) if not there]
    mask[:, :, beyond] = 1  # nothing lies beyond the border
    free = F.max_pool2d(F.pad(1 - mask, (1, 1, 0, 0)), 3, stride=1)[0, 0]
    inner = (place >= width) & (place < (rows + 1) * width)
    place, hint = place[inner] - width, pixels.ab[start:end][inner].T
    found = ab[0].flatten(1)
    hint, place = hint.to(ab.device), place.to(ab.device)
    exact = (free.flatten().to(ab.device)[place] == 0) | ((hint - found[:, place]).abs().amax(dim=0) <= _NEAR)
    found[:, place[exact]] = hint[:, exact]
