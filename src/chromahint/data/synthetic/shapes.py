"""Outlines for drawn scenes, as polygons about the origin that reach about 1."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from chromahint.data.synthetic.rng import Floats, Philox

Mask = npt.NDArray[np.uint8]

_TURN = np.linspace(0, 2 * math.pi, 40, endpoint=False, dtype=np.float32)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def outline(dice: Philox, kind: str) -> Floats:
    """Points N2 of an outline: `ellipse`, `polygon`, `blob`, `box`, `strip`, `stroke`, `leaf` or `tuft`."""
    points = _OUTLINES[kind](dice)
    # boxes and strips stand upright more often than not, as what people build does
    upright = kind in ("pretrained", "strip") and dice.chance(0.65)
    angle = dice.pick((0.0, math.pi / 2)) + dice.normal(0.02) if upright else dice.uniform(0, 2 * math.pi)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], np.float32)
    turned: Floats = points @ turn
    return turned


def fill(points: Floats, height: int, width: int) -> Mask:
    """Fill a polygon given in pixels N2 (x, y): height x width, 0..255 with smooth edges."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def ridge(dice: Philox, width: int, level: float, height: float, roughness: float) -> Floats:
    """The upper edge of hills, woods or roofs across a picture: heights W in pixels."""
    count = 8
    heights = dice.noise(count + 1) * height
    while count < width:
        count *= 2
        height *= roughness
        finer = np.interp(np.arange(count + 1) / 2, np.arange(len(heights)), heights).astype(np.float32)
        heights = finer + dice.noise(count + 1) * height
    return level + heights[:width]


def _ellipse(dice: Philox) -> Floats:
    return _CIRCLE * np.array([1, dice.uniform(0.35, 1)], np.float32)


def _polygon(dice: Philox) -> Floats:
    corners = dice.integer(3, 7)
    turns = (np.arange(corners) + dice.uniforms(-0.3, 0.3, corners)) * (2 * math.pi / corners)
    reach = dice.uniforms(0.6, 1, corners)[:, None]
    points: Floats = (np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach).astype(np.float32)
    return points * np.array([1, dice.uniform(0.5, 1)], np.float32)


def _blob(dice: Philox) -> Floats:
    reach = np.full_like(_TURN, 0.75)
    for wave in range(2, 7):
        reach += dice.normal(0.28 / wave) * np.cos(wave * _TURN + dice.uniform(0, 6.3))
    points: Floats = _CIRCLE * np.clip(reach, 0.25, 1.2)[:, None] * np.array([1, dice.uniform(0.5, 1)], np.float32)
    return points


def _tuft(dice: Philox) -> Floats:
    """A ragged crown, as of a tree or a bush."""
    reach = 0.8 + 0.16 * np.cumsum(dice.noise(len(_TURN)))
    reach = reach - np.linspace(0, reach[-1] - reach[0], len(_TURN)) + dice.uniforms(-0.12, 0.12, len(_TURN))
    points: Floats = _CIRCLE * np.clip(reach, 0.3, 1.2).astype(np.float32)[:, None]
    return points


def _box(dice: Philox) -> Floats:
    tall = dice.uniform(0.3, 1)
    lean = dice.normal(0.06)
    return np.array([[-1, -tall], [1, -tall + lean], [1, tall], [-1, tall + lean]], np.float32)


def _strip(dice: Philox) -> Floats:
    tall = dice.uniform(0.03, 0.2)
    taper = dice.uniform(0.5, 1)
    return np.array([[-1.6, -tall], [1.6, -tall * taper], [1.6, tall * taper], [-1.6, tall]], np.float32)


def _stroke(dice: Philox) -> Floats:
    """A bent, tapering line: a branch, a stem, a cable."""
    along = np.linspace(-1.6, 1.6, 18, dtype=np.float32)
    bend = dice.normal(0.35) * along**2 + dice.normal(0.2) * np.sin(along * dice.uniform(1, 3))
    half = dice.uniform(0.03, 0.14) * np.linspace(1, dice.uniform(0.1, 1), len(along), dtype=np.float32)
    upper, lower = np.stack([along, bend + half], 1), np.stack([along, bend - half], 1)
    return np.concatenate([upper, lower[::-1]])


def _leaf(dice: Philox) -> Floats:
    along = np.linspace(-1, 1, 12, dtype=np.float32)
    half = dice.uniform(0.2, 0.5) * (1 - along**2) * (1 + 0.5 * along)
    bend = dice.normal(0.2) * along**2
    return np.concatenate([np.stack([along, bend + half], 1), np.stack([along, bend - half], 1)[::-1]])


_OUTLINES = {
    "ellipse": _ellipse,
    "polygon": _polygon,
    "blob": _blob,
    "tuft": _tuft,
    "pretrained": _box,
    "strip": _strip,
    "stroke": _stroke,
    "leaf": _leaf,
}
