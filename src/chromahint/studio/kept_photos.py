"""Colors the photos of a project from their session files, at full size and as thumbnails."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from chromahint.hints.annotations import Annotations
from chromahint.images.decode import decode_rgb, read_bytes, read_size
from chromahint.images.image_file import ImageFile, decode_image, encode_image
from chromahint.images.preparation.prepare import prepare
from chromahint.images.preparation.settings import for_thumbnail, parse_preparation
from chromahint.inference.colorizer import Colorizer
from chromahint.inference.look import Look
from chromahint.inference.preparation_choice import frame_hints
from chromahint.studio.look_query import fitting_look, parse_look
from chromahint.studio.photo import MAX_PHOTO_PIXELS
from chromahint.studio.project_files import output_suffix
from chromahint.studio.session_content import hints_of, model_of

_THUMBNAIL_SIZE = 360
"""Longer side of a thumbnail in pixels."""


def color_file(path: Path, session: Mapping[str, Any], colorizer: Colorizer) -> bytes:
    """Color a photo at its full size, with the same result as `chromahint colorize --hints SESSION --prepare SESSION`.

    Args:
        path: The photo.
        session: Its session.
        colorizer: The network.

    Returns:
        An image file, with the extension `output_suffix`.

    Raises:
        ValueError: The photo or its session can't be read.
    """
    scan = decode_image(read_bytes(path), path.name, MAX_PHOTO_PIXELS)
    preparation = parse_preparation(session["preparation"])
    image = prepare(scan, preparation)
    size = scan.pixels.shape[0], scan.pixels.shape[1]
    colored = colorizer.colorize(
        image.pixels, frame_hints(_hints(session, colorizer), size, preparation), _look(session)
    )
    return encode_image(image.colorized(colored), output_suffix(path))


def color_thumbnail(path: Path, session: Mapping[str, Any], colorizer: Colorizer) -> bytes:
    """Color a small version of a photo.

    Args:
        path: The photo.
        session: Its session.
        colorizer: The network.

    Returns:
        A JPEG file.

    Raises:
        ValueError: The photo or its session can't be read.
    """
    data = read_bytes(path)
    full_size = read_size(data, path.name)
    pixels = decode_rgb(data, path.name, _THUMBNAIL_SIZE)
    scale = min(1.0, _THUMBNAIL_SIZE / max(pixels.shape[:2]))
    size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
    small = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    preparation = for_thumbnail(parse_preparation(session["preparation"]))
    small_size = small.shape[0], small.shape[1]
    hints = frame_hints(_hints(session, colorizer).resized(full_size, small_size), small_size, preparation)
    colored = colorizer.colorize(prepare(ImageFile(small), preparation).pixels, hints, _look(session))
    file = io.BytesIO()
    Image.fromarray(colored).save(file, "JPEG", quality=85)
    return file.getvalue()


def _look(session: Mapping[str, Any]) -> Look:
    """Return how the colors of a session are used."""
    settings = session["settings"]
    look = parse_look({name: settings[name] for name in ("strength", "reach") if name in settings})
    return fitting_look(look, model_of(session))


def _hints(session: Mapping[str, Any], colorizer: Colorizer) -> Annotations:
    """Return the hints of a session, without a palette if the network takes none."""
    hints = hints_of(session)
    return hints if colorizer.takes_palette else replace(hints, palette=())
