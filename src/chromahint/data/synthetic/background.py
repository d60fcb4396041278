"""Background of a scene: sky, hills and ground, or a wall."""

from __future__ import annotations

import numpy as np

from chromahint.data.synthetic.materials import Light, Material
from chromahint.data.synthetic.painting import Canvas
from chromahint.data.synthetic.rng import Floats, Philox
from chromahint.data.synthetic.shapes import ridge
from chromahint.data.synthetic.textures import sample_texture, uneven_light


def paint_background(canvas: Canvas, palette: list[Material], has_sky: bool) -> float:
    """Paint sky, hills and ground, or a wall; return the position of the horizon, 0 (top) to 1 (bottom)."""
    rng, size = canvas.rng, canvas.size
    whole = np.full((size, size), 255, np.uint8)
    if not has_sky:
        canvas.paint(whole, 0, 0, palette[0], uneven_light(rng, size, 0.5), 0.3)
        if rng.chance(0.5):  # an edge between wall and floor
            _layer(canvas, rng.choice(palette), rng.uniform(0.4, 0.9), 0.0, 0.3, 0.0)
        return 0.0
    horizon = rng.uniform(0.2, 0.75)
    canvas.pixels[:] = _sky(rng, size, horizon, canvas.light)
    layers = rng.integer(0, 3)
    for layer in range(layers):
        depth = 1 - layer / (layers + 0.5)
        level = horizon - rng.uniform(0, 0.12) + 0.05 * layer
        _layer(canvas, rng.choice(palette), level, rng.uniform(0.01, 0.06), rng.uniform(0.4, 0.7), depth)
    _layer(canvas, palette[0], horizon + 0.02, 0.004, 0.5, 0.25)
    return horizon


def _layer(canvas: Canvas, material: Material, level: float, height: float, roughness: float, depth: float) -> None:
    """Fill the area below a ridge."""
    rng, size = canvas.rng, canvas.size
    edge = ridge(rng, size, level * size, height * size, roughness)
    mask = np.clip((np.arange(size, dtype=np.float32)[:, None] - edge[None] + 0.5) * 255, 0, 255).astype(np.uint8)
    top = max(0, int(edge.min()) - 1)
    if size - top >= 2:
        canvas.paint(mask[top:], top, 0, material, uneven_light(rng, size, 0.3)[top:], depth)


def _sky(rng: Philox, size: int, horizon: float, light: Light) -> Floats:
    """Return a gradient from the haze at the horizon to the zenith, maybe with clouds: size x size x 3."""
    blue = np.array([0.17, 0.36, 0.75], np.float32) * rng.uniform(0.8, 1.8)
    gray = np.array([0.85, 0.88, 0.92], np.float32) * rng.uniform(0.8, 1.6)
    zenith = blue + (gray - blue) * rng.choice((rng.uniform(0, 0.35), rng.uniform(0.6, 1.0)), (3, 1.5))
    low = light.haze * rng.uniform(0.9, 1.5)
    height = np.clip(1 - np.arange(size, dtype=np.float32) / (size * max(horizon, 0.3)), 0, 1)[:, None, None]
    sky = low + (zenith - low) * height ** rng.uniform(0.4, 1.0)
    sky = np.broadcast_to(sky, (size, size, 3)).copy()
    if rng.chance(0.65):
        puff = sample_texture(rng, "cloudy", size, size)
        cover = np.clip((puff - rng.uniform(-0.5, 1.2)) * rng.uniform(0.3, 1.2), 0, 1)[..., None]
        shade = (1.0 + 0.15 * sample_texture(rng, "cloudy", size, size))[..., None]
        sky += (light.sun * rng.uniform(0.9, 1.5) * shade - sky) * cover * rng.uniform(0.4, 0.95)
    return sky
