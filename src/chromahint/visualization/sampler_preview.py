"""What simulated users do, in one picture: a row a sampler, several draws of each photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from chromahint.color import rgb_to_lab
from chromahint.hints.samplers import Sampler
from chromahint.visualization.hint_overlay import RGBImage, count_hints, draw_contact_sheet, draw_hints


def draw_preview(
    samplers: Mapping[str, Sampler], photos: Sequence[RGBImage], seed: int = 0, draws: int = 3, size: int = 256
) -> RGBImage:
    """Draw the hints that samplers choose, enlarged, over the dimmed gray photos.

    Args:
        samplers: by the name that is written above their row.
        photos: HxWx3 uint8 RGB of any size; they are squashed to `size`.
        seed: the same seed gives the same picture.
        draws: how often each photo is drawn.
        size: height and width, in pixels, at which hints are chosen and drawn.

    Returns:
        One HxWx3 uint8 RGB picture: rows are samplers; columns are the photos, each `draws` times.
    """
    if not samplers or not photos:
        raise ValueError(f"{len(samplers)} samplers and {len(photos)} photos: at least one of each is needed to draw.")
    squashed = np.stack([cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA) for photo in photos])
    lightness, ab = rgb_to_lab(torch.from_numpy(squashed).permute(0, 3, 1, 2).repeat_interleave(draws, 0))
    pictures, captions = [], []
    for sampler in samplers.values():
        hints = sampler(ab, torch.Generator().manual_seed(seed))
        pictures.append(draw_hints(lightness, hints))
        captions.append([_caption(mask) for mask in hints.mask[:, 0].numpy() > 0])
    return draw_contact_sheet(pictures, captions, rows=list(samplers))


def _caption(mask: NDArray[np.bool_]) -> str:
    if mask.all():
        return "the whole color"
    hints, pixels = count_hints(mask)
    if hints == 0:
        return "no hint"
    text = f"{hints:,} hint{'s' if hints > 1 else ''}"
    # a few of many single pixels touch by chance: that is no reason to speak of patches
    return text if pixels < 1.5 * hints else f"{text}, {pixels:,} pixels"
