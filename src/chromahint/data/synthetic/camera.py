"""Camera model that turns a scene into a photo."""

from __future__ import annotations

import math

import cv2
import numpy as np

from chromahint.data.synthetic.materials import Light
from chromahint.data.synthetic.rng import Floats, Philox
from chromahint.data.synthetic.textures import uneven_light
from chromahint.images.decode import RGBImage


def simulate_camera(rng: Philox, scene: Floats, light: Light) -> RGBImage:
    """Apply white balance, exposure, vignette, lens blur, tone curve and noise to a scene (linear RGB, HxWx3)."""
    size = scene.shape[0]
    balance = (light.sun + light.ambient) ** -rng.uniform(0.5, 1.0)
    scene = scene * (balance / balance.mean())
    scene *= (uneven_light(rng, size, 0.12) / 0.85)[..., None]
    target = math.exp(rng.normal(0.5)) * 0.15
    scene *= target / (np.exp(np.log(scene.mean(axis=2) + 0.01).mean()))
    scene = cv2.GaussianBlur(scene, (0, 0), size / 256 * rng.uniform(0.3, 0.5))
    black = rng.uniform(0.0, 0.012)
    shown = np.clip(scene - black, 0, None)
    shown = 0.18 * (shown * np.float32(1 / 0.18)) ** np.float32(rng.uniform(1.05, 1.6))
    shoulder = rng.uniform(0.05, 0.35)  # compress highlights as film and cameras do
    shown = shown * (1 + shoulder * 0.3) / (1 + shoulder * shown)
    encoded = np.clip(shown, 0, 1) ** np.float32(1 / 2.2) * 255
    # cameras and JPEG sharpen luma and blur chroma
    coded = cv2.cvtColor(encoded.astype(np.float32), cv2.COLOR_RGB2YCrCb)
    luma = coded[..., 0].copy()
    coded = cv2.GaussianBlur(coded, (0, 0), size / 256 * rng.uniform(0.6, 1.1))
    coded[..., 0] = (
        luma + (luma - coded[..., 0]) * rng.uniform(0.3, 1.3) + rng.uniform(0.3, 2.5) * rng.noise(size, size)
    )
    specks = rng.uniform(0.1, 0.8) * rng.noise(size // 2, size // 2, 2)
    coded[..., 1:] += cv2.resize(specks, (size, size), interpolation=cv2.INTER_LINEAR)
    encoded = cv2.cvtColor(coded, cv2.COLOR_YCrCb2RGB)
    image: RGBImage = np.clip(np.rint(encoded), 0, 255).astype(np.uint8)
    return image
