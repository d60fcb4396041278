"""Hints that a person can see: dots over a dimmed gray photo, and sheets of labeled pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from chromahint.color import lab_to_rgb8
from chromahint.hints.hints import Hints

RGBImage = NDArray[np.uint8]
"""HxWx3 RGB."""

_PAPER = (255, 255, 255)
_INK = (32, 33, 36)
_FAINT = (95, 99, 104)
_RING = (18, 18, 18)
_GAP = 10
_LEAST_WIDTH = 160
_FINER = 4  # dots are drawn larger and then shrunk: OpenCV has no smooth circles of a pixel or two


def to_numpy_images(rgb: torch.Tensor) -> list[RGBImage]:
    """Turn B3HW uint8 RGB into a list of HxWx3 arrays."""
    return list(rgb.permute(0, 2, 3, 1).cpu().numpy())


def draw_gray(lightness: torch.Tensor) -> list[RGBImage]:
    """Draw lightness B1HW in 0..100 as gray photos."""
    return to_numpy_images(lab_to_rgb8(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1)))


def draw_hints(lightness: torch.Tensor, hints: Hints) -> list[RGBImage]:
    """Draw hints as dots over the dimmed gray photo, the larger the fewer they are.

    A dot has the hint's ab; its lightness is the photo's, kept to a range in which a color can be told.

    Args:
        lightness: B1HW in 0..100.
        hints: of the same batch, height and width.

    Returns:
        B pictures of HxW.
    """
    colors = to_numpy_images(lab_to_rgb8(lightness.clamp(45, 80), hints.ab))
    masks = hints.mask[:, 0].cpu().numpy() > 0
    return [
        _draw_dots(gray, color, mask) for gray, color, mask in zip(draw_gray(lightness), colors, masks, strict=True)
    ]


def count_hints(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Count the separate hints and the pixels of a mask HxW."""
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1, int(mask.sum())


def draw_contact_sheet(
    images: Sequence[Sequence[RGBImage]],
    captions: Sequence[Sequence[str]],
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
) -> RGBImage:
    """Lay pictures of one size out in a table; small ones are enlarged by a whole number to leave room for text.

    Args:
        pictures: rows of HxWx3 pictures.
        captions: a text under each picture, "" for none.
        columns: a title above each column, or nothing.
        rows: a title above each row, or nothing.

    Returns:
        One picture.
    """
    enlarged = math.ceil(_LEAST_WIDTH / images[0][0].shape[1])
    height, width = (enlarged * side for side in images[0][0].shape[:2])
    # text grows with the pictures, and a title never leaves its column
    body = _font(max(11, width // 17))
    title = _font(max(12, width // 15))
    line = int(body.getbbox("Ag")[3] * 1.5)
    head = int(title.getbbox("Ag")[3] * 1.6)
    above = head if rows else 0
    under = line if any(text for row in captions for text in row) else 0
    top = _GAP + (head if columns else 0)
    step = above + height + under + _GAP
    sheet = Image.new("RGB", (_GAP + len(images[0]) * (width + _GAP), top + len(images) * step), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for j, text in enumerate(columns):
        draw.text((_GAP + j * (width + _GAP), _GAP * 0.7), text, fill=_INK, font=title)
    for i, (row, texts) in enumerate(zip(images, captions, strict=True)):
        y = top + i * step
        if rows:
            draw.text((_GAP, y), rows[i], fill=_INK, font=title)
        for j, (picture, text) in enumerate(zip(row, texts, strict=True)):
            x = _GAP + j * (width + _GAP)
            sheet.paste(Image.fromarray(picture.repeat(enlarged, 0).repeat(enlarged, 1)), (x, y + above))
            draw.text((x, y + above + height + 2), text, fill=_FAINT, font=body)
    return np.asarray(sheet).copy()


def _draw_dots(gray: RGBImage, color: RGBImage, mask: NDArray[np.bool_]) -> RGBImage:
    if mask.all():
        return color
    height, width = mask.shape
    canvas = cv2.resize(gray, (width * _FINER, height * _FINER), interpolation=cv2.INTER_LINEAR) // 2 + 40
    hints, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    # a lone pixel becomes a dot that its neighbors leave room for; a patch, which can be seen, grows less
    dot = np.clip(0.25 * np.sqrt(mask.size / max(1, hints - 1)), 1.2, width / 50)
    radius = np.maximum(dot - (np.sqrt(stats[:, cv2.CC_STAT_AREA]) - 1) / 2, 0.75)
    rows, columns = np.nonzero(mask)
    # every ring before every disc, so that touching pixels of a patch share one outline
    for wider, inks in ((min(1.0, dot / 3), None), (0.0, color)):
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            center = (round((column + 0.5) * _FINER - 0.5), round((row + 0.5) * _FINER - 0.5))
            ink = _RING if inks is None else tuple(inks[row, column].tolist())
            cv2.circle(canvas, center, round((radius[labels[row, column]] + wider) * _FINER), ink, cv2.FILLED)
    small: RGBImage = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return small


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
