"""Draws one scene: what is in it, and where."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2

from chromahint.data.synthetic.background import paint_background
from chromahint.data.synthetic.camera import photograph
from chromahint.data.synthetic.materials import Material, make_light, make_material
from chromahint.data.synthetic.painting import Canvas
from chromahint.data.synthetic.rng import Philox
from chromahint.images.decode import RGBImage

VERSION = 1
"""Raise it with any change that alters a drawn pixel: pictures of another version are other pictures."""


class Theme(NamedTuple):
    """A kind of scene: its materials and outlines with their weights, and how often there is a sky."""

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
        {"pretrained": 6, "strip": 3, "polygon": 2, "ellipse": 1, "blob": 1},
        0.45,
    ),
    "people": Theme(
        {"skin": 3, "cloth": 4, "dark": 2.5, "white": 2, "paint": 0.8, "wood": 1, "stone": 1.5, "foliage": 1},
        {"blob": 4, "ellipse": 3, "pretrained": 2, "strip": 1, "stroke": 1, "polygon": 1},
        0.2,
    ),
    "animals": Theme(
        {"fur": 5, "grass": 2, "soil": 2, "stone": 2, "foliage": 2, "sand": 1, "snow": 0.5, "water": 1},
        {"blob": 4, "ellipse": 2, "tuft": 3, "stroke": 2, "leaf": 1},
        0.2,
    ),
    "things": Theme(
        {"paint": 3, "wood": 2, "metal": 2, "white": 2.5, "dark": 2, "cloth": 3, "stone": 1.5, "flower": 0.6},
        {"ellipse": 3, "pretrained": 3, "polygon": 2, "strip": 2, "blob": 2, "stroke": 1},
        0.05,
    ),
    "shore": Theme(
        {"water": 4, "sand": 3, "stone": 3, "white": 1, "wood": 1, "foliage": 1, "paint": 0.5},
        {"blob": 4, "polygon": 2, "ellipse": 1, "strip": 2, "tuft": 1},
        0.7,
    ),
}


def draw_scene(seed: int, index: int, size: int) -> RGBImage:
    """Draw scene number `index`: size x size x 3 uint8 RGB."""
    dice = Philox("scenes", VERSION, seed, index)
    theme = THEMES[dice.pick(tuple(THEMES), (3, 2.5, 2, 2, 2, 2, 1.5))]
    light = make_light(dice)
    canvas = Canvas(dice, size, light, haze=dice.uniform(0.2, 0.75) if dice.chance(0.35) else 0.0)
    vividness = min(1.7, max(0.15, 1.12 + dice.normal(0.35)))
    names, weights = tuple(theme.materials), tuple(theme.materials.values())
    palette = [make_material(dice, dice.pick(names, weights), vividness) for _ in range(dice.integer(3, 7))]
    horizon = paint_background(canvas, palette, dice.chance(theme.sky))
    _things(canvas, palette, theme, horizon)
    return photograph(dice, canvas.pixels, light)


def _things(canvas: Canvas, palette: list[Material], theme: Theme, horizon: float) -> None:
    """Scatter things whose sizes follow a power law, the large ones mostly first; then what the photo is of."""
    dice, size = canvas.dice, canvas.size
    kinds, weights = tuple(theme.outlines), tuple(theme.outlines.values())
    main, rest = palette[0], palette[1:]
    count = int(dice.pick((12, 40, 90, 180), (2, 3, 3, 2)) * dice.uniform(0.7, 1.3))
    smallest, largest = size * dice.uniform(0.015, 0.03), size * dice.uniform(0.25, 0.6)
    ratio = 1 - (smallest / largest) ** 2
    radii = [smallest / math.sqrt(1 - ratio * dice.unit()) for _ in range(count)]
    order = sorted(radii, key=lambda radius: -radius * math.exp(dice.normal(0.6)))
    focus = int(count * dice.uniform(0.3, 1)) if not horizon and dice.chance(0.35) else -1
    subjects = dice.pick((0, 1, 2, 4), (3, 4, 2, 1))
    for number, radius in enumerate(order):
        if number == focus:
            _defocus(canvas)
        low = horizon + 0.02 if dice.chance(0.985) else 0.0
        down = low + (1.05 - low) * dice.unit()
        depth = max(0.0, 1 - (down - low) / (1.02 - low)) * 0.8 if horizon else 0.0
        scaled = radius * (1.0 - 0.6 * depth)
        # what is small is mostly a part of what is about it, and differs from it in lightness more than in color
        material = main if scaled < 0.04 * size and dice.chance(0.65) else dice.pick(rest)
        if scaled < 0.05 * size and dice.chance(0.15):
            _cluster(canvas, dice.pick(kinds, weights), material, down * size, scaled, depth)
        else:
            x = dice.uniform(0, size)
            canvas.thing(dice.pick(kinds, weights), material.another(dice), x, down * size, scaled, depth)
    for _ in range(subjects):
        if dice.chance(0.12):
            _defocus(canvas)
        _subject(canvas, dice.pick(rest), rest, kinds, weights, max(horizon, 0.1))


def _subject(
    canvas: Canvas,
    material: Material,
    others: list[Material],
    kinds: tuple[str, ...],
    weights: tuple[float, ...],
    horizon: float,
) -> None:
    """Something large of several parts that belong together, with markings and details."""
    dice, size = canvas.dice, canvas.size
    x, y = size * dice.uniform(0.2, 0.8), size * dice.uniform(horizon, 0.95)
    radius = size * dice.uniform(0.12, 0.32)
    kind, own = dice.pick(kinds, weights), material.another(dice)
    canvas.thing(kind, own, x, y, radius, 0.0)
    for _ in range(dice.integer(1, 6)):
        part = own._replace(tone=own.tone + dice.normal(0.15))
        away, turn = radius * dice.uniform(0.4, 1.1), dice.uniform(0, 2 * math.pi)
        at = (x + away * math.cos(turn), y + away * math.sin(turn))
        canvas.thing(dice.pick(kinds, weights), part, *at, radius * dice.uniform(0.25, 0.8), 0.0)
    marking = dice.pick(others)
    for _ in range(dice.pick((0, 3, 12, 25), (2, 3, 2, 1))):
        at = (x + dice.normal(radius * 0.5), y + dice.normal(radius * 0.4))
        mark = marking if dice.chance(0.5) else own
        canvas.thing(dice.pick(kinds, weights), mark.another(dice), *at, radius * dice.uniform(0.03, 0.2), 0.0)


def _cluster(canvas: Canvas, kind: str, material: Material, y: float, radius: float, depth: float) -> None:
    """Several like things close together or in a row."""
    dice = canvas.dice
    x, spread = dice.uniform(0, canvas.size), radius * dice.uniform(1, 3)
    row = dice.chance(0.12)
    for number in range(dice.integer(4, 12)):
        at = (x + number * radius * 2.3, y) if row else (x + dice.normal(spread), y + dice.normal(spread))
        canvas.thing(kind, material.another(dice), *at, radius * dice.uniform(0.6, 1.1), depth)


def _defocus(canvas: Canvas) -> None:
    """Blur all that was painted so far: it is behind what the camera is focused on."""
    canvas.pixels = cv2.GaussianBlur(canvas.pixels, (0, 0), canvas.size / 256 * canvas.dice.uniform(1.0, 4.0))
