"""Prepare a scan for coloring: apply settings, and choose them automatically."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from chromahint.images.image_file import ImageFile
from chromahint.images.pixels import Pixels
from chromahint.images.preparation.framing import Frame, apply_frame, find_frame, frame_matrix
from chromahint.images.preparation.grain import noise_level, reduce_noise
from chromahint.images.preparation.scratches import Mask, draw_strokes, fill, find_scratches
from chromahint.images.preparation.settings import MAX_NOISE, Preparation
from chromahint.images.preparation.tint import is_monochrome, neutralize, to_gray
from chromahint.images.preparation.tones import raise_contrast, stretch_levels

_MIN_NOISE = 2.5
"""Noise below this standard deviation, in 8-bit gray levels, is left alone."""
_MAX_DAMAGE = 0.03
"""If more than this share looks like scratches, it is a texture."""
_MIN_DAMAGE = 0.0012
"""If less than this share looks like scratches, it is the photo: a glint in an eye, a star."""
_CONTRAST = 0.25
_TINT_SIDE = 720
STEPS = ("straighten", "neutral", "levels", "noise", "scratches", "contrast")
"""What `automatic` can be limited to."""


def prepare(image: ImageFile, settings: Preparation) -> ImageFile:
    """Apply settings to a scan. Those that are off leave it exactly as it is.

    Args:
        image: The scan.
        settings: What to do.
    """
    if settings == Preparation():
        return image
    is_framed = settings.frame != Frame()
    pixels, alpha = (
        apply_frame(layer, settings.frame) if layer is not None and is_framed else layer
        for layer in (image.pixels, image.alpha)
    )
    assert pixels is not None
    if settings.neutral:
        pixels = neutralize(pixels)
    if settings.levels:
        pixels = stretch_levels(pixels)
    pixels = reduce_noise(pixels, settings.noise)
    if settings.scratches or settings.brush:  # specks stand out once the noise is gone
        pixels = fill(pixels, _damage(pixels, settings, image.pixels.shape))
    pixels = raise_contrast(pixels, settings.contrast)
    return replace(image, pixels=pixels, alpha=alpha)


def has_color(pixels: Pixels) -> bool:
    """Return whether a photo has colors of its own; a tint such as sepia is none, on a scan with a border neither.

    Args:
        pixels: HxW or HxWx3, uint8 or uint16.
    """
    if pixels.ndim == 2:
        return False
    scale = min(1.0, _TINT_SIDE / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return not is_monochrome(apply_frame(small, find_frame(small)))


def choose_steps(image: ImageFile, steps: Sequence[str]) -> Preparation:
    """Choose settings for some steps, which are taken even where `automatic` would leave them out.

    Args:
        image: The scan.
        steps: Names from `STEPS`.
    """
    frame = find_frame(image.pixels) if "straighten" in steps else Frame()
    without_noise = Preparation(frame.angle, frame.crop, "neutral" in steps, "levels" in steps)
    noise = _noise(prepare(image, without_noise).pixels) if "noise" in steps else 0.0
    contrast = _CONTRAST if "contrast" in steps else 0.0
    return replace(without_noise, noise=noise, scratches="scratches" in steps, contrast=contrast)


def automatic(image: ImageFile) -> Preparation:
    """Choose settings for a scan: what is clearly wrong is put right, and nothing else.

    Args:
        image: The scan.
    """
    frame = find_frame(image.pixels)
    if has_color(image.pixels):
        return Preparation(angle=frame.angle, crop=frame.crop)
    gray = stretch_levels(to_gray(apply_frame(image.pixels, frame._replace(angle=0.0))))
    noise = _noise(gray)
    noise = noise if noise >= _MIN_NOISE else 0.0
    damage = np.count_nonzero(find_scratches(reduce_noise(gray, noise))) / gray.size
    return Preparation(
        neutral=image.pixels.ndim == 3,
        levels=True,
        scratches=bool(_MIN_DAMAGE <= damage <= _MAX_DAMAGE),
        noise=noise,
        contrast=_CONTRAST,
        angle=frame.angle,
        crop=frame.crop,
    )


def _noise(pixels: Pixels) -> float:
    return min(MAX_NOISE, round(noise_level(pixels), 1))


def _damage(pixels: Pixels, settings: Preparation, scan_shape: tuple[int, ...]) -> Mask:
    _, matrix = frame_matrix(settings.frame, *scan_shape[:2])
    strokes = [
        stroke._replace(points=tuple((matrix @ (x, y, 1)).tolist() for x, y in stroke.points))
        for stroke in settings.brush
    ]
    mask = draw_strokes(strokes, *pixels.shape[:2])
    if settings.scratches:
        mask |= find_scratches(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return mask
