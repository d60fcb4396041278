"""Outlines of objects, as polygons around the origin with a radius of about 1."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from chromahint.data.synthetic.rng import Floats, Philox

Mask = npt.NDArray[np.uint8]

_TURN = np.linspace(0, 2 * math.pi, 40, endpoint=False, dtype=np.float32)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def outline(rng: Philox, kind: str) -> Floats:
    """Return the points N2 of an outline: `ellipse`, `polygon`, `blob`, `box`, `strip`, `stroke`, `leaf` or `tuft`."""
    points = _OUTLINES[kind](rng)
    # boxes and strips are usually upright or level, like buildings and furniture
    upright = kind in ("box", "strip") and rng.chance(0.65)
    angle = rng.choice((0.0, math.pi / 2)) + rng.normal(0.02) if upright else rng.uniform(0, 2 * math.pi)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], np.float32)
    turned: Floats = points @ turn
    return turned


def fill(points: Floats, height: int, width: int) -> Mask:
    """Rasterize a polygon with points N2 (x, y) in pixels: height x width, 0..255 with antialiased edges."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def ridge(rng: Philox, width: int, level: float, height: float, roughness: float) -> Floats:
    """Return the upper edge of hills, woods or roofs across an image: W row positions in pixels."""
    count = 8
    heights = rng.noise(count + 1) * height
    while count < width:
        count *= 2
        height *= roughness
        finer = np.interp(np.arange(count + 1) / 2, np.arange(len(heights)), heights).astype(np.float32)
        heights = finer + rng.noise(count + 1) * height
    return level + heights[:width]


def _ellipse(rng: Philox) -> Floats:
    return _CIRCLE * np.array([1, rng.uniform(0.35, 1)], np.float32)


def _polygon(rng: Philox) -> Floats:
    corners = rng.integer(3, 7)
    turns = (np.arange(corners) + rng.uniforms(-0.3, 0.3, corners)) * (2 * math.pi / corners)
    reach = rng.uniforms(0.6, 1, corners)[:, None]
    points: Floats = (np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach).astype(np.float32)
    return points * np.array([1, rng.uniform(0.5, 1)], np.float32)


def _blob(rng: Philox) -> Floats:
    reach = np.full_like(_TURN, 0.75)
    for wave in range(2, 7):
        reach += rng.normal(0.28 / wave) * np.cos(wave * _TURN + rng.uniform(0, 6.3))
    points: Floats = _CIRCLE * np.clip(reach, 0.25, 1.2)[:, None] * np.array([1, rng.uniform(0.5, 1)], np.float32)
    return points


def _tuft(rng: Philox) -> Floats:
    """Ragged crown of a tree or a bush."""
    reach = 0.8 + 0.16 * np.cumsum(rng.noise(len(_TURN)))
    reach = reach - np.linspace(0, reach[-1] - reach[0], len(_TURN)) + rng.uniforms(-0.12, 0.12, len(_TURN))
    points: Floats = _CIRCLE * np.clip(reach, 0.3, 1.2).astype(np.float32)[:, None]
    return points


def _box(rng: Philox) -> Floats:
    tall = rng.uniform(0.3, 1)
    lean = rng.normal(0.06)
    return np.array([[-1, -tall], [1, -tall + lean], [1, tall], [-1, tall + lean]], np.float32)


def _strip(rng: Philox) -> Floats:
    tall = rng.uniform(0.03, 0.2)
    taper = rng.uniform(0.5, 1)
    return np.array([[-1.6, -tall], [1.6, -tall * taper], [1.6, tall * taper], [-1.6, tall]], np.float32)


def _stroke(rng: Philox) -> Floats:
    """Bent, tapering line, such as a branch, a stem or a cable."""
    along = np.linspace(-1.6, 1.6, 18, dtype=np.float32)
    bend = rng.normal(0.35) * along**2 + rng.normal(0.2) * np.sin(along * rng.uniform(1, 3))
    half = rng.uniform(0.03, 0.14) * np.linspace(1, rng.uniform(0.1, 1), len(along), dtype=np.float32)
    upper, lower = np.stack([along, bend + half], 1), np.stack([along, bend - half], 1)
    return np.concatenate([upper, lower[::-1]])


def _leaf(rng: Philox) -> Floats:
    along = np.linspace(-1, 1, 12, dtype=np.float32)
    half = rng.uniform(0.2, 0.5) * (1 - along**2) * (1 + 0.5 * along)
    bend = rng.normal(0.2) * along**2
    return np.concatenate([np.stack([along, bend + half], 1), np.stack([along, bend - half], 1)[::-1]])


_OUTLINES = {
    "ellipse": _ellipse,
    "polygon": _polygon,
    "blob": _blob,
    "tuft": _tuft,
    "box": _box,
    "strip": _strip,
    "stroke": _stroke,
    "leaf": _leaf,
}
