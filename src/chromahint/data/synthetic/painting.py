"""Canvas on which lit, textured objects are painted back to front, in linear RGB."""

from __future__ import annotations

import math

import cv2
import numpy as np

from chromahint.data.synthetic.materials import Light, Material
from chromahint.data.synthetic.rng import Floats, Philox
from chromahint.data.synthetic.shapes import Mask, fill, outline
from chromahint.data.synthetic.textures import sample_texture


class Canvas:
    """Canvas of a scene.

    Attributes:
        pixels: size x size x 3 float32, linear RGB.
    """

    def __init__(self, rng: Philox, size: int, light: Light, haze: float) -> None:
        self.rng, self.size, self.light, self.haze = rng, size, light, haze
        self.pixels = np.zeros((size, size, 3), np.float32)

    def draw_object(self, kind: str, material: Material, x: float, y: float, radius: float, depth: float) -> None:
        """Paint one object and its shadow.

        Args:
            kind: Kind of outline.
            material: Material of the object.
            x: Center in pixels.
            y: Center in pixels.
            radius: Radius in pixels.
            depth: 0 (near) to 1 (far, in thick haze and without shadow).
        """
        rng = self.rng
        points = outline(rng, kind) * radius + np.array([x, y], np.float32)
        soft = radius * rng.uniform(0.05, 0.3) if radius > 4 and rng.chance(0.12) else 0.0
        margin = 2 + int(3 * soft)
        left, top = (max(0, int(low) - margin) for low in points.min(axis=0))
        right, bottom = (min(self.size, int(high) + margin + 2) for high in points.max(axis=0))
        if right - left < 2 or bottom - top < 2:
            return
        if radius > 5 and depth < 0.7 and rng.chance(0.7):
            self._shadow(points, radius)
        mask = fill(points - np.array([left, top], np.float32), bottom - top, right - left)
        if soft:
            mask = cv2.GaussianBlur(mask, (0, 0), soft)
        self.paint(mask, top, left, material, self._shading(mask, radius), depth)

    def paint(self, mask: Mask, top: int, left: int, material: Material, shading: Floats | float, depth: float) -> None:
        """Paint a material over the canvas within `mask`."""
        height, width = mask.shape
        color = self.colors(material, shading, height, width)
        if depth and self.haze:
            veil = self.haze * depth
            color = color * (1 - veil) + self.light.haze * veil
        below = self.pixels[top : top + height, left : left + width]
        below += (color - below) * (mask.astype(np.float32) * np.float32(1 / 255))[..., None]

    def colors(self, material: Material, shading: Floats | float, height: int, width: int) -> Floats:
        """Return the lit colors of a material, height x width x 3, linear RGB; `shading` is 1 facing the light."""
        rng, light = self.rng, self.light
        if height * width <= 100:
            flat: Floats = np.exp(material.tone) * (light.sun * np.mean(shading) + light.ambient)
            return flat[None, None]
        texture = sample_texture(rng, material.surface, height, width)
        logs = texture[..., None] * (material.contrast * material.tilt) + material.tone
        if height * width > 1000:
            logs += sample_texture(rng, "cloudy", height, width)[..., None] * material.drift
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
        """Return the shading of an object: rounded, a linear gradient, or constant."""
        rng = self.rng
        level = rng.uniform(0.45, 1.05)
        if radius < 4 or rng.chance(0.15):
            return level
        height, width = mask.shape
        small = (max(4, min(24, width // 2)), max(4, min(24, height // 2)))
        if rng.chance(0.6):
            body = cv2.GaussianBlur(cv2.resize(mask, small, interpolation=cv2.INTER_AREA), (0, 0), max(small) / 10)
            slope_x, slope_y = (cv2.Sobel(body, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1)))
            light_x, light_y = self.light.direction
            field = -(slope_x * light_x + slope_y * light_y) * (rng.uniform(0.3, 1.1) / 255) + level
        else:
            angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.5)
            across, down = np.linspace(-1, 1, small[0]), np.linspace(-1, 1, small[1])
            field = level + strength * (math.cos(angle) * across[None] + math.sin(angle) * down[:, None])
        shading: Floats = cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.clip(shading, 0.03, 2.0)

    def _shadow(self, points: Floats, radius: float) -> None:
        """Cast a shadow on the side away from the light."""
        rng = self.rng
        reach = radius * rng.uniform(0.05, 0.5)
        soft = max(0.8, reach * rng.uniform(0.1, 0.5))
        moved = points - np.float32(reach) * np.array(self.light.direction, np.float32)
        margin = 2 + int(3 * soft)
        left, top = (max(0, int(low) - margin) for low in moved.min(axis=0))
        right, bottom = (min(self.size, int(high) + margin + 2) for high in moved.max(axis=0))
        if right - left < 2 or bottom - top < 2:
            return
        # the blurred shadow is drawn at half resolution
        moved = (moved - np.array([left, top], np.float32)) * np.float32(0.5)
        mask = fill(moved, (bottom - top + 1) // 2, (right - left + 1) // 2)
        mask = cv2.GaussianBlur(mask, (0, 0), soft / 2)
        mask = cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
        kept = (mask.astype(np.float32) * np.float32(1 / 255))[..., None] * (self.light.in_shadow - 1) + 1
        self.pixels[top:bottom, left:right] *= kept
