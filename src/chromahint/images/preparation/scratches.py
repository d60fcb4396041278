"""Dust and scratches: find them, and fill them from their surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from chromahint.images.pixels import Pixels

Mask = NDArray[np.uint8]
"""HxW, 255 where a photo is damaged."""

_THICKNESS = 0.0035
"""Width of the broadest scratch that is found, in lengths of the longer side."""
_MIN_THICKNESS = 5
_MIN_STEP = 22.0
"""Smallest difference from the surroundings, in 8-bit gray levels."""
_STEP_IN_ACTIVITIES = 6.0
_HYSTERESIS = 0.6
_WINDOW = 6
_MIN_LENGTH = 0.05
"""Shortest scratch, in lengths of the longer side."""
_MIN_FILLED = 0.7
"""Smallest share of a scratch that differs strongly from its surroundings."""
_DARK_PERCENT, _BRIGHT_PERCENT = 5, 90
_SURELY_DARK, _SURELY_BRIGHT = 26.0, 226.0
_SPECK_SHARE = 0.02
"""Places where more than this share differs from its surroundings are textures, not dusty."""
_SPECK_WINDOW = 12
_FILL_RADIUS = 3
_TILE = 256


class BrushStroke(NamedTuple):
    """A stroke over damage that is not found.

    Attributes:
        points: Positions (x, y) in pixels of the scan.
        radius: Radius of the brush in pixels.
    """

    points: tuple[tuple[float, float], ...]
    radius: float


def find_scratches(gray: Pixels) -> Mask:
    """Find dust and scratches: thin lines and specks, brighter or darker than smooth surroundings.

    Args:
        gray: HxW, uint8 or uint16.
    """
    values = cv2.convertScaleAbs(gray, alpha=1 / 257) if gray.dtype == np.uint16 else gray
    longer = max(values.shape)
    size = max(_MIN_THICKNESS, round(_THICKNESS * longer)) | 1
    window = _WINDOW * size + 1, _WINDOW * size + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
    steps = [cv2.morphologyEx(values, operation, kernel) for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    # how much the surroundings vary; a scratch itself counts as little as possible
    activity = cv2.blur(cv2.min(cv2.max(*steps), _MIN_STEP), window)
    threshold = cv2.max(cv2.convertScaleAbs(activity, alpha=_STEP_IN_ACTIVITIES), _MIN_STEP)
    weaker = cv2.convertScaleAbs(threshold, alpha=_HYSTERESIS)
    found = np.zeros(values.shape, np.uint8)
    # where the emulsion is gone, or dust lay, a print is about as bright or dark as it can be
    subset = values[:: max(1, longer // 1000), :: max(1, longer // 1000)]
    dark, bright = (float(limit) for limit in np.percentile(subset, [_DARK_PERCENT, _BRIGHT_PERCENT]))
    is_bright = cv2.compare(values, min(bright, _SURELY_BRIGHT), cv2.CMP_GE)
    is_dark = cv2.compare(values, max(dark, _SURELY_DARK), cv2.CMP_LE)
    for step, is_extreme in zip(steps, (is_bright, is_dark), strict=True):
        strong = cv2.compare(step, threshold, cv2.CMP_GT) & is_extreme
        weak = cv2.compare(step, weaker, cv2.CMP_GT)
        found |= _specks(strong, weak, size) | _lines(weak, strong, size, longer)
    dilated: Mask = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return dilated


def draw_strokes(strokes: Sequence[BrushStroke], height: int, width: int) -> Mask:
    """Return the mask of brush strokes."""
    mask = np.zeros((height, width), np.uint8)
    fraction = 4  # bits
    for stroke in strokes:
        path = np.rint(np.array(stroke.points, np.float64) * 2**fraction).astype(np.int32)
        thickness = max(1, round(2 * stroke.radius))
        if len(path) > 1:
            cv2.polylines(mask, [path], False, 255, thickness, cv2.LINE_8, fraction)
        for x, y in path:
            center = int(x) >> fraction, int(y) >> fraction
            cv2.circle(mask, center, round(stroke.radius), 255, cv2.FILLED)
    return mask


def fill(pixels: Pixels, mask: Mask) -> Pixels:
    """Fill the damaged pixels from their surroundings; all others stay as they are.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
        mask: 255 where the photo is damaged.
    """
    filled = pixels.copy()
    height, width = mask.shape
    margin = 8 * _FILL_RADIUS
    # most tiles have no damage
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = slice(top, top + _TILE), slice(left, left + _TILE)
            damaged = mask[tile] > 0
            if not damaged.any():
                continue
            around = (
                slice(max(0, top - margin), top + _TILE + margin),
                slice(max(0, left - margin), left + _TILE + margin),
            )
            inner = slice(top - around[0].start, None), slice(left - around[1].start, None)
            repaired = _inpaint(pixels[around], mask[around])[inner][: damaged.shape[0], : damaged.shape[1]]
            filled[tile][damaged] = repaired[damaged]
    return filled


def _inpaint(pixels: Pixels, mask: Mask) -> Pixels:
    if pixels.dtype == np.uint8 or pixels.ndim == 2:
        inpainted: Pixels = cv2.inpaint(np.ascontiguousarray(pixels), mask, _FILL_RADIUS, cv2.INPAINT_TELEA)
        return inpainted
    channels = [np.ascontiguousarray(pixels[..., channel]) for channel in range(3)]
    return np.dstack([cv2.inpaint(channel, mask, _FILL_RADIUS, cv2.INPAINT_TELEA) for channel in channels])


def _specks(strong: Mask, weak: Mask, size: int) -> Mask:
    """Return the small components of `weak` that hold a strong pixel and lie alone."""
    window = _SPECK_WINDOW * size
    is_texture = cv2.blur(weak, (window, window)) > 255 * _SPECK_SHARE
    count, labels, stats, _ = cv2.connectedComponentsWithStats(weak, connectivity=8)
    is_speck = np.zeros(count, bool)
    is_speck[labels[(strong > 0) & ~is_texture]] = True
    is_speck[0] = False
    is_speck &= np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) <= 2 * size
    specks: Mask = is_speck[labels].astype(np.uint8) * 255
    return specks


def _lines(weak: Mask, strong: Mask, size: int, longer: int) -> Mask:
    """Return the pixels of `weak` that lie on long lines of strong pixels."""
    length = round(_MIN_LENGTH * longer)
    segments = cv2.HoughLinesP(strong, 1, np.pi / 360, round(_MIN_FILLED * length), None, length, 2 * size)
    near_line = np.zeros_like(weak)
    for x0, y0, x1, y1 in [] if segments is None else segments.reshape(-1, 4).tolist():
        cv2.line(near_line, (x0, y0), (x1, y1), 255, size)
    return near_line & weak
