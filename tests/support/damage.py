"""Damage like that of old prints, made on a clean picture."""

import cv2
import numpy as np


def scratched(gray, seed=0, scratches=6, specks=60):
    """Draw bright and dark scratches and specks of dust on a gray picture; return it and the mask of the damage."""
    generator = np.random.default_rng(seed)
    height, width = gray.shape
    mask = np.zeros(gray.shape, np.uint8)
    bright = np.zeros(gray.shape, bool)
    for number in range(scratches + specks):
        part = np.zeros(gray.shape, np.uint8)
        start = generator.uniform((0, 0), (width, height))
        if number < scratches:
            angle, length = generator.uniform(0, 2 * np.pi), generator.uniform(0.2, 0.7) * max(height, width)
            bend = generator.uniform(-0.03, 0.03) * length
            along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
            steps = np.linspace(0, 1, 20)[:, None]
            path = start + steps * length * along + np.sin(np.pi * steps) * bend * across
            cv2.polylines(part, [np.rint(path).astype(np.int32)], False, 255, int(generator.integers(1, 3)))
        else:
            cv2.circle(part, start.astype(int).tolist(), int(generator.integers(1, 3)), 255, cv2.FILLED)
        mask |= part
        bright[part > 0] = generator.uniform() < 0.75
    damaged = gray.copy()
    damaged[mask > 0] = np.where(bright, 245, 12)[mask > 0]
    return damaged, mask > 0


def sepia(gray):
    """Tone a gray picture like an old print."""
    shade = gray.astype(np.float64)[..., None] / 255
    tones = np.array([0.16, 0.1, 0.05]) + np.array([0.8, 0.78, 0.66]) * shade ** np.array([0.85, 1.0, 1.2])
    return np.rint(255 * tones).astype(np.uint8)


def placed_on_scanner(picture, angle, background=250, border=120):
    """Turn a picture counterclockwise by an angle in degrees, on a wider background."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    matrix[:, 2] += border
    size = width + 2 * border, height + 2 * border
    color = (background,) * 3
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_AREA, borderValue=color)
