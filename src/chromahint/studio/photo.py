"""One open photo: its lightness, what it looks like on the page, and its colors where it had some."""

from __future__ import annotations

import math
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.color import lab_to_rgb8, lab_to_shown_rgb, rgb_to_lab
from chromahint.images.image_file import WRITTEN, Pixels, decode_picture
from chromahint.inference.array_adapters import open_images
from chromahint.inference.colorizer import Colorizer
from chromahint.inference.session import Session, lightness_of, row_chunks

MOST_PIXELS = 50_000_000
_SHOWN = 16_000_000
"""Pixels of the photo that a page can show; some browsers have no larger pictures."""
_MOST_SESSIONS = 3
_EXACT = 1_500_000
_SPREAD = 2.0


class Photo:
    """A photo, decoded.

    Args:
        data: of the file.
        name: of the file.

    Raises:
        ValueError: it is no photo, or too large a one.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = Path(name.replace("\\", "/")).name or "photo"
        self.digest = blake2b(data, digest_size=16).hexdigest()
        self.picture = decode_picture(data, self.name, MOST_PIXELS)
        [self._opened], self._close = open_images(self.picture.pixels)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lightness = lightness_of(self._opened, torch.device("cpu"))
        self._truths: dict[tuple[int, int], Tensor] = {}
        self.is_colored = self._has_colors()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self._opened.size

    def about(self) -> dict[str, Any]:
        """What the page needs to know."""
        suffix = Path(self.name).suffix.lower()
        return {
            "name": self.name,
            "width": self.size[1],
            "height": self.size[0],
            "colored": self.is_colored,
            "blake2b": self.digest,
            "kind": suffix if suffix in WRITTEN else ".png",
        }

    def session(self, model: str, colorizer: Colorizer) -> Session:
        """What a network sees of it; all of them share the photo's lightness."""
        session = self._sessions.get(model)
        if session is None or session.network is not colorizer.network:
            session = self._sessions[model] = colorizer.open(self._opened, self._lightness)
        self._sessions.move_to_end(model)
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def filled(self) -> Pixels:
        """The pixels that a session has colored last."""
        pixels: Pixels = self._close()
        return pixels

    def gray(self) -> tuple[bytes, str]:
        """A picture of the lightness alone, and its kind: the same that networks see, and that is kept."""
        lightness: NDArray[np.float32] = _fitting(self._lightness[0, 0].numpy())
        height, width = lightness.shape
        gray = np.empty((height, width), np.uint8)
        for first, rows in row_chunks(height, width):
            strip = torch.from_numpy(lightness[first : first + rows])[None, None]
            gray[first : first + rows] = lab_to_rgb8(strip, torch.zeros(1, 2, rows, width))[0, 0].numpy()
        return _encoded(gray)

    def original(self) -> tuple[bytes, str]:
        """The photo as it came."""
        return _encoded(self._shown()[..., ::-1])

    def psnr(self, lightness: Tensor, ab: Tensor) -> float | None:
        """How near colors are to the photo's own, in dB, at the size of these; None where it had none.

        Args:
            lightness: 11hw.
            ab: 12hw.
        """
        if not self.is_colored:
            return None
        height, width = ab.shape[-2:]
        if (height, width) not in self._truths:
            small = cv2.resize(self._shown(), (width, height), interpolation=cv2.INTER_AREA)
            own = rgb_to_lab(torch.from_numpy(small).permute(2, 0, 1)[None])[1]
            self._truths[height, width] = lab_to_shown_rgb(lightness, own).mul(255).round()
        apart = (lab_to_shown_rgb(lightness, ab).mul(255).round() - self._truths[height, width]).square().mean()
        return min(100.0, 10 * math.log10(255**2 / max(float(apart), 1e-9)))

    def _shown(self) -> NDArray[np.uint8]:
        """HxWx3 of 8 bits, at most as large as a page can show."""
        pixels = _fitting(self.picture.pixels)
        if pixels.dtype == np.uint16:
            pixels = np.rint(pixels / 257)
        pixels = pixels.astype(np.uint8, copy=False)
        return np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels

    def _has_colors(self) -> bool:
        pixels = self.picture.pixels
        if pixels.ndim == 2:
            return False
        few = pixels[:: max(1, pixels.shape[0] // 256), :: max(1, pixels.shape[1] // 256)].astype(np.float32)
        return float(np.ptp(few, axis=2).mean()) > _SPREAD * (257 if pixels.dtype == np.uint16 else 1)


def _fitting(pixels: NDArray[Any]) -> NDArray[Any]:
    """A picture, shrunk if it is larger than a page can show."""
    share = math.sqrt(_SHOWN / (pixels.shape[0] * pixels.shape[1]))
    if share >= 1:
        return pixels
    size = int(pixels.shape[1] * share), int(pixels.shape[0] * share)
    shrunk: NDArray[Any] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return shrunk


def _encoded(pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
    """As PNG where that is quick, as JPEG where it is large."""
    exact = pixels.shape[0] * pixels.shape[1] <= _EXACT
    options = [] if exact else [cv2.IMWRITE_JPEG_QUALITY, 95]
    _, data = cv2.imencode(".png" if exact else ".jpg", pixels, options)
    return data.tobytes(), "image/png" if exact else "image/jpeg"
