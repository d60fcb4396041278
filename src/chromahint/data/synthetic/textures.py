"""Surfaces for drawn scenes: bark, cloth, gravel, leaves and the like, as fields of mean 0 and deviation 1.

A process makes the bank of them once (about a second) and cuts what it needs from it.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np

from chromahint.data.synthetic.rng import Floats, Philox

SIDE = 512


@functools.cache
def bank() -> dict[str, list[Floats]]:
    """All surfaces by kind, each SIDE x SIDE."""
    dice = Philox("textures", 1)
    angles = [dice.uniform(0, math.pi) for _ in range(4)]
    return {
        "cloudy": [_fractal(dice, slope) for slope in (1.6, 1.9, 2.2)],
        "rough": [_fractal(dice, slope) for slope in (0.9, 1.1, 1.3)],
        "grain": [_fractal(dice, 0.5), _fractal(dice, 0.25)],
        "fibres": [_fractal(dice, 1.2, angle, 5) for angle in (0.0, math.pi / 2, *angles)],
        "fur": [_fractal(dice, 0.9, angle, 2.5) for angle in angles],
        "ripples": [_fractal(dice, 1.3, math.pi / 2, 4), _fractal(dice, 1.0, math.pi / 2, 7)],
        "veins": [_standard(-np.abs(_fractal(dice, 1.7))), _standard(-np.sqrt(np.abs(_fractal(dice, 1.4))))],
        "leaves": [_leaves(dice, radius) for radius in (3, 5, 8, 12)],
        "pebbles": [_cells(dice, spacing) for spacing in (7, 12, 20)],
        "woven": [_woven(dice, period) for period in (5, 8)],
        "bricks": [_bricks(dice, height) for height in (10, 16, 26)],
        "stripes": [_stripes(dice, period) for period in (9, 17, 30)],
    }


def cut(dice: Philox, kind: str, height: int, width: int) -> Floats:
    """Cut a piece of height x width at random, at a random scale and in a random orientation."""
    field = dice.pick(bank()[kind])
    scale = dice.uniform(0.8, 1.7)
    tall, wide = min(SIDE, int(height / scale) + 1), min(SIDE, int(width / scale) + 1)
    top, left = dice.integer(0, SIDE - tall), dice.integer(0, SIDE - wide)
    piece = field[top : top + tall, left : left + wide]
    if kind not in ("bricks", "ripples") and dice.chance(0.5) and tall == wide:
        piece = piece.T
    if dice.chance(0.5):
        piece = piece[:, ::-1]
    resized: Floats = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized


def uneven(dice: Philox, size: int, strength: float) -> Floats:
    """Light that differs slowly across a picture: size x size, about 1."""
    coarse = 0.85 + strength * dice.noise(4, 4)
    light: Floats = np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), 0.15, 1.6)
    return light


def _standard(field: Floats) -> Floats:
    centered: Floats = np.clip((field - field.mean()) / (field.std() + 1e-6), -3, 3).astype(np.float32)
    return centered


def _fractal(dice: Philox, slope: float, angle: float = 0.0, stretch: float = 1.0) -> Floats:
    """Noise whose amplitude falls with frequency to the power of -slope, drawn out along `angle`."""
    down, across = np.fft.fftfreq(SIDE)[:, None] * SIDE, np.fft.rfftfreq(SIDE)[None] * SIDE
    along = (math.cos(angle) * across + math.sin(angle) * down) * stretch
    beside = math.cos(angle) * down - math.sin(angle) * across
    reach = np.sqrt(along**2 + beside**2)
    spectrum = np.fft.rfft2(dice.noise(SIDE, SIDE)) / np.maximum(reach, 3) ** slope
    return _standard(np.fft.irfft2(spectrum, (SIDE, SIDE)).astype(np.float32))


def _leaves(dice: Philox, radius: int) -> Floats:
    """Small ellipses over each other, each lit a little differently."""
    field = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(6 * SIDE * SIDE // (radius * radius * 3)):
        size = radius * min(3.0, 0.5 * (1 - dice.unit()) ** -0.5)
        axes = (max(1, round(size)), max(1, round(size * dice.uniform(0.3, 0.8))))
        center = (dice.integer(0, SIDE), dice.integer(0, SIDE))
        cv2.ellipse(field, center, axes, dice.uniform(0, 180), 0, 360, dice.normal(), -1)
    rough = field + 0.5 * _fractal(dice, 1.5)
    return _standard(cv2.GaussianBlur(rough, (0, 0), 0.7))


def _cells(dice: Philox, spacing: int) -> Floats:
    """Pebbles: round towards their rims, each of its own tone."""
    count = (SIDE // spacing) ** 2
    seeds = np.full((SIDE, SIDE), 255, np.uint8)
    places = (dice.uniforms(0, SIDE, count, 2)).astype(int)
    seeds[places[:, 0], places[:, 1]] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tones = dice.noise(int(labels.max()) + 1)
    return _standard(cv2.GaussianBlur(tones[labels] - 1.6 * distance / spacing * 2, (0, 0), 0.8))


def _woven(dice: Philox, period: int) -> Floats:
    across = np.arange(SIDE, dtype=np.float32)[None] * (2 * math.pi / period)
    bend = 0.6 * _fractal(dice, 1.8)
    threads = np.sin(across + bend) + np.sin(across.T + bend.T) + 0.7 * np.sin(across + bend) * np.sin(across.T - bend)
    return _standard(threads + 0.8 * _fractal(dice, 0.9))


def _bricks(dice: Philox, height: int) -> Floats:
    """Rows of bricks, shifted against each other, with dark joints."""
    field = np.zeros((SIDE, SIDE), np.float32)
    width = int(height * dice.uniform(1.5, 3))
    for row, top in enumerate(range(0, SIDE, height)):
        for left in range(-(row % 2) * width // 2, SIDE, width):
            tone = 0.8 + 0.5 * dice.normal()
            field[top + 1 : top + height, max(0, left + 1) : max(0, left + width)] = tone
    return _standard(cv2.GaussianBlur(field, (0, 0), 0.6) + 0.35 * _fractal(dice, 1.1))


def _stripes(dice: Philox, period: int) -> Floats:
    place = np.arange(SIDE, dtype=np.float32)[None] / period + 0.15 * _fractal(dice, 2.0)
    tones = dice.noise(SIDE // period + 8)
    return _standard(
        cv2.GaussianBlur(tones[np.floor(place).astype(int) % len(tones)], (0, 0), 0.7) + 0.3 * _fractal(dice, 1.0)
    )
