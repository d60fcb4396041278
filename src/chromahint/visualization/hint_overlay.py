"""Hint overlays, that is, dots over a dimmed gray photo, and contact sheets of labeled images."""

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
from chromahint.images.decode import RGBImage

_BACKGROUND = (255, 255, 255)
_TITLE_COLOR = (32, 33, 36)
_CAPTION_COLOR = (95, 99, 104)
_OUTLINE_COLOR = (18, 18, 18)
_GAP = 10
_MIN_WIDTH = 160
_SUPERSAMPLING = 4  # OpenCV cannot draw smooth circles with a radius of one or two pixels


def to_numpy_images(rgb: torch.Tensor) -> list[RGBImage]:
    """Convert B3HW uint8 RGB to a list of HxWx3 arrays."""
    return list(rgb.permute(0, 2, 3, 1).cpu().numpy())


def draw_gray(lightness: torch.Tensor) -> list[RGBImage]:
    """Draw lightness B1HW in 0..100 as gray images."""
    return to_numpy_images(lab_to_rgb8(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1)))


def draw_hints(lightness: torch.Tensor, hints: Hints) -> list[RGBImage]:
    """Draw hints as dots over the dimmed gray photos. Fewer hints get larger dots.

    A dot has the ab of its hint and the lightness of the photo, clamped to a range in which colors are visible.

    Args:
        lightness: B1HW in 0..100.
        hints: ab B2HW in Lab units and mask B1HW.

    Returns:
        B images of HxWx3.
    """
    colors = to_numpy_images(lab_to_rgb8(lightness.clamp(45, 80), hints.ab))
    masks = hints.mask[:, 0].cpu().numpy() > 0
    return [
        _draw_dots(gray, color, mask) for gray, color, mask in zip(draw_gray(lightness), colors, masks, strict=True)
    ]


def count_hints(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the number of connected hints and of hinted pixels in a mask HxW."""
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1, int(mask.sum())


def draw_contact_sheet(
    images: Sequence[Sequence[RGBImage]],
    captions: Sequence[Sequence[str]],
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
) -> RGBImage:
    """Arrange images of one size in a grid. Small images are enlarged by an integer factor to leave space for text.

    Args:
        images: Rows of HxWx3 images.
        captions: Text below each image, may be empty.
        columns: Titles of the columns, or none.
        rows: Titles of the rows, or none.

    Returns:
        The contact sheet, HxWx3.
    """
    scale = math.ceil(_MIN_WIDTH / images[0][0].shape[1])
    height, width = (scale * size for size in images[0][0].shape[:2])
    # scale the text with the images, so that titles fit their columns
    caption_font = _font(max(11, width // 17))
    title_font = _font(max(12, width // 15))
    caption_height = int(caption_font.getbbox("Ag")[3] * 1.5)
    title_height = int(title_font.getbbox("Ag")[3] * 1.6)
    above = title_height if rows else 0
    below = caption_height if any(text for row in captions for text in row) else 0
    top = _GAP + (title_height if columns else 0)
    row_height = above + height + below + _GAP
    sheet = Image.new("RGB", (_GAP + len(images[0]) * (width + _GAP), top + len(images) * row_height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for j, text in enumerate(columns):
        draw.text((_GAP + j * (width + _GAP), _GAP * 0.7), text, fill=_TITLE_COLOR, font=title_font)
    for i, (row, texts) in enumerate(zip(images, captions, strict=True)):
        y = top + i * row_height
        if rows:
            draw.text((_GAP, y), rows[i], fill=_TITLE_COLOR, font=title_font)
        for j, (image, text) in enumerate(zip(row, texts, strict=True)):
            x = _GAP + j * (width + _GAP)
            sheet.paste(Image.fromarray(image.repeat(scale, 0).repeat(scale, 1)), (x, y + above))
            draw.text((x, y + above + height + 2), text, fill=_CAPTION_COLOR, font=caption_font)
    return np.asarray(sheet).copy()


def _draw_dots(gray: RGBImage, color: RGBImage, mask: NDArray[np.bool_]) -> RGBImage:
    if mask.all():
        return color
    height, width = mask.shape
    size = (width * _SUPERSAMPLING, height * _SUPERSAMPLING)
    canvas = cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR) // 2 + 40
    components, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    # single pixels become dots as large as their distance to other hints allows; visible patches grow less
    dot = np.clip(0.25 * np.sqrt(mask.size / max(1, components - 1)), 1.2, width / 50)
    radius = np.maximum(dot - (np.sqrt(stats[:, cv2.CC_STAT_AREA]) - 1) / 2, 0.75)
    rows, columns = np.nonzero(mask)
    # draw all outlines before all discs, so that adjacent pixels of a patch share one outline
    for outline, fill in ((min(1.0, dot / 3), None), (0.0, color)):
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            center = (round((column + 0.5) * _SUPERSAMPLING - 0.5), round((row + 0.5) * _SUPERSAMPLING - 0.5))
            dot_color = _OUTLINE_COLOR if fill is None else tuple(fill[row, column].tolist())
            dot_radius = round((radius[labels[row, column]] + outline) * _SUPERSAMPLING)
            cv2.circle(canvas, center, dot_radius, dot_color, cv2.FILLED)
    overlay: RGBImage = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return overlay


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
