"""Preview of hint samplers: a contact sheet with one row per sampler and several draws per photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from chromahint.color import rgb_to_lab
from chromahint.hints.samplers import Sampler
from chromahint.images.decode import RGBImage
from chromahint.visualization.hint_overlay import count_hints, draw_contact_sheet, draw_hints


def draw_preview(
    samplers: Mapping[str, Sampler], photos: Sequence[RGBImage], seed: int = 0, draws: int = 3, size: int = 256
) -> RGBImage:
    """Draw the hints of samplers over the dimmed gray photos.

    Args:
        samplers: Samplers by name; the name becomes the title of the row.
        photos: HxWx3 uint8 RGB images of any size, resized to a square of `size` pixels.
        seed: Seed of the random generator.
        draws: Number of draws per photo.
        size: Height and width of the images in pixels.

    Returns:
        The contact sheet, HxWx3 uint8 RGB. Rows are samplers; columns are photos, each repeated `draws` times.
    """
    if not samplers or not photos:
        raise ValueError(f"{len(samplers)} samplers and {len(photos)} photos: must be at least one of each.")
    resized = np.stack([cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA) for photo in photos])
    lightness, ab = rgb_to_lab(torch.from_numpy(resized).permute(0, 3, 1, 2).repeat_interleave(draws, 0))
    overlays, captions = [], []
    for sampler in samplers.values():
        hints = sampler(ab, torch.Generator().manual_seed(seed))
        overlays.append(draw_hints(lightness, hints))
        captions.append([_caption(mask) for mask in hints.mask[:, 0].numpy() > 0])
    return draw_contact_sheet(overlays, captions, rows=list(samplers))


def _caption(mask: NDArray[np.bool_]) -> str:
    if mask.all():
        return "full color"
    hints, pixels = count_hints(mask)
    if hints == 0:
        return "no hint"
    text = f"{hints:,} hint{'s' if hints > 1 else ''}"
    # among many single pixels, some are adjacent by chance; report the pixels only if the hints are larger
    return text if pixels < 1.5 * hints else f"{text}, {pixels:,} pixels"
