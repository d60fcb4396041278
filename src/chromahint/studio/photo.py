"""An open photo: its lightness, its versions for the page, and its original colors."""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.color import lab_to_gamut_mapped_rgb, lab_to_rgb8, rgb_to_lab
from chromahint.hints.annotations import Annotations, Polyline
from chromahint.hints.framing import frame_annotations
from chromahint.images.image_file import OUTPUT_FORMATS, ImageFile, decode_image
from chromahint.images.pixels import Pixels
from chromahint.images.preparation.framing import Frame, frame_matrix
from chromahint.images.preparation.prepare import automatic, has_color, prepare
from chromahint.images.preparation.settings import Preparation
from chromahint.inference.array_adapters import open_images
from chromahint.inference.colorizer import Colorizer
from chromahint.inference.look import Look
from chromahint.inference.session import Session, compute_lightness, row_chunks

MAX_PHOTO_PIXELS = 50_000_000
_MAX_DISPLAY_PIXELS = 16_000_000
"""Some browsers can't display larger images."""
_MAX_SESSIONS = 3
_MAX_PNG_PIXELS = 1_500_000
"""Larger images are encoded as JPEG, since PNG would be slow."""
_MAX_COMPACT_PIXELS = 700_000
_JPEG_QUALITY = 95


class Photo:
    """A decoded photo, prepared for coloring. Positions on it are in pixels of the scan, whatever is cropped.

    Args:
        scan: the decoded file.
        name: file name.
        digest: hash of the file.
        preparation: what to do with the scan.
    """

    def __init__(self, scan: ImageFile, name: str, digest: str, preparation: Preparation) -> None:
        self.name = name
        self.digest = digest
        self.scan = scan
        self.preparation = preparation
        self._automatic: dict[str, Any] | None = None
        self.image = prepare(scan, preparation)
        _, self.matrix = frame_matrix(preparation.frame, *self.scan_size)
        [self._buffer], self._close = open_images(self.image.pixels)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lightness = compute_lightness(self._buffer, torch.device("cpu"))
        self._targets: dict[tuple[int, int], Tensor] = {}
        self.has_color = has_color(self.image.pixels)

    @classmethod
    def decode(cls, data: bytes, name: str, digest: str) -> Photo:
        """Decode a file.

        Args:
            data: contents of the image file.
            name: file name.
            digest: hash of the file.

        Raises:
            ValueError: the file is not an image, or it is too large.
        """
        name = Path(name.replace("\\", "/")).name or "photo"
        scan = decode_image(data, name, MAX_PHOTO_PIXELS)
        return cls(scan, name, digest, Preparation())

    def prepared(self, preparation: Preparation) -> Photo:
        """Return the photo with another preparation."""
        photo = Photo(self.scan, self.name, self.digest, preparation)
        photo._automatic = self._automatic
        return photo

    @property
    def scan_size(self) -> tuple[int, int]:
        """Height and width of the scan."""
        return self.scan.pixels.shape[0], self.scan.pixels.shape[1]

    @property
    def num_pixels(self) -> int:
        """Number of pixels that are kept in memory."""
        return self.size[0] * self.size[1] + self.scan_size[0] * self.scan_size[1] * (self.image is not self.scan)

    def automatic_preparation(self) -> dict[str, Any]:
        """Return settings that put right what is wrong with the scan, as JSON. They are computed once."""
        if self._automatic is None:
            self._automatic = automatic(self.scan).to_json()
        return self._automatic

    def to_picture(self, x: int, y: int) -> tuple[int, int]:
        """Map a pixel of the scan to the prepared photo."""
        picture_x, picture_y = (round(value) for value in (self.matrix @ (x, y, 1)).tolist())
        return picture_x, picture_y

    def to_scan(self, x: int, y: int) -> tuple[int, int]:
        """Map a pixel of the prepared photo to the scan, the opposite of `to_picture`."""
        (height, width), turn, shift = self.scan_size, self.matrix[:, :2], self.matrix[:, 2]
        scan_x, scan_y = (round(value) for value in (turn.T @ (np.array([x, y]) - shift)).tolist())
        return min(width - 1, max(0, scan_x)), min(height - 1, max(0, scan_y))

    def outline_on_scan(self, outline: Polyline, size: tuple[int, int]) -> Polyline:
        """Map an outline on a resized version of the prepared photo to the scan.

        Args:
            outline: positions in pixels of that version.
            size: its height and width.
        """
        turn, shift = self.matrix[:, :2], self.matrix[:, 2]
        scale = np.array([self.size[1] / size[1], self.size[0] / size[0]])
        positions = ((np.array(outline) + 0.5) * scale - 0.5 - shift) @ turn
        return tuple((x, y) for x, y in positions.round(2).tolist())

    def framed(self, annotations: Annotations) -> Annotations:
        """Map annotations from the scan to the prepared photo."""
        if self.preparation.frame == Frame():
            return annotations
        return frame_annotations(annotations, self.scan_size, self.matrix, self.size)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self._buffer.size

    def info(self) -> dict[str, Any]:
        """Return what the page needs to know about the photo."""
        suffix = Path(self.name).suffix.lower()
        return {
            "name": self.name,
            "width": self.size[1],
            "height": self.size[0],
            "scan_width": self.scan_size[1],
            "scan_height": self.scan_size[0],
            "matrix": self.matrix.tolist(),
            "preparation": self.preparation.to_json(),
            "has_color": self.has_color,
            "blake2b": self.digest,
            "suffix": suffix if suffix in OUTPUT_FORMATS else ".png",
        }

    def session(self, model: str, colorizer: Colorizer) -> Session:
        """Return the photo's session with a model. All sessions share the lightness of the photo."""
        session = self._sessions.get(model)
        if session is None or session.network is not colorizer.network:
            session = self._sessions[model] = colorizer.open_session(self._buffer, self._lightness)
        self._sessions.move_to_end(model)
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def color_full(
        self, session: Session, annotations: Annotations, look: Look, deep: bool
    ) -> tuple[ImageFile, Pixels]:
        """Color the photo at its full size; return the photo and its colored version, of the same bit depth.

        Args:
            session: a session of the photo.
            annotations: points and strokes on the prepared photo.
            look: how the colors are used.
            deep: whether both are to have 16 bits per channel.
        """
        image, close = self.image, self._close
        if deep and image.pixels.dtype != np.uint16:
            image = image.with_16_bits()
            [buffer], close = open_images(image.pixels)
            session = Session(session.network, session.size, session.square, session.device, buffer, self._lightness)
        session.colorize_full(annotations, look)
        pixels: Pixels = close()
        return image, pixels

    def gray(self, compact: bool) -> tuple[bytes, str]:
        """Encode the lightness as an image file; return its contents and media type.

        Args:
            compact: whether the file is to be small, for a slow line: a JPEG of no more than a screen shows.
        """
        lightness: NDArray[np.float32] = self._lightness[0, 0].numpy()
        lightness = _fit(lightness, _MAX_COMPACT_PIXELS if compact else _MAX_DISPLAY_PIXELS)
        height, width = lightness.shape
        gray = np.empty((height, width), np.uint8)
        for start, rows in row_chunks(height, width):
            chunk = torch.from_numpy(lightness[start : start + rows])[None, None]
            gray[start : start + rows] = lab_to_rgb8(chunk, torch.zeros(1, 2, rows, width))[0, 0].numpy()
        return _encode_jpeg(gray) if compact or gray.size > _MAX_PNG_PIXELS else _encode_png(gray)

    def original(self) -> tuple[bytes, str]:
        """Encode the unchanged photo as an image file, to look at; return its contents and media type."""
        return _encode_jpeg(_display_pixels(self.image)[..., ::-1])

    def unprepared(self) -> tuple[bytes, str]:
        """Encode the scan as an image file, to look at; return its contents and media type."""
        return _encode_jpeg(_display_pixels(self.scan)[..., ::-1])

    def psnr(self, lightness: Tensor, ab: Tensor) -> float | None:
        """Return the PSNR of colors against those of the photo in dB, at their size; None if the photo is gray.

        Args:
            lightness: L 11HW in 0..100.
            ab: 12HW in Lab units.
        """
        if not self.has_color:
            return None
        height, width = ab.shape[-2:]
        if (height, width) not in self._targets:
            small = cv2.resize(_display_pixels(self.image), (width, height), interpolation=cv2.INTER_AREA)
            original_ab = rgb_to_lab(torch.from_numpy(small).permute(2, 0, 1)[None])[1]
            self._targets[height, width] = lab_to_gamut_mapped_rgb(lightness, original_ab).mul(255).round()
        colored = lab_to_gamut_mapped_rgb(lightness, ab).mul(255).round()
        mse = (colored - self._targets[height, width]).square().mean()
        return min(100.0, 10 * math.log10(255**2 / max(float(mse), 1e-9)))


def _display_pixels(image: ImageFile) -> NDArray[np.uint8]:
    """Return an image as HxWx3 uint8, no larger than browsers can display."""
    pixels = _fit(image.pixels, _MAX_DISPLAY_PIXELS)
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257)
    pixels = pixels.astype(np.uint8, copy=False)
    return np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels


def _fit(pixels: NDArray[Any], max_pixels: int) -> NDArray[Any]:
    """Shrink an image if it is larger."""
    scale = math.sqrt(max_pixels / (pixels.shape[0] * pixels.shape[1]))
    if scale >= 1:
        return pixels
    size = int(pixels.shape[1] * scale), int(pixels.shape[0] * scale)
    resized: NDArray[Any] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return resized


def _encode_png(pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
    _, data = cv2.imencode(".png", pixels)
    return data.tobytes(), "image/png"


def _encode_jpeg(pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes(), "image/jpeg"
