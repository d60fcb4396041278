"""How a camera sees a scene."""

from __future__ import annotations

import math

import cv2
import numpy as np

from chromahint.data.synthetic.materials import Light
from chromahint.data.synthetic.rng import Floats, Philox
from chromahint.data.synthetic.textures import uneven
from chromahint.images.decode import RGBImage


def photograph(dice: Philox, scene: Floats, light: Light) -> RGBImage:
    """White balance, exposure, vignette, lens blur, tone curve and noise."""
    size = scene.shape[0]
    balance = (light.sun + light.ambient) ** -dice.uniform(0.5, 1.0)
    scene = scene * (balance / balance.mean())
    scene *= (uneven(dice, size, 0.12) / 0.85)[..., None]
    target = math.exp(dice.normal(0.5)) * 0.15
    scene *= target / (np.exp(np.log(scene.mean(axis=2) + 0.01).mean()))
    scene = cv2.GaussianBlur(scene, (0, 0), size / 256 * dice.uniform(0.3, 0.5))
    black = dice.uniform(0.0, 0.012)
    shown = np.clip(scene - black, 0, None)
    shown = 0.18 * (shown * np.float32(1 / 0.18)) ** np.float32(dice.uniform(1.05, 1.6))
    shoulder = dice.uniform(0.05, 0.35)  # highlights are held back as film and cameras do
    shown = shown * (1 + shoulder * 0.3) / (1 + shoulder * shown)
    encoded = np.clip(shown, 0, 1) ** np.float32(1 / 2.2) * 255
    # cameras and JPEG sharpen lightness and soften color
    coded = cv2.cvtColor(encoded.astype(np.float32), cv2.COLOR_RGB2YCrCb)
    luma = coded[..., 0].copy()
    coded = cv2.GaussianBlur(coded, (0, 0), size / 256 * dice.uniform(0.6, 1.1))
    coded[..., 0] = (
        luma + (luma - coded[..., 0]) * dice.uniform(0.3, 1.3) + dice.uniform(0.3, 2.5) * dice.noise(size, size)
    )
    specks = dice.uniform(0.1, 0.8) * dice.noise(size // 2, size // 2, 2)
    coded[..., 1:] += cv2.resize(specks, (size, size), interpolation=cv2.INTER_LINEAR)
    encoded = cv2.cvtColor(coded, cv2.COLOR_YCrCb2RGB)
    picture: RGBImage = np.clip(np.rint(encoded), 0, 255).astype(np.uint8)
    return picture
