"""Textures of surfaces such as bark, cloth, gravel and leaves, as fields of mean 0 and standard deviation 1.

Each process generates the texture bank once, which takes about a second, and samples pieces of it.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np

from chromahint.data.synthetic.rng import Floats, Philox

BANK_SIZE = 512


@functools.cache
def texture_bank() -> dict[str, list[Floats]]:
    """Return all textures by kind, each BANK_SIZE x BANK_SIZE."""
    rng = Philox("textures", 1)
    angles = [rng.uniform(0, math.pi) for _ in range(4)]
    return {
        "cloudy": [_fractal(rng, slope) for slope in (1.6, 1.9, 2.2)],
        "rough": [_fractal(rng, slope) for slope in (0.9, 1.1, 1.3)],
        "grain": [_fractal(rng, 0.5), _fractal(rng, 0.25)],
        "fibers": [_fractal(rng, 1.2, angle, 5) for angle in (0.0, math.pi / 2, *angles)],
        "fur": [_fractal(rng, 0.9, angle, 2.5) for angle in angles],
        "ripples": [_fractal(rng, 1.3, math.pi / 2, 4), _fractal(rng, 1.0, math.pi / 2, 7)],
        "veins": [_standardize(-np.abs(_fractal(rng, 1.7))), _standardize(-np.sqrt(np.abs(_fractal(rng, 1.4))))],
        "leaves": [_leaves(rng, radius) for radius in (3, 5, 8, 12)],
        "pebbles": [_cells(rng, spacing) for spacing in (7, 12, 20)],
        "woven": [_woven(rng, period) for period in (5, 8)],
        "bricks": [_bricks(rng, height) for height in (10, 16, 26)],
        "stripes": [_stripes(rng, period) for period in (9, 17, 30)],
    }


def sample_texture(rng: Philox, kind: str, height: int, width: int) -> Floats:
    """Sample a random piece, height x width, at a random scale and orientation."""
    field = rng.choice(texture_bank()[kind])
    scale = rng.uniform(0.8, 1.7)
    tall, wide = min(BANK_SIZE, int(height / scale) + 1), min(BANK_SIZE, int(width / scale) + 1)
    top, left = rng.integer(0, BANK_SIZE - tall), rng.integer(0, BANK_SIZE - wide)
    piece = field[top : top + tall, left : left + wide]
    if kind not in ("bricks", "ripples") and rng.chance(0.5) and tall == wide:
        piece = piece.T
    if rng.chance(0.5):
        piece = piece[:, ::-1]
    resized: Floats = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized


def uneven_light(rng: Philox, size: int, strength: float) -> Floats:
    """Return light that varies slowly across an image: size x size, around 1."""
    coarse = 0.85 + strength * rng.noise(4, 4)
    light: Floats = np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), 0.15, 1.6)
    return light


def _standardize(field: Floats) -> Floats:
    centered: Floats = np.clip((field - field.mean()) / (field.std() + 1e-6), -3, 3).astype(np.float32)
    return centered


def _fractal(rng: Philox, slope: float, angle: float = 0.0, stretch: float = 1.0) -> Floats:
    """Return noise whose amplitude falls with frequency to the power of -slope, stretched along `angle`."""
    down, across = np.fft.fftfreq(BANK_SIZE)[:, None] * BANK_SIZE, np.fft.rfftfreq(BANK_SIZE)[None] * BANK_SIZE
    along = (math.cos(angle) * across + math.sin(angle) * down) * stretch
    perpendicular = math.cos(angle) * down - math.sin(angle) * across
    reach = np.sqrt(along**2 + perpendicular**2)
    spectrum = np.fft.rfft2(rng.noise(BANK_SIZE, BANK_SIZE)) / np.maximum(reach, 3) ** slope
    return _standardize(np.fft.irfft2(spectrum, (BANK_SIZE, BANK_SIZE)).astype(np.float32))


def _leaves(rng: Philox, radius: int) -> Floats:
    """Return overlapping small ellipses of random brightness."""
    field = np.zeros((BANK_SIZE, BANK_SIZE), np.float32)
    for _ in range(6 * BANK_SIZE * BANK_SIZE // (radius * radius * 3)):
        size = radius * min(3.0, 0.5 * (1 - rng.random()) ** -0.5)
        axes = (max(1, round(size)), max(1, round(size * rng.uniform(0.3, 0.8))))
        center = (rng.integer(0, BANK_SIZE), rng.integer(0, BANK_SIZE))
        cv2.ellipse(field, center, axes, rng.uniform(0, 180), 0, 360, rng.normal(), -1)
    rough = field + 0.5 * _fractal(rng, 1.5)
    return _standardize(cv2.GaussianBlur(rough, (0, 0), 0.7))


def _cells(rng: Philox, spacing: int) -> Floats:
    """Return pebbles of random brightness, darker toward their edges."""
    count = (BANK_SIZE // spacing) ** 2
    seeds = np.full((BANK_SIZE, BANK_SIZE), 255, np.uint8)
    places = (rng.uniforms(0, BANK_SIZE, count, 2)).astype(int)
    seeds[places[:, 0], places[:, 1]] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tones = rng.noise(int(labels.max()) + 1)
    return _standardize(cv2.GaussianBlur(tones[labels] - 1.6 * distance / spacing * 2, (0, 0), 0.8))


def _woven(rng: Philox, period: int) -> Floats:
    across = np.arange(BANK_SIZE, dtype=np.float32)[None] * (2 * math.pi / period)
    bend = 0.6 * _fractal(rng, 1.8)
    threads = np.sin(across + bend) + np.sin(across.T + bend.T) + 0.7 * np.sin(across + bend) * np.sin(across.T - bend)
    return _standardize(threads + 0.8 * _fractal(rng, 0.9))


def _bricks(rng: Philox, height: int) -> Floats:
    """Return rows of offset bricks with dark joints."""
    field = np.zeros((BANK_SIZE, BANK_SIZE), np.float32)
    width = int(height * rng.uniform(1.5, 3))
    for row, top in enumerate(range(0, BANK_SIZE, height)):
        for left in range(-(row % 2) * width // 2, BANK_SIZE, width):
            tone = 0.8 + 0.5 * rng.normal()
            field[top + 1 : top + height, max(0, left + 1) : max(0, left + width)] = tone
    return _standardize(cv2.GaussianBlur(field, (0, 0), 0.6) + 0.35 * _fractal(rng, 1.1))


def _stripes(rng: Philox, period: int) -> Floats:
    place = np.arange(BANK_SIZE, dtype=np.float32)[None] / period + 0.15 * _fractal(rng, 2.0)
    tones = rng.noise(BANK_SIZE // period + 8)
    return _standardize(
        cv2.GaussianBlur(tones[np.floor(place).astype(int) % len(tones)], (0, 0), 0.7) + 0.3 * _fractal(rng, 1.0)
    )
