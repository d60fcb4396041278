"""Materials of a scene and its light. Colors are linear RGB, mostly in 0..1."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chromahint.data.synthetic.rng import Floats, Philox


class MaterialFamily(NamedTuple):
    """Distribution of similar materials.

    Attributes:
        colors: Typical sRGB colors.
        surfaces: Kinds of texture.
        contrast: Strength of the texture, as standard deviation of log reflectance.
        spread: Variation of color between objects, in the same unit.
    """

    colors: str
    surfaces: tuple[str, ...]
    contrast: float
    spread: float


FAMILIES = {
    "foliage": MaterialFamily(
        "2e3b1c 46572a 5d6b35 76824a 39502c 8a9152 4c5e3f", ("leaves", "leaves", "fur", "rough"), 0.55, 0.16
    ),
    "grass": MaterialFamily("5f6b34 7a7f45 8f8a52 55692f a39a62", ("fur", "fibers", "grain", "leaves"), 0.35, 0.12),
    "autumn": MaterialFamily("8a4b22 a8702c 6f3420 b58a3a 5c4a2a", ("leaves", "rough", "fur"), 0.5, 0.2),
    "soil": MaterialFamily("5b4636 7a6048 8f7558 453a30 9a8468", ("rough", "pebbles", "grain"), 0.35, 0.1),
    "sand": MaterialFamily("b59d78 c9b48e a88e6a d6c6a4", ("grain", "ripples", "cloudy"), 0.15, 0.08),
    "stone": MaterialFamily(
        "6e6a66 8b8680 a39d94 54524f b8b2a8 7c7568", ("rough", "veins", "pebbles", "cloudy"), 0.35, 0.07
    ),
    "wood": MaterialFamily("6b4a30 8a6441 4d3524 a98458 75553c", ("fibers", "fibers", "veins"), 0.3, 0.1),
    "fur": MaterialFamily("7a5a3c a38560 40332a c9b496 8c7a66 2d2724", ("fur", "fibers"), 0.4, 0.1),
    "skin": MaterialFamily("c08d70 d6a98c 8f5f47 e0b99f 6b4433", ("cloudy", "cloudy", "grain"), 0.1, 0.08),
    "water": MaterialFamily("3b5560 4f6d78 2e4348 6a8a92 47605a", ("ripples", "cloudy"), 0.25, 0.1),
    "snow": MaterialFamily("d8dde3 e8eaec c2cad4", ("cloudy", "rough"), 0.1, 0.03),
    "concrete": MaterialFamily("8f8c86 a8a49c 74726e c2bdb2", ("rough", "grain", "bricks", "cloudy"), 0.2, 0.04),
    "brick": MaterialFamily("8a5642 9c6a50 74503f b08a70", ("bricks", "bricks", "rough"), 0.3, 0.1),
    "metal": MaterialFamily("6a6d70 9ea2a6 3c3e40 c8cacc", ("cloudy", "fibers", "stripes"), 0.25, 0.03),
    "dark": MaterialFamily("1c1b1a 2a2826 141618 33302c", ("cloudy", "grain", "woven"), 0.3, 0.06),
    "white": MaterialFamily("dcd9d2 eeece6 c9c8c4", ("cloudy", "woven", "grain"), 0.08, 0.03),
    "cloth": MaterialFamily(
        "5b6478 7d4f4c 3f5a66 8c8064 6b5a72 a89484 4a5a48", ("woven", "cloudy", "stripes", "cloudy"), 0.2, 0.3
    ),
    "paint": MaterialFamily(
        "a8452e 2f5f95 c9a23a 3f7a4c 8e3a52 d07a3a 3a8a92 b8b04a", ("cloudy", "grain", "stripes"), 0.12, 0.3
    ),
    "flower": MaterialFamily(
        "c23a4a d98fb0 e8c23a b05ab0 f0e6d8 e07a2a 7a6ac8", ("cloudy", "leaves", "veins"), 0.25, 0.25
    ),
}

GLOSSY = ("metal", "paint", "water", "skin", "dark")


class Material(NamedTuple):
    """One material of one scene.

    Attributes:
        tone: Log reflectance, 3 numbers.
        tilt: Factor of the texture in each channel, 3 numbers near 1, so shades of an object also differ in hue.
        drift: Slow change of color over the surface, independent of lightness; 3 numbers near 0.
        surface: Kind of texture.
        contrast: Strength of the texture.
        gloss: Strength of highlights.
        spread: Variation of color between objects.
    """

    tone: Floats
    tilt: Floats
    drift: Floats
    surface: str
    contrast: float
    gloss: float
    spread: float

    def vary(self, rng: Philox) -> Material:
        """Return a similar material of slightly different lightness and hue."""
        return self._replace(tone=self.tone + rng.normal(0.5) + _hue_shift(rng, self.spread * 0.6))


class Light(NamedTuple):
    """The light of one scene.

    Attributes:
        direction: Unit vector in the image plane that points to the light.
        sun: Direct light.
        ambient: Light from all sides, the only light in a shadow.
        haze: Color of distant objects.
        shadow: Darkness of cast shadows, 0..1.
    """

    direction: tuple[float, float]
    sun: Floats
    ambient: Floats
    haze: Floats
    shadow: float

    @property
    def in_shadow(self) -> Floats:
        """Factor of a color in a full cast shadow, 3 numbers in 0..1."""
        remaining: Floats = self.ambient / (0.75 * self.sun + self.ambient)
        return 1 - self.shadow * (1 - remaining)


def make_material(rng: Philox, name: str, vividness: float) -> Material:
    """Create a material of a family; `vividness` 1 keeps its colors, 0 makes them gray."""
    family = FAMILIES[name]
    colors = family.colors.split()
    one, other = linear(rng.choice(colors)), linear(rng.choice(colors))
    tone = np.log(one + (other - one) * rng.random()) + rng.normal(0.4) + _hue_shift(rng, family.spread)
    gray = tone.mean()
    return Material(
        tone=(gray + (tone - gray) * vividness).astype(np.float32),
        tilt=1 + _hue_shift(rng, 0.2) + np.array([0.0, 0.0, rng.uniform(-0.15, 0.25)], np.float32),
        drift=_hue_shift(rng, 0.05 * rng.random() + 0.3 * family.spread * rng.random()) * vividness,
        surface=rng.choice(family.surfaces),
        contrast=family.contrast * rng.uniform(0.5, 2.2),
        gloss=rng.uniform(0.2, 1.0) if name in GLOSSY and rng.chance(0.6) else 0.0,
        spread=family.spread,
    )


def make_light(rng: Philox) -> Light:
    """Create the light of the sun, an overcast sky, an evening or a lamp, after a camera's white balance."""
    kind = rng.choice(("sun", "overcast", "evening", "lamp"), (4, 3, 1.2, 1.5))
    warm, fill = {"sun": (0.10, 0.45), "overcast": (0.0, 1.1), "evening": (0.30, 0.4), "lamp": (0.16, 0.35)}[kind]
    warm += rng.normal(0.06)
    cool = -warm * 1.2 - (0.08 if kind in ("sun", "evening") else 0.0) + rng.normal(0.05)
    angle = rng.uniform(-math.pi, 0)
    hazy = np.array([0.85, 0.93, 1.02], np.float32) * np.exp(_temperature(warm * 0.6 + rng.normal(0.08)))
    return Light(
        direction=(math.cos(angle), math.sin(angle)),
        sun=np.exp(_temperature(warm) + rng.normal(0.03)),
        ambient=np.exp(_temperature(cool)) * np.float32(fill * rng.uniform(0.7, 1.2)),
        haze=hazy * rng.uniform(0.7, 1.2),
        shadow={"sun": 0.9, "overcast": 0.35, "evening": 0.85, "lamp": 0.75}[kind] * rng.uniform(0.6, 1.1),
    )


def linear(code: str) -> Floats:
    """Convert an sRGB color such as `8a5642` to linear RGB."""
    srgb = np.array([int(code[start : start + 2], 16) / 255 for start in (0, 2, 4)], np.float32)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _temperature(warmth: float) -> Floats:
    return np.array([warmth, 0.1 * warmth, -1.1 * warmth], np.float32)


def _hue_shift(rng: Philox, deviation: float) -> Floats:
    """Return a random change of log color that roughly keeps lightness."""
    step: Floats = np.array([rng.normal(deviation) for _ in range(3)], np.float32)
    step -= np.float32(0.21 * step[0] + 0.72 * step[1] + 0.07 * step[2])
    return step
