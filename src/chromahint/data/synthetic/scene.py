"""Scene generator: chooses the objects of a scene and their positions."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2

from chromahint.data.synthetic.background import paint_background
from chromahint.data.synthetic.camera import simulate_camera
from chromahint.data.synthetic.materials import Material, make_light, make_material
from chromahint.data.synthetic.painting import Canvas
from chromahint.data.synthetic.rng import Philox
from chromahint.images.decode import RGBImage

VERSION = 1
"""Version of the scenes. Increase it with every change that alters a pixel: the ids of all scenes contain it."""


class Theme(NamedTuple):
    """Kind of scene: weights of its materials and outlines, and the probability of a sky."""

    materials: dict[str, float]
    outlines: dict[str, float]
    sky: float


THEMES = {
    "land": Theme(
        {"foliage": 4, "grass": 4, "soil": 2, "stone": 3, "sand": 1, "autumn": 0.7, "water": 1, "wood": 1, "snow": 0.4},
        {"tuft": 4, "blob": 3, "ellipse": 1, "stroke": 2, "polygon": 1},
        0.8,
    ),
    "plants": Theme(
        {"foliage": 6, "grass": 3, "flower": 1.2, "wood": 1.5, "dark": 1.5, "autumn": 1, "soil": 1},
        {"leaf": 4, "tuft": 3, "stroke": 3, "blob": 2, "ellipse": 1},
        0.15,
    ),
    "town": Theme(
        {"concrete": 4, "brick": 2, "stone": 3, "metal": 2, "paint": 1, "wood": 1, "dark": 2, "white": 2, "foliage": 1},
        {"box": 6, "strip": 3, "polygon": 2, "ellipse": 1, "blob": 1},
        0.45,
    ),
    "people": Theme(
        {"skin": 3, "cloth": 4, "dark": 2.5, "white": 2, "paint": 0.8, "wood": 1, "stone": 1.5, "foliage": 1},
        {"blob": 4, "ellipse": 3, "box": 2, "strip": 1, "stroke": 1, "polygon": 1},
        0.2,
    ),
    "animals": Theme(
        {"fur": 5, "grass": 2, "soil": 2, "stone": 2, "foliage": 2, "sand": 1, "snow": 0.5, "water": 1},
        {"blob": 4, "ellipse": 2, "tuft": 3, "stroke": 2, "leaf": 1},
        0.2,
    ),
    "things": Theme(
        {"paint": 3, "wood": 2, "metal": 2, "white": 2.5, "dark": 2, "cloth": 3, "stone": 1.5, "flower": 0.6},
        {"ellipse": 3, "box": 3, "polygon": 2, "strip": 2, "blob": 2, "stroke": 1},
        0.05,
    ),
    "shore": Theme(
        {"water": 4, "sand": 3, "stone": 3, "white": 1, "wood": 1, "foliage": 1, "paint": 0.5},
        {"blob": 4, "polygon": 2, "ellipse": 1, "strip": 2, "tuft": 1},
        0.7,
    ),
}


def draw_scene(seed: int, index: int, size: int) -> RGBImage:
    """Draw scene number `index`, size x size x 3 uint8 RGB."""
    rng = Philox("scenes", VERSION, seed, index)
    theme = THEMES[rng.choice(tuple(THEMES), (3, 2.5, 2, 2, 2, 2, 1.5))]
    light = make_light(rng)
    canvas = Canvas(rng, size, light, haze=rng.uniform(0.2, 0.75) if rng.chance(0.35) else 0.0)
    vividness = min(1.7, max(0.15, 1.12 + rng.normal(0.35)))
    names, weights = tuple(theme.materials), tuple(theme.materials.values())
    palette = [make_material(rng, rng.choice(names, weights), vividness) for _ in range(rng.integer(3, 7))]
    horizon = paint_background(canvas, palette, rng.chance(theme.sky))
    _scatter_objects(canvas, palette, theme, horizon)
    return simulate_camera(rng, canvas.pixels, light)


def _scatter_objects(canvas: Canvas, palette: list[Material], theme: Theme, horizon: float) -> None:
    """Scatter objects whose sizes follow a power law, large ones usually first; then draw the main subjects."""
    rng, size = canvas.rng, canvas.size
    kinds, weights = tuple(theme.outlines), tuple(theme.outlines.values())
    main, rest = palette[0], palette[1:]
    count = int(rng.choice((12, 40, 90, 180), (2, 3, 3, 2)) * rng.uniform(0.7, 1.3))
    smallest, largest = size * rng.uniform(0.015, 0.03), size * rng.uniform(0.25, 0.6)
    ratio = 1 - (smallest / largest) ** 2
    radii = [smallest / math.sqrt(1 - ratio * rng.random()) for _ in range(count)]
    order = sorted(radii, key=lambda radius: -radius * math.exp(rng.normal(0.6)))
    focus = int(count * rng.uniform(0.3, 1)) if not horizon and rng.chance(0.35) else -1
    subjects = rng.choice((0, 1, 2, 4), (3, 4, 2, 1))
    for number, radius in enumerate(order):
        if number == focus:
            _defocus(canvas)
        low = horizon + 0.02 if rng.chance(0.985) else 0.0
        down = low + (1.05 - low) * rng.random()
        depth = max(0.0, 1 - (down - low) / (1.02 - low)) * 0.8 if horizon else 0.0
        scaled = radius * (1.0 - 0.6 * depth)
        # a small object is usually part of a larger one, and differs from it more in lightness than in color
        material = main if scaled < 0.04 * size and rng.chance(0.65) else rng.choice(rest)
        if scaled < 0.05 * size and rng.chance(0.15):
            _cluster(canvas, rng.choice(kinds, weights), material, down * size, scaled, depth)
        else:
            x = rng.uniform(0, size)
            canvas.draw_object(rng.choice(kinds, weights), material.vary(rng), x, down * size, scaled, depth)
    for _ in range(subjects):
        if rng.chance(0.12):
            _defocus(canvas)
        _subject(canvas, rng.choice(rest), rest, kinds, weights, max(horizon, 0.1))


def _subject(
    canvas: Canvas,
    material: Material,
    others: list[Material],
    kinds: tuple[str, ...],
    weights: tuple[float, ...],
    horizon: float,
) -> None:
    """Draw a large object made of several parts, with markings and details."""
    rng, size = canvas.rng, canvas.size
    x, y = size * rng.uniform(0.2, 0.8), size * rng.uniform(horizon, 0.95)
    radius = size * rng.uniform(0.12, 0.32)
    kind, own = rng.choice(kinds, weights), material.vary(rng)
    canvas.draw_object(kind, own, x, y, radius, 0.0)
    for _ in range(rng.integer(1, 6)):
        part = own._replace(tone=own.tone + rng.normal(0.15))
        away, turn = radius * rng.uniform(0.4, 1.1), rng.uniform(0, 2 * math.pi)
        center = (x + away * math.cos(turn), y + away * math.sin(turn))
        canvas.draw_object(rng.choice(kinds, weights), part, *center, radius * rng.uniform(0.25, 0.8), 0.0)
    marking = rng.choice(others)
    for _ in range(rng.choice((0, 3, 12, 25), (2, 3, 2, 1))):
        center = (x + rng.normal(radius * 0.5), y + rng.normal(radius * 0.4))
        mark = marking if rng.chance(0.5) else own
        canvas.draw_object(rng.choice(kinds, weights), mark.vary(rng), *center, radius * rng.uniform(0.03, 0.2), 0.0)


def _cluster(canvas: Canvas, kind: str, material: Material, y: float, radius: float, depth: float) -> None:
    """Draw several similar objects close together or in a row."""
    rng = canvas.rng
    x, spread = rng.uniform(0, canvas.size), radius * rng.uniform(1, 3)
    row = rng.chance(0.12)
    for number in range(rng.integer(4, 12)):
        center = (x + number * radius * 2.3, y) if row else (x + rng.normal(spread), y + rng.normal(spread))
        canvas.draw_object(kind, material.vary(rng), *center, radius * rng.uniform(0.6, 1.1), depth)


def _defocus(canvas: Canvas) -> None:
    """Blur everything painted so far: it lies behind the focal plane of the camera."""
    canvas.pixels = cv2.GaussianBlur(canvas.pixels, (0, 0), canvas.size / 256 * canvas.rng.uniform(1.0, 4.0))
