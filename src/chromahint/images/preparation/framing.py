"""Straighten a scan and crop its borders: the scanner's lid, the album page, and the margin of the paper."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from chromahint.images.pixels import Pixels

Matrix = NDArray[np.float64]
"""2x3: maps positions (x, y, 1)."""
Crop = tuple[float, float, float, float]
"""Left, top, right, and bottom edge, in 0..1 of the straightened photo."""

WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)
MAX_ANGLE = 15.0
"""Degrees."""
_SIDE = 1000
"""Borders are found on a version with a longer side of this many pixels."""
_MAX_BORDER = 0.3
"""Widest border, in lengths of the side."""
_MIN_STEP = 10.0
"""Smallest difference between a border and the photo, in 8-bit gray levels."""
_MAX_RESIDUAL = 1.5
_MIN_SHARE = 0.45
"""An edge is a border if this share of its rows or columns lies on one line."""
_MAX_DISAGREEMENT = 0.3
"""Degrees between the borders of one photo."""
_MARGIN = 0.003
"""What is cropped in addition, in lengths of the side: the shadow of the edge."""
_MAX_MARGINS = 3


class Frame(NamedTuple):
    """How a photo lies in its scan.

    Attributes:
        angle: Degrees by which the scan is turned clockwise to make the photo upright.
        crop: What of the turned scan is the photo.
    """

    angle: float = 0.0
    crop: Crop = WHOLE


def find_frame(pixels: Pixels) -> Frame:
    """Find the photo in a scan with a border of about one tone on one or more sides. Without a border, nothing changes.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
    """
    small = _small_gray(pixels)
    angle = _border_angle(small)
    if angle is None:
        return Frame()
    turned = apply_frame(small, Frame(angle))
    left, top, right, bottom = 0, 0, turned.shape[1], turned.shape[0]
    for number in range(_MAX_MARGINS):
        inner = turned[top:bottom, left:right]
        cuts = [_border_width(side) for side in _sides(inner)]
        # the margin of the paper is all around the photo; one empty side is a sky
        if np.count_nonzero(cuts) < (1 if number == 0 else 3) or min(inner.shape) < 32:
            break
        margin = max(1, round(_MARGIN * max(inner.shape)))
        cut_left, cut_top, cut_right, cut_bottom = (cut + margin if cut else 0 for cut in cuts)
        left, top, right, bottom = left + cut_left, top + cut_top, right - cut_right, bottom - cut_bottom
    height, width = turned.shape
    return Frame(round(angle, 3), (left / width, top / height, right / width, bottom / height))


def apply_frame(pixels: Pixels, frame: Frame) -> Pixels:
    """Turn and crop a photo. What a turn uncovers repeats the edge of the scan.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
        frame: Angle and crop.
    """
    (width, height), matrix = frame_matrix(frame, pixels.shape[0], pixels.shape[1])
    if frame.angle == 0:
        left, top = (round(value) for value in -matrix[:, 2])
        cropped: Pixels = np.ascontiguousarray(pixels[top : top + height, left : left + width])  # type: ignore[assignment]
        return cropped
    turned: Pixels = cv2.warpAffine(
        pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return turned


def frame_matrix(frame: Frame, height: int, width: int) -> tuple[tuple[int, int], Matrix]:
    """Return the size (width, height) of a framed photo, and the map from positions in the scan to positions in it."""
    left, top, right, bottom = frame.crop
    x, y = min(width - 1, round(left * width)), min(height - 1, round(top * height))
    size = max(1, round(right * width) - x), max(1, round(bottom * height) - y)
    center = (width - 1) / 2, (height - 1) / 2
    matrix: Matrix = cv2.getRotationMatrix2D(center, -frame.angle, 1.0)
    matrix[:, 2] -= x, y
    return size, matrix


def _small_gray(pixels: Pixels) -> NDArray[np.uint8]:
    scale = min(1.0, _SIDE / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if small.dtype == np.uint16:
        small = cv2.convertScaleAbs(small, alpha=1 / 257)
    gray: NDArray[np.uint8] = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return gray


def _sides(gray: Pixels) -> list[Pixels]:
    """Return views whose first row is the left, top, right, and bottom side."""
    return [gray.T, gray, gray.T[::-1], gray[::-1]]


def _border_angle(gray: Pixels) -> float | None:
    """Return the mean angle of the borders, in degrees, weighted by their lengths.

    Returns:
        None if not at least two borders agree: the edge of a roof below an empty sky is not a border.
    """
    angles, weights = [], []
    # going along a vertical border turns the other way
    for sign, side in zip((-1, 1, 1, -1), _sides(gray), strict=True):
        line = _border_line(side)
        if line is not None and abs(np.degrees(np.arctan(line[0]))) <= MAX_ANGLE:
            angles.append(sign * np.degrees(np.arctan(line[0])))
            weights.append(float(line[2]))
    agree = max(([abs(angle - other) < _MAX_DISAGREEMENT for angle in angles] for other in angles), key=sum, default=[])
    if sum(agree) < 2:
        return None
    return float(-np.average(np.array(angles)[agree], weights=np.array(weights)[agree]))


def _border_width(side: Pixels) -> int:
    """Return the width of the border at the first row, in rows; 0 if there is none."""
    line = _border_line(side)
    if line is None or abs(line[0]) > 0.02:
        return 0
    ends = line[1], line[1] + line[0] * side.shape[1]
    return max(0, int(np.ceil(max(ends))))


def _border_line(side: Pixels) -> tuple[float, float, int] | None:
    """Fit a line to where the border at the first row ends.

    Returns:
        Slope and intercept in rows, and the number of columns on the line; None if no line fits.
    """
    depth = round(_MAX_BORDER * side.shape[0])
    if depth < 4 or side.shape[1] < 16:
        return None
    strip = cv2.GaussianBlur(np.ascontiguousarray(side[:depth]), (3, 3), 0).astype(np.float32)
    tone = float(np.median(strip[:2]))
    spread = 1.5 * float(np.percentile(np.abs(strip[:2] - tone), 80))
    differs = np.abs(strip - tone) > max(_MIN_STEP, 2 * spread)
    # the photo begins where three pixels in a row differ: dust on the border does not count
    begins = differs[:-2] & differs[1:-1] & differs[2:]
    first = begins.argmax(axis=0)
    columns = np.flatnonzero(begins.any(axis=0) & (first > 0))
    if len(columns) < _MIN_SHARE * side.shape[1]:
        return None
    rows = first[columns] - _overshoot(strip, first[columns], columns, tone)
    slope, intercept = _fit_line(columns, rows)
    inliers = np.abs(rows - slope * columns - intercept) < _MAX_RESIDUAL
    if inliers.sum() < _MIN_SHARE * side.shape[1]:
        return None
    slope, intercept = np.polyfit(columns[inliers], rows[inliers], 1)
    return float(slope), float(intercept), int(inliers.sum())


def _overshoot(
    strip: NDArray[np.float32], rows: NDArray[np.int64], columns: NDArray[np.int64], tone: float
) -> NDArray[np.float64]:
    """Return by which fraction of a pixel the photo begins before its first differing row."""
    difference = np.abs(strip[rows, columns] - tone)
    before = np.abs(strip[rows - 1, columns] - tone)
    after = np.abs(strip[np.minimum(rows + 2, len(strip) - 1), columns] - tone)
    half = 0.5 * np.maximum(after, difference)
    overshoot: NDArray[np.float64] = np.clip((difference - half) / np.maximum(difference - before, 1), -2, 1)
    return overshoot


def _fit_line(x: NDArray[np.int64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Fit a line through most of the positions: the best of the lines through pairs of them."""
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, len(x), (2, 400))
    distant = np.abs(x[first] - x[second]) > len(x) / 4
    first, second = first[distant], second[distant]
    if not len(first):
        return 0.0, float(np.median(y))
    slopes = (y[second] - y[first]) / (x[second] - x[first])
    intercepts = y[first] - slopes * x[first]
    counts = (np.abs(y - slopes[:, None] * x - intercepts[:, None]) < _MAX_RESIDUAL).sum(axis=1)
    best = int(counts.argmax())
    return float(slopes[best]), float(intercepts[best])
