"""Paints lit, textured things onto a canvas of linear RGB, back to front."""

from __future__ import annotations

import math

import cv2
import numpy as np

from chromahint.data.synthetic.materials import Light, Material
from chromahint.data.synthetic.rng import Floats, Philox
from chromahint.data.synthetic.shapes import Mask, fill, outline
from chromahint.data.synthetic.textures import cut


class Canvas:
    """A scene in the making.

    Attributes:
        pixels: size x size x 3, linear RGB.
    """

    def __init__(self, dice: Philox, size: int, light: Light, haze: float) -> None:
        self.dice, self.size, self.light, self.haze = dice, size, light, haze
        self.pixels = np.zeros((size, size, 3), np.float32)

    def thing(self, kind: str, material: Material, x: float, y: float, radius: float, depth: float) -> None:
        """Paint one thing and its shadow.

        Args:
            kind: of outline.
            material: what it is made of.
            x: its center in pixels.
            y: its center in pixels.
            radius: in pixels.
            depth: 0 is near; 1 is far, where haze is thick and no shadow is seen.
        """
        dice = self.dice
        points = outline(dice, kind) * radius + np.array([x, y], np.float32)
        soft = radius * dice.uniform(0.05, 0.3) if radius > 4 and dice.chance(0.12) else 0.0
        margin = 2 + int(3 * soft)
        left, top = (max(0, int(low) - margin) for low in points.min(axis=0))
        right, bottom = (min(self.size, int(high) + margin + 2) for high in points.max(axis=0))
        if right - left < 2 or bottom - top < 2:
            return
        if radius > 5 and depth < 0.7 and dice.chance(0.7):
            self._shadow(points, radius)
        mask = fill(points - np.array([left, top], np.float32), bottom - top, right - left)
        if soft:
            mask = cv2.GaussianBlur(mask, (0, 0), soft)
        self.paint(mask, top, left, material, self._shading(mask, radius), depth)

    def paint(self, mask: Mask, top: int, left: int, material: Material, shading: Floats | float, depth: float) -> None:
        """Lay a material over the canvas where `mask` is."""
        height, width = mask.shape
        color = self.colors(material, shading, height, width)
        if depth and self.haze:
            veil = self.haze * depth
            color = color * (1 - veil) + self.light.haze * veil
        below = self.pixels[top : top + height, left : left + width]
        below += (color - below) * (mask.astype(np.float32) * np.float32(1 / 255))[..., None]

    def colors(self, material: Material, shading: Floats | float, height: int, width: int) -> Floats:
        """The material's colors under the light: height x width x 3, linear RGB; `shading` 1 faces the light."""
        dice, light = self.dice, self.light
        if height * width <= 100:
            flat: Floats = np.exp(material.tone) * (light.sun * np.mean(shading) + light.ambient)
            return flat[None, None]
        texture = cut(dice, material.surface, height, width)
        logs = texture[..., None] * (material.contrast * material.tilt) + material.tone
        if height * width > 1000:
            logs += cut(dice, "cloudy", height, width)[..., None] * material.drift
        lit: Floats = cv2.exp(logs)
        if isinstance(shading, float):
            lit *= light.sun * shading + light.ambient
            return lit
        lit *= shading[..., None] * light.sun + light.ambient
        if material.gloss:
            shine = material.gloss * np.clip(shading - 1.15, 0, 1)
            lit += shine[..., None] * light.sun
        return lit

    def _shading(self, mask: Mask, radius: float) -> Floats | float:
        """How much light a thing catches: rounded, a flat gradient, or even."""
        dice = self.dice
        level = dice.uniform(0.45, 1.05)
        if radius < 4 or dice.chance(0.15):
            return level
        height, width = mask.shape
        small = (max(4, min(24, width // 2)), max(4, min(24, height // 2)))
        if dice.chance(0.6):
            body = cv2.GaussianBlur(cv2.resize(mask, small, interpolation=cv2.INTER_AREA), (0, 0), max(small) / 10)
            slope_x, slope_y = (cv2.Sobel(body, cv2.CV_32F, *way, ksize=3) for way in ((1, 0), (0, 1)))
            towards_x, towards_y = self.light.towards
            field = -(slope_x * towards_x + slope_y * towards_y) * (dice.uniform(0.3, 1.1) / 255) + level
        else:
            angle, strength = dice.uniform(0, 2 * math.pi), dice.uniform(0, 0.5)
            across, down = np.linspace(-1, 1, small[0]), np.linspace(-1, 1, small[1])
            field = level + strength * (math.cos(angle) * across[None] + math.sin(angle) * down[:, None])
        shading: Floats = cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.clip(shading, 0.03, 2.0)

    def _shadow(self, points: Floats, radius: float) -> None:
        """Darken what lies on the side away from the light."""
        dice = self.dice
        reach = radius * dice.uniform(0.05, 0.5)
        soft = max(0.8, reach * dice.uniform(0.1, 0.5))
        moved = points - np.float32(reach) * np.array(self.light.towards, np.float32)
        margin = 2 + int(3 * soft)
        left, top = (max(0, int(low) - margin) for low in moved.min(axis=0))
        right, bottom = (min(self.size, int(high) + margin + 2) for high in moved.max(axis=0))
        if right - left < 2 or bottom - top < 2:
            return
        # a quarter of the pixels is enough for what is blurred
        moved = (moved - np.array([left, top], np.float32)) * np.float32(0.5)
        mask = fill(moved, (bottom - top + 1) // 2, (right - left + 1) // 2)
        mask = cv2.GaussianBlur(mask, (0, 0), soft / 2)
        mask = cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
        kept = (mask.astype(np.float32) * np.float32(1 / 255))[..., None] * (self.light.in_shadow - 1) + 1
        self.pixels[top:bottom, left:right] *= kept
