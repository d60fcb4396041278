"""One photo on the desk: its lightness, what networks see of it, and what they read there are kept between hints."""

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
from chromahint.hints.hint_file import read_hints
from chromahint.hints.hints import Hints
from chromahint.hints.sparse_hints import SparseHints, sparse_from_hints
from chromahint.inference.array_adapters import ImageBuffer
from chromahint.inference.upsample import joint_bilateral_upsample

HintsLike = Hints | Annotations | SparseHints | str | Path | Sequence[Any] | None
"""Hints in any form; see `Colorizer.colorize`."""

Size = tuple[int, int]
_CHUNK_PIXELS = 2**18
"""Pixels of a photo that are worked on at a time."""
_MAX_HINT_ERROR = 8.0
"""Units of ab: a hinted pixel of a network that is that far from its hint would be a speck if it were set to it."""


@runtime_checkable
class CachedEncoder(Protocol):
    """A network that does all that does not depend on hints once for an image."""

    def encode(self, lightness: Tensor) -> Any:
        """Read lightness B1HW."""
        ...

    def propagate(self, reading: Any, hints: Hints) -> Tensor:
        """Color what was read: ab B2HW."""
        ...


class Session:
    """A photo that a network colors again and again from other hints.

    Args:
        network: ready to color, (lightness, hints) -> ab.
        size: the network sees about size x size pixels of the photo.
        square: whether it sees the photo squashed to a square of that side.
        device: where the network is.
        image: Photo, and where its colors go.
        lightness: of the photo, L 11HW, where it is known already.
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
        self.lightness = lightness_of(image, device) if lightness is None else lightness
        self._seen: dict[int, Tensor] = {}
        self._read: dict[int, Any] = {}

    def network_input(self, size: int | None = None) -> Tensor:
        """What the network sees: L 11hw, on its device.

        Args:
            size: about size x size pixels; None is what is good for the network.
        """
        wanted = self.size if size is None else size
        if wanted not in self._seen:
            self._seen[wanted] = _shrunk(self.lightness, wanted, self.square).to(self.device)
        return self._seen[wanted]

    @torch.no_grad()
    def colorize_small(self, hints: HintsLike = None, size: int | None = None) -> Tensor:
        """Color what the network sees: ab 12hw in Lab units. What it reads there is kept for the next hints.

        Args:
            hints: as in `Colorizer.colorize`, for the whole photo.
            size: about size x size pixels; None is what is good for the network.
        """
        small = self.network_input(size)
        wanted = self.size if size is None else size
        if isinstance(self.network, CachedEncoder) and wanted not in self._read:
            self._read[wanted] = self.network.encode(small)
        return self._colors(small, wanted, to_sparse_hints([self.image.size], hints)[0])

    @torch.no_grad()
    def colorize_full(self, hints: HintsLike = None) -> None:
        """Color the whole photo into `opened`."""
        pixels = to_sparse_hints([self.image.size], hints)[0]
        small = self.network_input()
        ab = self._colors(small, self.size, pixels)
        height, width = self.image.size
        for first, step in row_chunks(height, width):
            rows = self.lightness[..., first : first + step, :].to(self.device)
            colored = joint_bilateral_upsample(ab, small, rows, first, height)
            restore_hint_pixels(colored, pixels, first)
            self.image.fill(first, lab_to_gamut_mapped_rgb(rows, colored))

    def _colors(self, small: Tensor, size: int, pixels: SparseHints) -> Tensor:
        hints = pixels.to_dense((small.shape[-2], small.shape[-1])).to(self.device)
        if isinstance(self.network, CachedEncoder) and size in self._read:
            return self.network.propagate(self._read[size], hints).float()
        ab: Tensor = self.network(small, hints)
        return ab.float()


def row_chunks(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First row and number of rows of strips of a photo that are small enough to be worked on at once."""
    step = max(1, _CHUNK_PIXELS // width)
    for first in range(0, height, step):
        yield first, min(step, height - first)


def to_sparse_hints(sizes: Sequence[Size], hints: HintsLike) -> list[SparseHints]:
    """List the hinted pixels of images of these heights and widths.

    Raises:
        ValueError: the hints do not fit.
    """
    if isinstance(hints, Hints):
        for name, maps, channels in (("ab", hints.ab, 2), ("mask", hints.mask, 1)):
            if tuple(maps.shape) != (len(sizes), channels, *sizes[0]):
                raise ValueError(
                    f"hints.{name} has shape {tuple(maps.shape)}, and the image needs "
                    f"{(len(sizes), channels, *sizes[0])}"
                )
            if not bool(torch.isfinite(maps).all()):
                raise ValueError(f"hints.{name} holds values that are not numbers (nan or inf)")
        return [sparse_from_hints(Hints(hints.ab[n : n + 1], hints.mask[n : n + 1])) for n in range(len(sizes))]
    if isinstance(hints, SparseHints):
        return [hints.resized(size) for size in sizes]
    if isinstance(hints, str | Path):
        hints = read_hints(hints)
    if hints is not None and not isinstance(hints, Annotations):
        if not isinstance(hints, Sequence):
            raise ValueError(
                f"hints came as {type(hints).__name__}: allowed are a list of (x, y, color, radius), the path of a "
                "hint file, and Hints(ab, mask)"
            )
        hints = parse_annotations(hints)
    return [(hints or Annotations()).rasterize(*size) for size in sizes]


def lightness_of(opened: ImageBuffer, device: torch.device) -> Tensor:
    """L 11HW in 0..100 of a photo, on the processor; converted on the device, strip by strip."""
    height, width = opened.size
    lightness = torch.empty(1, 1, height, width)
    for first, step in row_chunks(height, width):
        rgb = opened.rows(first, first + step, device)
        lightness[..., first : first + step, :] = rgb_to_lab(rgb)[0]
    return lightness


def _shrunk(lightness: Tensor, wanted: int, square: bool) -> Tensor:
    height, width = lightness.shape[-2:]
    share = min(1.0, wanted / math.sqrt(height * width))
    size = (wanted, wanted) if square else (max(1, round(height * share)), max(1, round(width * share)))
    if size == (height, width):
        return lightness
    return F.interpolate(lightness, size, mode="bilinear", antialias=True)


def restore_hint_pixels(ab: Tensor, pixels: SparseHints, first: int) -> None:
    """Set hinted pixels of a strip, ab 12RW, to their hint: inside of hinted areas, and where it is near anyway.

    A lone pixel whose hint the network has not taken would be a speck.
    """
    rows, width = ab.shape[-2:]
    # a row more above and below tells what is inside of an area
    around = torch.tensor([(first - 1) * width, (first + rows + 1) * width])
    start, end = torch.searchsorted(pixels.flat_index, around).tolist()
    if start == end:
        return
    place = pixels.flat_index[start:end] - (first - 1) * width
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
    exact = (free.flatten().to(ab.device)[place] == 0) | ((hint - found[:, place]).abs().amax(dim=0) <= _MAX_HINT_ERROR)
    found[:, place[exact]] = hint[:, exact]
