"""Hints in layers: those that count everywhere, and those that count in a part of a photo only."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.hints.annotations import Annotations, Polyline, Stroke
from chromahint.hints.brush import draw_stroke
from chromahint.hints.sparse_hints import SparseHints

Size = tuple[int, int]
_SUBPIXELS = 4
"""Masks are drawn this many times as large."""
_FEATHER = 0.005
"""Standard deviation of the blur of their edges, in lengths of the longer side."""
_MEMBERSHIP_SIDE = 1024
"""Whether a pixel belongs to a part is looked up in a mask whose longer side is at most this long."""


class Part(NamedTuple):
    """A part of a photo with hints of its own.

    Attributes:
        pixels: The hints that count there.
        outline: Outline of the part in pixels of the photo, or None.
        strokes: Strokes that cover the part, in pixels of the photo; weak ones cover less of it.
    """

    pixels: SparseHints
    outline: Polyline | None = None
    strokes: tuple[Stroke, ...] = ()

    def mask(self, size: Size) -> Tensor:
        """Return the share of each pixel that belongs to the part, 11hw in 0..1, in a version of the photo."""
        height, width = self.pixels.size
        canvas = min(height, _SUBPIXELS * size[0]), min(width, _SUBPIXELS * size[1])
        drawn = cv2.resize(self._draw(canvas), size[::-1], interpolation=cv2.INTER_AREA)
        return torch.from_numpy(cv2.GaussianBlur(drawn, (0, 0), _FEATHER * max(size)))[None, None]

    def contains(self, index: Tensor) -> Tensor:
        """Return for flat indices of pixels whether they belong to the part."""
        (height, width), scale = self.pixels.size, min(1.0, _MEMBERSHIP_SIDE / max(self.pixels.size))
        canvas = max(1, round(height * scale)), max(1, round(width * scale))
        row, column = index // width * canvas[0] // height, index % width * canvas[1] // width
        return torch.from_numpy(self._draw(canvas) > 0)[row, column]

    def _draw(self, canvas: Size) -> NDArray[np.float32]:
        """Return the share of each pixel that belongs to the part, without soft edges."""
        scale = np.array([canvas[1] / self.pixels.size[1], canvas[0] / self.pixels.size[0]])
        if self.outline is not None:
            inside = np.zeros(canvas, np.float32)
            cv2.fillPoly(inside, [_scaled(self.outline, scale)], color=1)
            return inside
        owner = np.zeros(canvas, np.int32)
        for number, stroke in enumerate(self.strokes, start=1):
            positions = _scaled(stroke.points, scale).clip(0, (canvas[1] - 1, canvas[0] - 1))
            draw_stroke(owner, [(x, y) for x, y in positions.tolist()], stroke.radius * float(scale.max()), number)
        strengths = np.array([0, *(stroke.strength for stroke in self.strokes)], np.float32)
        shares: NDArray[np.float32] = strengths[owner]
        return shares


class HintLayers(NamedTuple):
    """The hints of a photo.

    Attributes:
        everywhere: Hints that count in the whole photo, except where a part says otherwise.
        parts: Parts of the photo; a later one lies over those before.
        valid: Hints that count where they are, whatever their reach.
    """

    everywhere: SparseHints
    parts: tuple[Part, ...]
    valid: SparseHints

    @property
    def is_weakened(self) -> bool:
        """Whether some hints count less than fully."""
        return self.everywhere.strength is not None

    def with_strength_applied(self, ab: Tensor) -> HintLayers:
        """Return hints that all count fully (see `SparseHints.with_strength_applied`)."""
        parts = tuple(part._replace(pixels=part.pixels.with_strength_applied(ab)) for part in self.parts)
        return HintLayers(self.everywhere.with_strength_applied(ab), parts, self.valid.with_strength_applied(ab))


def hint_layers(annotations: Annotations, height: int, width: int) -> HintLayers:
    """Convert annotations to the hints of a photo.

    Marks with the same area share a part. Erasing strokes make up the last part, in which the hints inside count.

    Args:
        annotations: Points and strokes.
        height: Height of the photo in pixels.
        width: Width of the photo in pixels.

    Raises:
        ValueError: A mark is outside the photo. The message names it.
    """
    pixels, marks, mark = annotations.pixels_of_marks(height, width)
    on_photo = annotations.resized((height, width), (height, width))
    erasers = tuple(stroke for stroke in on_photo.strokes if stroke.enabled and stroke.color is None)
    areas = list(dict.fromkeys(each.area for each in marks if each.area is not None))
    if not erasers and not areas:
        return HintLayers(pixels, (), pixels)
    area_of = torch.tensor([-1 if each.area is None else areas.index(each.area) for each in marks], dtype=torch.long)
    area_of_pixel = area_of[mark]
    is_limited = area_of_pixel >= 0
    everywhere = pixels.select(~is_limited)
    is_valid = ~is_limited
    parts = []
    for number, area in enumerate(areas):
        part = Part(pixels, outline=annotations.in_pixels(area, (height, width)))
        counts = (area_of_pixel == number) & part.contains(pixels.flat_index)
        parts.append(part._replace(pixels=pixels.select(~is_limited | counts)))
        is_valid |= counts
    if erasers:
        erased = Part(pixels, strokes=erasers)
        inside = erased.contains(pixels.flat_index) & is_valid
        parts.append(erased._replace(pixels=pixels.select(inside)))
    return HintLayers(everywhere, tuple(parts), pixels.select(is_valid))


def _scaled(path: Polyline, scale: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the nearest pixels of a resized photo, clipped far outside of it."""
    positions = (np.array(path) + 0.5) * scale - 0.5
    pixels: NDArray[np.int32] = np.rint(positions.clip(-30_000, 30_000)).astype(np.int32)
    return pixels
